import type { Gone, Looked, Ref } from '../pages.ts';
import { Failure } from './failures.ts';
import { inParallel } from './in-parallel.ts';

export type Found<R> = { records: R[]; absent?: Ref[]; removed?: Gone[] };
const atOnce = 5;

/**
 * Every ref by its own question. `unknown` are those that this credential may not see, that no id of the app can be, and
 * those that the app fails on while it answers others. Where it fails on all, it is away: that ends the lookup, as what
 * concerns all of them does, to be asked again.
 */
export async function lookEach<R>(
  refs: readonly Ref[],
  look: (ref: Ref) => Promise<Found<R> | 'unknown'>,
): Promise<Looked<R>> {
  let answered = false;
  const failures: Failure[] = [];
  const answers = await inParallel(refs, atOnce, async (ref) => {
    try {
      const found = await look(ref);
      answered = true;
      return { ref, found: found === 'unknown' ? undefined : found };
    } catch (error) {
      if (!Failure.is(error) || Failure.is(error, 'throttled', 'unauthorized')) throw error;
      if (!Failure.is(error, 'unavailable', 'restart')) answered = true;
      else if (failures.push(error) >= atOnce && !answered) throw error;
      return { ref };
    }
  });
  if (!answered && failures[0]) throw failures[0];
  const removed = answers.flatMap(({ found }) => found?.removed ?? []);
  return {
    records: answers.flatMap(({ found }) => found?.records ?? []),
    absent: answers.flatMap(({ found }) => found?.absent ?? []),
    unknown: answers.flatMap(({ ref, found }) => (found ? [] : [ref])),
    ...(removed.length > 0 ? { removed } : {}),
  };
}
