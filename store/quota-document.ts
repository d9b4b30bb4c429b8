import type { Document, IndexDescription } from 'mongodb';

/** Units that all processes were granted, by when they may be sent; a part of the window each. */
export interface LedgerEntry {
  part: number;
  /** The first of them, by MongoDB's clock. */
  from: number;
  units: number;
}

/** Times are milliseconds since 1970 by MongoDB's clock, as doubles: a pace of a thousand calls a second needs fractions. */
export interface QuotaDocument {
  _id: string;
  kind: 'rate' | 'budget' | 'concurrent';
  usedAt: Date;
  /** What the connector says. */
  limit?: number;
  windowMs?: number;
  share?: number;
  /** What replaces it: the vendor's headers said so, or its throttles made us careful (or, unpublished, bold). */
  learned?: number;
  learnedFrom?: 'headers' | 'throttles';
  raisedAt?: number;
  usedSinceRaise?: number;
  /** What the dearest call of late cost, where only answers tell. */
  dearest?: number;
  /** When the next call may go, and when the next may go out of what is kept for actions. */
  tat?: number;
  reserveTat?: number;
  /** Between two units, as last computed. */
  unitMs?: number;
  reserveUnitMs?: number;
  /** What was granted in the last window, by all. */
  recent?: LedgerEntry[];
  /** Who shares the bucket, and how far each is in its turns. */
  turn?: number;
  turns?: { id: string; finish: number; until: number }[];
  /** Calls were left out to make room, and nobody is to do so again until then. */
  steppedUntil?: number;
  /** Room is scarce: until then little is booked ahead, so that every process soon hears of what another has seen. */
  tightUntil?: number;
  /** Others consume too: the pace until the window ends. */
  squeeze?: { perMs: number; until: number };
  stop?: { until: number; vendorUntil: number; since: number; tries: number; probe?: string; probeUntil?: number };
  /** Budgets. */
  spent?: number;
  windowEndsAt?: number;
  /** Concurrency. */
  slots?: { id: string; holder: string; until: number; urgency: string }[];
  /** The processes that share them: each has its turn. */
  askers?: {
    id: string;
    connections: number;
    urgency: string;
    servedAt: number;
    waitsUntil: number;
    keptUntil: number;
  }[];
  halvedUntil?: number;
  waiting?: { actions?: number; watch?: number };
  /** What the last request was told. */
  outcome?: QuotaOutcome;
}

export interface QuotaOutcome {
  id: string;
  at: number;
  granted: number;
  startAt?: number;
  everyMs?: number;
  slackMs?: number;
  inMs?: number;
  why?: string;
  probe?: string | null;
  reserve?: boolean;
}

/** A bucket that nobody used for so long is forgotten, with what was learned of it. */
const forgottenAfterS = 180 * 86_400;
export const quotaIndexes: IndexDescription[] = [
  { name: 'forgotten', key: { usedAt: 1 }, expireAfterSeconds: forgottenAfterS },
];

export interface QuotaTimes {
  /** How many milliseconds of permits one request gets at most, and how far ahead a sweep may book. */
  grantMs: number;
  /** The same while room is scarce. */
  tightGrantMs: number;
  /** The longest a permit stays good after its time. */
  expiryMs: number;
  /** How long the one call that reopens a bucket may take. */
  probeMs: number;
  /** A refused try shows that the vendor's time was too short: so long, doubled by each further one, up to a minute. */
  refusedProbeMs: number;
  /** A longer wait than this is tried by one call every so often. */
  longestStopMs: number;
  /** A throttle of concurrency: the back-off, jittered between the two, and how long slots stay halved. */
  concurrencyStopMs: readonly [number, number];
  halvedMs: number;
  /** A clean minute. */
  learnEveryMs: number;
}

export const quotaTimes: QuotaTimes = {
  grantMs: 250,
  tightGrantMs: 50,
  expiryMs: 1_000,
  probeMs: 30_000,
  refusedProbeMs: 1_000,
  longestStopMs: 3_600_000,
  concurrencyStopMs: [1_000, 5_000],
  halvedMs: 60_000,
  learnEveryMs: 60_000,
};

export type Expression = string | number | boolean | null | Document | Expression[];

/** The aggregation language, said shorter. */
export const now: Expression = { $toDouble: '$$NOW' };
export const or0 = (value: Expression, fallback: Expression): Expression => ({ $ifNull: [value, fallback] });
export const cond = (test: Expression, then: Expression, otherwise: Expression): Expression => ({
  $cond: [test, then, otherwise],
});
export const plus = (...parts: Expression[]): Expression => ({ $add: parts });
export const minus = (a: Expression, b: Expression): Expression => ({ $subtract: [a, b] });
export const times = (...parts: Expression[]): Expression => ({ $multiply: parts });
export const over = (a: Expression, b: Expression): Expression => ({ $divide: [a, b] });
export const most = (...parts: Expression[]): Expression => ({ $max: parts });
export const least = (...parts: Expression[]): Expression => ({ $min: parts });
export const above = (a: Expression, b: Expression): Expression => ({ $gt: [a, b] });
export const atMost = (a: Expression, b: Expression): Expression => ({ $lte: [a, b] });
export const both = (...parts: Expression[]): Expression => ({ $and: parts });
export const either = (...parts: Expression[]): Expression => ({ $or: parts });
export const not = (part: Expression): Expression => ({ $not: [part] });
export const same = (a: Expression, b: Expression): Expression => ({ $eq: [a, b] });
export const cases = (branches: readonly [Expression, Expression][], otherwise: Expression): Expression => ({
  $switch: { branches: branches.map(([test, then]) => ({ case: test, then })), default: otherwise },
});
/** Whether a path is there; a missing one is less than every number. */
export const later = (path: string, than: Expression): Expression => above(or0(path, 0), than);

/**
 * What a stop by the vendor means for a request, from `t.now`: `open`, `stopped`, `mayProbe` (the wait is over and
 * nobody tries yet) or `probing`.
 */
export const stopState: Expression = cases(
  [
    [not(later('$stop.until', 0)), 'open'],
    [above('$stop.until', '$t.now'), 'stopped'],
    [later('$stop.probeUntil', '$t.now'), 'probing'],
  ],
  'mayProbe',
);
export const stopWait: Expression = cond(
  same('$t.stop', 'stopped'),
  minus('$stop.until', '$t.now'),
  // Somebody tries: look again soon.
  least(500, most(1, minus('$stop.probeUntil', '$t.now'))),
);
export const stopAfterGrant = (id: string, probeMs: number): Expression =>
  cond(
    '$t.probes',
    { $mergeObjects: ['$stop', { probe: id, probeUntil: plus('$t.now', probeMs) }] },
    or0('$stop', '$$REMOVE'),
  );
