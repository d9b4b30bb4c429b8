import { seeded, type Random } from '../../simulators/kit/seeded.ts';
import type { Measured } from '../bench/measured.ts';
import { createWorld } from './create-world.ts';
import { places, type Fault } from './fault.ts';
import { runRound, type RoundResult } from './round.ts';
import type { App } from './subject.ts';

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
  say: (line: string) => void;
}

const promised = 30;
/** So often the kinds that found no occasion get another round. */
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

/** Runs until done or until a round falls short; `details` has every kind with how often it struck. */
export async function runChaos(options: ChaosOptions): Promise<Measured> {
  const { apps, seed, scale, rounds, minutes, from = 1, perPlace = 4, say } = options;
  const kinds = options.kinds.filter((kind) => !kind.apps || kind.apps.some((app) => apps.includes(app)));
  const once = rounds === undefined && minutes === undefined;
  const until = minutes === undefined ? Infinity : Date.now() + minutes * 60_000;
  const deck = decks(kinds, seeded(seed), perPlace);
  const struck = new Map(kinds.map(({ kind }) => [kind, 0]));
  const results: RoundResult[] = [];
  const ground = await createWorld({
    apps,
    seed,
    scale,
    rollAt: options.rollAt,
    say,
    signals: options.signals ?? true,
  });
  say(`seed ${seed}, times at ${scale}, logs in ${ground.world.logFolder}`);
  try {
    const never = () => kinds.filter(({ kind }) => struck.get(kind) === 0);
    const drawnAll = () =>
      results.length > 0 && results.flatMap((r) => [...r.struck, ...r.missed]).length >= kinds.length;
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
      }
      say(`round ${round}: ${faults.map(({ kind }) => kind).join(', ')}`);
      const result = await runRound(ground, seed, round, faults);
      results.push(result);
      for (const kind of result.struck) struck.set(kind, (struck.get(kind) ?? 0) + 1);
      say(lineOf(result));
      if (result.differences.length > 0 && !options.goOn) break;
    }
  } finally {
    await ground.close();
  }
  return measuredOf({ ...options, kinds }, struck, results, ground.world.logFolder);
}

const lineOf = ({ round, differences, struck, missed, actions, longestRun, seconds }: RoundResult): string =>
  [
    `round ${round} ${differences.length === 0 ? 'holds' : 'FALLS SHORT'} after ${seconds} s: ${struck.length} struck`,
    ...(missed.length > 0 ? [`no occasion for ${missed.join(', ')}`] : []),
    `${actions} actions, longest run ${longestRun} events`,
    ...differences.map((difference) => `\n    ${difference}`),
  ].join(', ');

function measuredOf(
  { kinds, apps, seed, scale }: ChaosOptions,
  struck: ReadonlyMap<string, number>,
  results: readonly RoundResult[],
  logFolder: string,
): Measured {
  const failed = results.filter(({ differences }) => differences.length > 0);
  const broken = new Set(failed.flatMap((result) => result.struck));
  const survived = [...struck].filter(([kind, times]) => times > 0 && !broken.has(kind));
  const all = survived.length === kinds.length;
  // Of a few kinds that were named, all must be survived; of all, as many as promised.
  const limit = Math.min(promised, kinds.length);
  return {
    name: 'chaos',
    figure: survived.length,
    limit,
    unit: 'kinds of fault survived',
    holds: failed.length === 0 && all && survived.length >= limit,
    details: {
      apps: apps.join(' and '),
      seed,
      scale,
      rounds: results.length,
      kinds: Object.fromEntries(struck),
      neverStruck: [...struck].filter(([, times]) => times === 0).map(([kind]) => kind),
      actions: results.reduce((sum, { actions }) => sum + actions, 0),
      longestRun: Math.max(0, ...results.map(({ longestRun }) => longestRun)),
      seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
      ...(failed[0] && {
        failed: { round: failed[0].round, kinds: failed[0].struck, differences: failed[0].differences, logFolder },
      }),
    },
  };
}
