import type { Measured } from '../bench/measured.ts';
import { phases, sumOf, type Seconds } from './phases.ts';
import type { RoundResult } from './round.ts';

/** What the design promises of a run of all kinds. */
const promised = 30;

export interface Run {
  /** Kinds that there were to draw from. */
  kinds: readonly string[];
  /** Those of them that must meet a rollover. */
  rolling: readonly string[];
  /** Until every kind has struck, and not for so many rounds or minutes. */
  whole: boolean;
  results: readonly RoundResult[];
  /** The command that does a round again. */
  again: (result: RoundResult) => string;
  details: Record<string, unknown>;
  logFolder: string;
  /** To bring all up, and to end it. */
  worldSeconds: number;
}

function times(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

type Rolled = Pick<RoundResult, 'struck' | 'rolledOver'>;

/** Kinds that struck, and never in a time in which the connection's workflow rolled over. */
export const withoutRollover = (rolling: readonly string[], results: readonly Rolled[]): string[] =>
  rolling.filter(
    (kind) =>
      results.some(({ struck }) => struck.includes(kind)) &&
      !results.some(({ rolledOver }) => rolledOver.includes(kind)),
  );

/** A run of all kinds is held against what is promised, any other against the kinds that it came to. */
export function verdictOf(run: Run): Measured {
  const { kinds, rolling, whole, results, again, details, logFolder, worldSeconds } = run;
  const failed = results.filter(({ differences }) => differences.length > 0);
  const broken = new Set(failed.flatMap(({ struck }) => struck));
  const struck = times(results.flatMap((result) => result.struck));
  const drawn = whole ? kinds : kinds.filter((kind) => results.some((result) => result.drawn.includes(kind)));
  const noOccasion = drawn.filter((kind) => !struck[kind]);
  const survived = drawn.filter((kind) => struck[kind] && !broken.has(kind));
  const unrolled = withoutRollover(rolling, results);
  const first = failed[0];
  return {
    name: 'chaos',
    figure: survived.length,
    limit: whole ? Math.min(promised, kinds.length) : drawn.length,
    unit: 'kinds of fault survived',
    holds: failed.length === 0 && results.length > 0 && noOccasion.length === 0 && (!whole || unrolled.length === 0),
    details: {
      ...details,
      rounds: results.length,
      kinds: Object.fromEntries(kinds.map((kind) => [kind, struck[kind] ?? 0])),
      noOccasion,
      rolledOver: times(results.flatMap(({ rolledOver }) => rolledOver)),
      withoutRollover: unrolled,
      actions: results.reduce((sum, { actions }) => sum + actions, 0),
      longestRun: Math.max(0, ...results.map(({ longestRun }) => longestRun)),
      ...timesOf(worldSeconds, results),
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

function timesOf(world: number, results: readonly RoundResult[]) {
  const sum = (of: (seconds: Seconds) => number) => results.reduce((all, { seconds }) => all + of(seconds), 0);
  const each = phases.map((phase) => [phase, Math.round(sum((seconds) => seconds[phase] ?? 0))] as const);
  return { seconds: Math.round(world + sum(sumOf)), phases: { world: Math.round(world), ...Object.fromEntries(each) } };
}

/** That nothing was lost is not said where something never happened, nor that something was. */
export function wordFor({ holds, details }: Measured): string {
  if (holds) return 'holds';
  const of = (name: string) => details[name] as string[];
  const [noOccasion, unrolled] = [of('noOccasion'), of('withoutRollover')];
  if (details['failed'] || noOccasion.length + unrolled.length === 0) return 'FALLS SHORT';
  const why = [
    ...(noOccasion.length > 0 ? [`no occasion for ${noOccasion.join(', ')}`] : []),
    ...(unrolled.length > 0 ? [`no rollover with ${unrolled.join(', ')}`] : []),
  ];
  return `NOT TRIED, nothing lost (${why.join('; ')})`;
}
