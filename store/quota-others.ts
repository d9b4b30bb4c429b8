import type { QuotaObservation } from './quotas-interface.ts';

/** What a process believes of a bucket. Times by its own monotonic clock, in milliseconds. */
export interface Belief {
  limit: number;
  fromHeaders: boolean;
  windowMs: number;
  share: number;
  /** Of a call; 1 unless told. */
  cost?: number;
  squeeze?: { perMs: number; until: number };
  /** When the vendor's window ends: the earliest that its answers allow. */
  resetAt?: number;
  resetSetAt?: number;
  /** It is told by the second. */
  coarse?: boolean;
  remaining?: number;
  /** A window was seen to begin anew: it is one that ends at its reset, and what is left until then is ours. */
  renewed?: boolean;
  /** Windows shorter than their length end since then: calls that were counted leave one by one. */
  shortSince?: number;
  /** The vendor counts over the last window's length, or refills steadily: its reset moves on and on. */
  rolling?: boolean;
  /** A higher limit was seen first at this time. */
  higherSince?: number;
  /** Units that all processes were to send from one time to another. */
  sent?: (from: number, until: number) => number;
  /** What the dearest call of late cost, where only answers tell. */
  dearest?: number;
  /** Units that calls cost more than was charged, as answers told since `sent` was known. */
  toldMore?: number;
  others?: Others;
  /** A pause of before shows in the vendor's figures only from then on. */
  stepBackAfter?: number;
}

/** What somebody else spends of the same limit, as the vendor's figures tell less what we sent ourselves. */
export interface Others {
  /** Units a millisecond in the window before, as far as they were seen. */
  before: number;
  /** Units within the window, as seen lately. */
  seen: { at: number; units: number }[];
}

/** Permits of a quarter second are counted as one; a short window cannot tell well when each of them is sent. */
const blurred = ({ limit, windowMs }: Belief) => (limit / windowMs) * Math.max(0, 125 - windowMs / 32);

/** So few may be ours: sent a moment earlier or later than we believe. */
const tolerated = (belief: Belief) => 1 + dearestOf(belief) + belief.limit * 0.005 + blurred(belief);

/** Of the calls that may come. */
export const dearestOf = ({ cost = 1, dearest = 0 }: Belief): number => Math.max(1, cost, dearest);

/** Adds what this reading tells of the time since `from` (when the vendor counted it, one of ours was under way); of what was seen before, a fifth of a window is kept. */
function look(
  belief: Belief,
  remaining: number,
  { inFlight = 0, tookMs = 0 }: QuotaObservation,
  from: number,
  at: number,
): Others {
  const others: Others = (belief.others ??= { before: 0, seen: [] });
  const ours = belief.sent && belief.sent(from - tookMs, at) + (belief.toldMore ?? 0);
  const more = ours === undefined ? 0 : belief.limit - remaining - ours + inFlight;
  const units = more > tolerated(belief) ? more : 0;
  const since = at - belief.windowMs / 5;
  others.seen = [...others.seen.filter((_one, n, all) => (all[n + 1]?.at ?? at) > since), { at, units }];
  return others;
}

/** A window begins anew. */
export function turnWindow({ others, windowMs }: Belief): void {
  if (others) others.before = (others.seen.at(-1)?.units ?? 0) / windowMs;
}

/**
 * Of a window that ends: units until then. They may stop as well, so something is always left to try; the more, the less
 * of the window was seen.
 */
export function forecastWindow(belief: Belief, remaining: number, reading: QuotaObservation, at: number): number {
  const forMs = belief.resetAt! - at;
  const began = at - Math.max(0, belief.windowMs - forMs);
  const others = look(belief, remaining, reading, began, at);
  others.seen = others.seen.filter((one) => one.at >= began);
  const first = others.seen.length > 1 ? others.seen[0]! : { at: began, units: 0 };
  const prior = belief.windowMs / 8;
  const grown = Math.max(0, others.seen.at(-1)!.units - first.units);
  const perMs = (grown + others.before * prior) / (at - first.at + prior);
  return Math.min(perMs * forMs, (0.9 - (0.4 * forMs) / belief.windowMs) * remaining);
}

/** Of a window that moves: units a window. What began only now is not yet all in the figures. */
export function forecastRolling(belief: Belief, remaining: number, reading: QuotaObservation, at: number): number {
  const { windowMs } = belief;
  const { seen } = look(belief, remaining, { ...reading, tookMs: 0 }, at - windowMs, at);
  const lately = seen.filter((one) => one.at > at - windowMs / 20);
  const usual = lately.reduce((sum, one) => sum + one.units, 0) / lately.length;
  const [first] = seen as [{ at: number; units: number }];
  const grown = seen.at(-1)!.units - first.units;
  const growth = grown > tolerated(belief) ? (grown * windowMs) / Math.max(windowMs / 5, at - first.at) : 0;
  return Math.max(usual, growth);
}
