import { dearestOf, forecastRolling, forecastWindow, turnWindow, type Belief } from './quota-others.ts';
import type { QuotaObservation } from './quotas-interface.ts';

/** What the bucket's document must be told. */
export interface Correction {
  limit?: number;
  /** Null: others do not use it after all. */
  squeeze?: { perMs: number; forMs: number } | null;
  /** What was booked by the old pace must not be sent. */
  slower?: boolean;
  /** Leave out so many calls. */
  stepBack?: number;
  /** Room is scarce, for so long. */
  tightForMs?: number;
}

/**
 * Judges one answer's figures against what the process believes, and remembers them. Nothing is said while the figures
 * are what our own pace explains, so that the document is written seldom.
 */
export function judgeReading(belief: Belief, reading: QuotaObservation, at: number): Correction | null {
  const correction: Correction = {};
  const before = paceAt(belief, at);
  const rolled = followReset(belief, reading, at);
  if (rolled) turnWindow(belief);
  const limit = reading.limit;
  if (limit !== undefined && limit > 0) {
    if (limit > belief.limit) {
      belief.higherSince ??= at;
      // The first header replaces an assumption; later ones may raise the limit only where a window begins.
      if (!belief.fromHeaders || rolled || at - belief.higherSince >= belief.windowMs) correction.limit = limit;
    } else {
      belief.higherSince = undefined;
      if (limit < belief.limit || !belief.fromHeaders) correction.limit = limit;
    }
    if (correction.limit !== undefined) {
      belief.limit = limit;
      belief.fromHeaders = true;
      belief.higherSince = undefined;
    }
  }
  if (reading.remaining !== undefined) {
    judgeRemaining(belief, reading.remaining, reading, at, correction);
    belief.remaining = reading.remaining;
  }
  if (Object.keys(correction).length === 0) return null;
  if (correction.stepBack !== undefined || paceAt(belief, at) < 0.9 * before) correction.slower = true;
  return correction;
}

/** Units a millisecond. */
function paceAt(belief: Belief, at: number): number {
  const { squeeze, windowMs } = belief;
  return squeeze && squeeze.until > at ? squeeze.perMs : paceNow(belief) / windowMs;
}

/** True when a new window began since the last answer. */
function followReset(belief: Belief, { resetInMs, remaining }: QuotaObservation, at: number): boolean {
  if (resetInMs === undefined) return false;
  // No window ends later than its own length from now, whatever a header that counts in seconds says.
  const resetAt = at + Math.min(resetInMs, belief.windowMs);
  const known = belief.resetAt;
  const set = (rolled: boolean) => {
    belief.resetAt = resetAt;
    belief.resetSetAt = at;
    return rolled;
  };
  if (known === undefined) return set(false);
  // Seconds may be cut or rounded, of the reset as of the vendor's clock.
  belief.coarse = resetInMs % 1000 === 0;
  const blur = belief.coarse ? 1_100 : belief.windowMs * 0.02;
  if (at >= known) {
    const short = blur < belief.windowMs / 2 && resetAt < known + belief.windowMs / 2;
    belief.shortSince = short ? (belief.shortSince ?? at) : undefined;
    belief.rolling = short && at - belief.shortSince! >= belief.windowMs / 10;
    if (belief.rolling) belief.renewed = false;
    if (short) return set(false);
    if (isWhole(belief, remaining)) belief.renewed = true;
    return set(true);
  }
  if (resetAt <= known) {
    belief.resetAt = resetAt;
  } else if (resetAt > known + blur + belief.windowMs * 0.1) {
    const refilled =
      remaining !== undefined && belief.remaining !== undefined && remaining > belief.remaining + 0.2 * belief.limit;
    if (isWhole(belief, remaining)) belief.renewed = true;
    if (refilled || at >= known - blur) return set(true);
    belief.rolling = true;
    belief.renewed = false;
    return set(false);
  }
  if (belief.rolling && at - belief.resetSetAt! > 0.3 * belief.windowMs) belief.rolling = false;
  return false;
}

/** Nearly all is there again. Of a moving window some comes back too while we pause, and must not be made haste with. */
const isWhole = ({ limit, remaining: before = limit }: Belief, remaining: number | undefined): boolean =>
  remaining !== undefined && remaining > 0.9 * limit && remaining > before + 0.2 * limit;

/** Calls a window of the even pace, as the bucket's document reckons them. */
export function paceOf(limit: number, share: number, dearest = 1): number {
  const ours = limit * share;
  return Math.max(ours - dearest - Math.ceil(ours * 0.01), ours * 0.5, Math.min(ours, 1) * 0.9);
}
const paceNow = (belief: Belief): number => paceOf(belief.limit, belief.share, dearestOf(belief));

/** How much faster than evenly what was missed is made good; the bucket's document holds to it too. */
export const mostHaste = 1.25;

