import type { RunOf } from './runs-of.ts';

export interface HistoryFigures {
  runs: number;
  /** Events of the longest run. */
  longest: number;
  /** Events from one round of looks for changes to the next, when nothing else goes on. Quiet looks cost none. */
  aPoll: number;
  /** How many such there were. */
  polls: number;
  /** Events from the first chunk of the scans to the end of the last, without those of looks for changes, by page. */
  aPage: number;
}

type Event = NonNullable<RunOf['history']['events']>[number];

/** What `patched()` writes where a run comes by it first: its marker, and `TemporalChangeVersion`. Once a run, so no cost of a round. */
const isOfAPatch = (event: Event): boolean =>
  event.markerRecordedEventAttributes?.markerName === 'core_patch' ||
  event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields?.['TemporalChangeVersion'] !=
    null;

const isLook = (activity: string): boolean => activity === 'watchChunk' || activity === 'watchQuietly';

/** What the histories of one connection cost. `pages` were read in them. */
export function figuresOf(runs: readonly RunOf[], pages: number): HistoryFigures {
  const polls: number[] = [];
  let sweeping = 0;
  for (const { history } of runs) {
    const events = history.events ?? [];
    const starts = events.flatMap((event, at) => {
      const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
      return name ? [{ name, at, id: Number(event.eventId) }] : [];
    });
    starts.forEach(({ name, at }, n) => {
      const next = starts[n + 1];
      if (name === 'watchChunk' && next && isLook(next.name))
        polls.push(events.slice(at, next.at).filter((event) => !isOfAPatch(event)).length);
    });
    const chunks = starts.filter(({ name }) => name === 'sweepChunk');
    const ends = events.flatMap((event, at) => {
      const of = Number(event.activityTaskCompletedEventAttributes?.scheduledEventId ?? -1);
      return chunks.some(({ id }) => id === of) ? [at] : [];
    });
    const [first, last] = [chunks[0]?.at, ends.at(-1)];
    if (first === undefined || last === undefined) continue;
    const looks = starts.filter(({ name, at }) => isLook(name) && at > first && at < last).length;
    sweeping += last - first + 1 - looks * Math.min(...polls, 11);
  }
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    runs: runs.length,
    longest: Math.max(...runs.map(({ length }) => length)),
    aPoll: polls.length > 0 ? Math.min(...polls) : 0,
    polls: polls.length,
    aPage: round(sweeping / pages),
  };
}
