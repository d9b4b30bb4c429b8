export interface Interval {
  from: Date;
  until: Date;
}

/** Adds an interval; those that touch or overlap become one. Sorted by their starts. Empty ones are left out. */
export function mergeInterval(intervals: readonly Interval[], added: Interval): Interval[] {
  const merged: Interval[] = [];
  const sorted = [...intervals, added]
    .filter(({ from, until }) => from < until)
    .sort((a, b) => a.from.getTime() - b.from.getTime());
  for (const { from, until } of sorted) {
    const last = merged[merged.length - 1];
    if (last && from <= last.until) last.until = until > last.until ? until : last.until;
    else merged.push({ from, until });
  }
  return merged;
}

/** What lies between the first and the last interval and was not read. */
export function holesIn(intervals: readonly Interval[]): Interval[] {
  const holes: Interval[] = [];
  for (const [at, { from }] of intervals.entries()) {
    const before = intervals[at - 1];
    if (before && before.until < from) holes.push({ from: before.until, until: from });
  }
  return holes;
}
