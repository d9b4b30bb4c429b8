import { seeded, type Random } from '../../simulators/kit/seeded.ts';
import type { Measured } from '../bench/measured.ts';
import { createWorld } from './create-world.ts';
import { places, type Fault } from './fault.ts';
import { kinds as allKinds } from './kinds.ts';
import { sumOf } from './phases.ts';
import { runRound, type RoundResult } from './round.ts';
import type { App } from './subject.ts';
import { verdictOf, withoutRollover } from './verdict.ts';

export interface ChaosOptions {
  apps: readonly App[];
  kinds: readonly Fault[];
  seed: number;
  scale: number;
  /** How many rounds; without it and `minutes`, as many as it takes for every kind to strike once. */
  rounds?: number;
  minutes?: number;
  /** Begins with this round of the seed's: to see one again. */
  from?: number;
  /** Kinds of one place in a round at most. */
  perPlace?: number;
  rollAt?: number;
  /** Goes on after a round that fell short, with a new connection; without it that round is the last. */
  goOn?: boolean;
  /** False where the host (a test runner) deals with SIGINT and crashes itself. */
  signals?: boolean;
  /** Compiled beforehand, where several runs need it. */
  code?: string;
  say: (line: string) => void;
}

/** So often the kinds that found no occasion, or met no rollover, get another round. */
const extraRounds = 4;

/**
 * Kinds in an order that the seed decides, cut into as few rounds as `perPlace` allows with about as many of each place in
 * each; every kind comes once before any comes again.
 */
function* decks(kinds: readonly Fault[], random: Random, perPlace: number): Generator<Fault[]> {
  for (;;) {
    const ofPlaces = places.map((place) => shuffled(kinds, random).filter((fault) => fault.place === place));
    const rounds = Math.ceil(Math.max(...ofPlaces.map(({ length }) => length)) / perPlace);
    for (let left = rounds; left > 0; left -= 1)
      yield ofPlaces.flatMap((faults) => faults.splice(0, Math.ceil(faults.length / left)));
  }
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const keyed = values.map((value) => ({ value, at: random() }));
  return keyed.sort((a, b) => a.at - b.at).map(({ value }) => value);
}

const namesOf = (faults: readonly Fault[]): string[] => faults.map(({ kind }) => kind);

/** Those that must meet a rollover: where none is made, none. */
const rolls = (kinds: readonly Fault[], rollAt: number | undefined): string[] =>
  rollAt === undefined ? [] : namesOf(kinds.filter(({ rollsNot }) => rollsNot === undefined));

/** The command that does this round again. What had found no occasion came to a round of its own. */
function againOf(options: ChaosOptions, { round, drawn }: RoundResult, own: boolean): string {
  const { apps, seed, scale, perPlace = 4, rollAt = 0, kinds } = options;
  const only = own ? drawn : kinds.length < allKinds.length ? namesOf(kinds) : [];
  return [
    `npm run chaos -- --app ${apps.length > 1 ? 'both' : apps[0]} --seed ${seed} --scale ${scale} --roll-at ${rollAt}`,
    `--per-place ${own ? drawn.length : perPlace} --from ${round} --rounds 1`,
    ...(only.length > 0 ? [`--only ${only.join(',')}`] : []),
  ].join(' ');
}

const brokenOff = (round: number, drawn: string[], error: unknown): RoundResult => ({
  ...{ round, drawn, struck: [], missed: [], rolledOver: [], actions: 0, longestRun: 0, seconds: {} },
  differences: [`the round was broken off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`],
});

/** Runs until done or until a round falls short; `details` has every kind with how often it struck. */
export async function runChaos(options: ChaosOptions): Promise<Measured> {
  const { apps, seed, scale, rounds, minutes, from = 1, perPlace = 4, say } = options;
  const kinds = options.kinds.filter((kind) => !kind.apps || kind.apps.some((app) => apps.includes(app)));
  const once = rounds === undefined && minutes === undefined;
  const until = minutes === undefined ? Infinity : Date.now() + minutes * 60_000;
  const deck = decks(kinds, seeded(seed), perPlace);
  const own = new Set<number>();
  const results: RoundResult[] = [];
  const again = (result: RoundResult) => againOf(options, result, own.has(result.round));
  const began = performance.now();
  const ground = await createWorld({
    apps,
    seed,
    scale,
    rollAt: options.rollAt,
    say,
    signals: options.signals ?? true,
    code: options.code,
  });
  let worldSeconds = (performance.now() - began) / 1000;
  say(`seed ${seed}, times at ${scale}, up after ${worldSeconds.toFixed(1)} s, logs in ${ground.world.logFolder}`);
  const rolling = rolls(kinds, options.rollAt);
  try {
    const never = () => {
      const lacking = new Set([
        ...namesOf(kinds).filter((kind) => !results.some(({ struck }) => struck.includes(kind))),
        ...withoutRollover(rolling, results),
      ]);
      return kinds.filter(({ kind }) => lacking.has(kind));
    };
    const drawnAll = () => results.length > 0 && results.flatMap(({ drawn }) => drawn).length >= kinds.length;
    let extra = 0;
    for (let round = 1; ; round += 1) {
      let faults = deck.next().value as Fault[];
      if (round < from) continue;
      if (rounds !== undefined && results.length >= rounds) break;
      if (Date.now() > until) break;
      if (once && drawnAll()) {
        if (never().length === 0 || extra >= extraRounds) break;
        extra += 1;
        faults = never();
        own.add(round);
      }
      say(`round ${round}: ${namesOf(faults).join(', ')}`);
      const result = await runRound(ground, seed, round, faults).catch((error: unknown) =>
        brokenOff(round, namesOf(faults), error),
      );
      results.push(result);
      say(lineOf(result));
      if (result.differences.length === 0) continue;
      say(`    again: ${again(result)}`);
      if (!options.goOn) break;
    }
  } finally {
    const ended = performance.now();
    await ground.close();
    worldSeconds += (performance.now() - ended) / 1000;
  }
  return verdictOf({
    ...{ kinds: namesOf(kinds), rolling, whole: once, results, again, logFolder: ground.world.logFolder },
    worldSeconds,
    details: { apps: apps.join(' and '), seed, scale, ...Object.fromEntries(ground.tally) },
  });
}

const lineOf = ({ round, differences, struck, missed, actions, longestRun, seconds }: RoundResult): string =>
  [
    `round ${round} ${differences.length === 0 ? 'holds' : 'FALLS SHORT'} after ${inWords(seconds)}: ${struck.length} struck`,
    ...(missed.length > 0 ? [`no occasion for ${missed.join(', ')}`] : []),
    `${actions} actions, longest run ${longestRun} events`,
    ...differences.map((difference) => `\n    ${difference}`),
  ].join(', ');

const inWords = (seconds: RoundResult['seconds']): string => {
  const parts = Object.entries(seconds).map(([phase, each]) => `${phase} ${Math.round(each)}`);
  return `${Math.round(sumOf(seconds))} s (${parts.join(', ')})`;
};
