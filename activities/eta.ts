import type { PartsSummary } from '../store/positions-interface.ts';
import type { PaceSample, ScanDocument } from '../store/documents.ts';
import type { Eta, StageName } from '../workflows/messages.ts';

/** Two-sided 90 %. */
const z = 1.645;
const leastIntervals = 3;
const leastParts = 10;
/** How far the app's word, or one scan before, is trusted: scans of a tenant differ. With more scans it is measured. */
const assumedSpread = 0.1;
const leastSpread = 0.02;
/** A pace that may as well be three times as much tells no end. */
const thin = 3;

export interface Work {
  unit: 'pages' | 'read';
  left: number;
  /** Standard deviation of what is left. */
  deviation: number;
  basis: Eta['basis'];
}

export const readOf = ({ added, changed, unchanged }: PartsSummary['counts']): number => added + changed + unchanged;

/**
 * How much of a stage is left. Pages are what a quota paces, and a scan of the same tenant takes about as many as the
 * one before; more where the app says that there are more records now. Without such a scan it is what the app says of
 * every part, or what the parts read so far took. Undefined where none of it tells.
 * @param earlier complete scans, newest first
 */
export function workLeft(summary: PartsSummary, earlier: readonly ScanDocument[], stage: StageName): Work | undefined {
  const { counts, estimate, sizes, open } = summary;
  const before = earlier
    .map(({ stages }) => stages[stage])
    .filter((one) => one?.phase === 'done' && one.counts.pages > 0)
    .map((one) => one!.counts);
  const told = estimate > 0 && sizes.unestimated === 0 && !sizes.listing;
  const newest = before[0];
  if (newest) {
    const growth = told ? Math.max(estimate / Math.max(readOf(newest), 1), 1) : 1;
    const total = newest.pages * growth;
    return left('pages', total, counts.pages, total * spreadOf(before.map(({ pages }) => pages)), 'previous scan');
  }
  if (told) return left('read', estimate, readOf(counts), estimate * assumedSpread, 'app');
  if (sizes.listing || sizes.complete < leastParts) return undefined;
  // Of the mean itself as well as of each part that is left.
  const deviation = sizes.deviation * Math.sqrt(open + open ** 2 / sizes.complete);
  return left('pages', open * sizes.mean, sizes.openPages, deviation, 'parts');
}

const left = (unit: Work['unit'], total: number, done: number, deviation: number, basis: Work['basis']) =>
  total > done ? { unit, left: total - done, deviation, basis } : undefined;

/** From scan to scan, as a share. */
function spreadOf(totals: readonly number[]): number {
  const steps = totals.slice(1).map((older, index) => Math.log(totals[index]! / older));
  if (steps.length < 2) return assumedSpread;
  return Math.max(Math.sqrt(steps.reduce((sum, step) => sum + step ** 2, 0) / steps.length), leastSpread);
}

/** Units a millisecond with the relative standard error, over the time that was spent on reading and its waits. */
export function paceOf(
  samples: readonly PaceSample[],
  unit: Work['unit'],
  chunkMs: number,
): { pace: number; error: number; intervals: number } | undefined {
  const sorted = samples.toSorted((a, b) => a.at.getTime() - b.at.getTime());
  const intervals = sorted.slice(1).flatMap((sample, index) => {
    const before = sorted[index]!;
    const ms = sample.at.getTime() - before.at.getTime();
    // Longer than two chunks and the wait between them nobody was reading: paused, or without a worker.
    return ms > before.waitMs + 2 * chunkMs ? [] : [{ ms, units: Math.max(sample[unit] - before[unit], 0) }];
  });
  const n = intervals.length;
  const ms = intervals.reduce((sum, one) => sum + one.ms, 0);
  const units = intervals.reduce((sum, one) => sum + one.units, 0);
  if (n < leastIntervals || ms <= 0 || units <= 0) return undefined;
  const pace = units / ms;
  const squares = intervals.reduce((sum, one) => sum + (one.units - pace * one.ms) ** 2, 0);
  return { pace, error: Math.sqrt((squares * n) / (n - 1)) / units, intervals: n };
}

/** Student's t for the same probability, by its expansion around the normal: wider where few intervals tell. */
const quantile = (freedom: number): number =>
  z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);

/** Undefined rather than made up. */
export function etaOf(
  now: Date,
  work: Work | undefined,
  samples: readonly PaceSample[],
  { chunkMs, waitMs }: { chunkMs: number; waitMs: number },
): Eta | undefined {
  const found = work && paceOf(samples, work.unit, chunkMs);
  if (!found) return undefined;
  const factor = Math.exp(quantile(found.intervals - 1) * found.error);
  if (factor > thin) return undefined;
  const end = (units: number, by: number): string =>
    new Date(now.getTime() + waitMs + (Math.max(units, 0) / found.pace) * by).toISOString();
  return {
    at: end(work.left, 1),
    earliest: end(work.left - z * work.deviation, 1 / factor),
    latest: end(work.left + z * work.deviation, factor),
    basis: work.basis,
  };
}
