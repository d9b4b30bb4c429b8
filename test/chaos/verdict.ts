import type { Measured } from '../bench/measured.ts';
import type { RoundResult } from './round.ts';

/** What the design promises of a run of all kinds. */
const promised = 30;

export interface Run {
  /** Kinds that there were to draw from. */
  kinds: readonly string[];
  /** Until every kind has struck, and not for so many rounds or minutes. */
  whole: boolean;
  results: readonly RoundResult[];
  /** The command that does a round again. */
  again: (result: RoundResult) => string;
  details: Record<string, unknown>;
  logFolder: string;
}

function times(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** A run of all kinds is held against what is promised, any other against the kinds that it came to. */
export function verdictOf({ kinds, whole, results, again, details, logFolder }: Run): Measured {
  const failed = results.filter(({ differences }) => differences.length > 0);
  const broken = new Set(failed.flatMap(({ struck }) => struck));
  const struck = times(results.flatMap((result) => result.struck));
  const drawn = whole ? kinds : kinds.filter((kind) => results.some((result) => result.drawn.includes(kind)));
  const noOccasion = drawn.filter((kind) => !struck[kind]);
  const survived = drawn.filter((kind) => struck[kind] && !broken.has(kind));
  const first = failed[0];
  return {
    name: 'chaos',
    figure: survived.length,
    limit: whole ? Math.min(promised, kinds.length) : drawn.length,
    unit: 'kinds of fault survived',
    holds: failed.length === 0 && results.length > 0 && noOccasion.length === 0,
    details: {
      ...details,
      rounds: results.length,
      kinds: Object.fromEntries(kinds.map((kind) => [kind, struck[kind] ?? 0])),
      noOccasion,
      rolledOver: times(results.flatMap(({ rolledOver }) => rolledOver)),
      actions: results.reduce((sum, { actions }) => sum + actions, 0),
      longestRun: Math.max(0, ...results.map(({ longestRun }) => longestRun)),
      seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
      ...(first && {
        failed: {
          round: first.round,
          kinds: first.drawn,
          differences: first.differences,
          again: again(first),
          logFolder,
        },
      }),
    },
  };
}

/** That nothing was lost is not said where something never happened, nor that something was. */
export function wordFor({ holds, details }: Measured): string {
  if (holds) return 'holds';
  const noOccasion = details['noOccasion'] as string[];
  if (details['failed'] || noOccasion.length === 0) return 'FALLS SHORT';
  return `NOT TRIED, nothing lost (no occasion for ${noOccasion.join(', ')})`;
}
