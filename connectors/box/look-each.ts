import type { Gone, Looked, Ref } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';

export type Found<R> = { records: R[]; absent?: Ref[]; removed?: Gone[] };
const atOnce = 5;

/**
 * Every ref by its own question. What this credential may not see, or what no id of Box can be, is `unknown`; any other
 * failure ends the lookup, to be asked again.
 */
export async function lookEach<R>(
  refs: readonly Ref[],
  look: (ref: Ref) => Promise<Found<R> | 'unknown'>,
): Promise<Looked<R>> {
  const answers = await inParallel(refs, atOnce, async (ref) => {
    try {
      const found = await look(ref);
      return { ref, found: found === 'unknown' ? undefined : found };
    } catch (error) {
      if (Failure.is(error, 'forbidden', 'invalid', 'notFound', 'conflict', 'unavailableSubject')) return { ref };
      throw error;
    }
  });
  const removed = answers.flatMap(({ found }) => found?.removed ?? []);
  return {
    records: answers.flatMap(({ found }) => found?.records ?? []),
    absent: answers.flatMap(({ found }) => found?.absent ?? []),
    unknown: answers.flatMap(({ ref, found }) => (found ? [] : [ref])),
    ...(removed.length > 0 ? { removed } : {}),
  };
}