function judgeRemaining(
  belief: Belief,
  remaining: number,
  reading: QuotaObservation,
  at: number,
  correction: Correction,
): void {
  const { inFlight = 0 } = reading;
  const { share, windowMs } = belief;
  const unitMs = windowMs / paceNow(belief);
  if (belief.rolling || belief.shortSince !== undefined || belief.resetAt === undefined) {
    judgeRolling(belief, remaining, reading, at, correction);
    return;
  }
  const forMs = belief.resetAt - at;
  const need = forMs / unitMs;
  if (need < 1) return;
  const active = belief.squeeze && belief.squeeze.until > at ? belief.squeeze : undefined;
  // What is under way is not in the vendor's figure yet; one call is the margin.
  const theirs = forecastWindow(belief, remaining, reading, at);
  const left =
    Math.min(remaining * share, remaining - theirs) -
    inFlight -
    mayCostMore(belief, inFlight) -
    (belief.renewed || theirs === 0 ? 1 : leastRoom(belief.limit));
  const tolerated = Math.min(1_000, forMs / 10) / unitMs;
  // Calls that were not sent in time, as when this process was busy, may be made good until the window ends; not of
  // what is kept for actions, nor of what is needed should the window end a second later than it seems to.
  const ours = belief.limit * share;
  const over = left - Math.ceil(ours * 0.01) - Math.ceil(ours * 0.005) - (belief.coarse ? 1_000 / unitMs : 0) - need;
  if (belief.renewed && over > (active ? 0 : 1)) {
    const perMs = Math.min((need + over) / forMs, mostHaste / unitMs);
    if (active && perMs >= 0.95 * active.perMs && perMs <= 1.05 * active.perMs) return;
    belief.squeeze = { perMs, until: belief.resetAt };
    correction.squeeze = { perMs, forMs };
    return;
  }
  if (left < need - tolerated) {
    const perMs = Math.max(0, left) / forMs;
    if (active && perMs >= 0.9 * active.perMs && perMs <= 1.15 * active.perMs) return;
    // A window known by the second may end up to one later.
    const blur = belief.coarse && need - left >= 3 ? Math.min(1_000, windowMs * 0.02) : 0;
    belief.squeeze = { perMs, until: belief.resetAt + blur };
    correction.squeeze = { perMs, forMs: forMs + blur };
  } else if (active && (left >= need || active.perMs * unitMs > 1)) {
    belief.squeeze = undefined;
    correction.squeeze = null;
  }
}

/** Of calls whose cost only their answers tell: those under way and the next one may all be dear. */
const mayCostMore = (belief: Belief, inFlight: number) => {
  const { cost = 1 } = belief;
  return (dearestOf(belief) - Math.max(1, cost)) * (1 + inFlight / cost);
};

/** What is left over beside others: the answers tell soon enough when they take of it. */
const leastRoom = (limit: number) => 1 + Math.ceil(limit * 0.005);

function judgeRolling(
  belief: Belief,
  remaining: number,
  reading: QuotaObservation,
  at: number,
  correction: Correction,
): void {
  const { limit, share, windowMs } = belief;
  const pace = paceNow(belief);
  const theirs = forecastRolling(belief, remaining, reading, at);
  const active = belief.squeeze && belief.squeeze.until > at ? belief.squeeze : undefined;
  const perMs = Math.max(0, Math.min(pace, limit - leastRoom(limit) - theirs)) / windowMs;
  if (theirs > 0 && perMs * windowMs < pace) {
    const lasting = active && active.until - at > windowMs / 4;
    if (!lasting || Math.abs(perMs - active.perMs) > 0.02 * active.perMs) {
      belief.squeeze = { perMs, until: at + windowMs / 2 };
      correction.squeeze = { perMs, forMs: windowMs / 2 };
    }
  } else if (active) {
    belief.squeeze = undefined;
    correction.squeeze = null;
  }
  // What is under way does not count here: as much comes free meanwhile.
  const enough = Math.min(2 + mayCostMore(belief, 0), limit * share - pace);
  const room = remaining * share;
  if (room < enough && at >= (belief.stepBackAfter ?? -Infinity)) {
    correction.stepBack = Math.ceil(enough - room);
    correction.tightForMs = windowMs / 8;
    belief.stepBackAfter = at + (correction.stepBack + 1) / (belief.squeeze?.perMs || pace / windowMs);
  }
}

/** What a process believes of a budget. */
export interface BudgetBelief {
  limit: number;
  share: number;
  spent: number;
  windowMs: number;
  /** By the process's monotonic clock. */
  endsAt: number;
}

export interface BudgetCorrection {
  limit?: number;
  spent?: number;
  endsInMs?: number;
}

/** More was spent than we know of: at once. Less: when the window ends, which the answer may tell. */
export function judgeBudget(
  belief: BudgetBelief,
  { limit, remaining, resetInMs, inFlight = 0 }: QuotaObservation,
  at: number,
): BudgetCorrection | null {
  const correction: BudgetCorrection = {};
  if (limit !== undefined && limit > 0 && limit !== belief.limit) correction.limit = belief.limit = limit;
  if (resetInMs !== undefined && Math.abs(at + resetInMs - belief.endsAt) > Math.max(1_000, belief.windowMs * 0.01)) {
    belief.endsAt = at + resetInMs;
    correction.endsInMs = resetInMs;
  }
  if (remaining !== undefined) {
    const ours = belief.limit * belief.share;
    const spent = (belief.limit - remaining) * belief.share + inFlight;
    if (spent > belief.spent + Math.max(1, ours * 0.005)) correction.spent = belief.spent = spent;
  }
  return Object.keys(correction).length > 0 ? correction : null;
}
