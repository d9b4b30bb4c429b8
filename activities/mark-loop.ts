import { createHash } from 'node:crypto';
import { Failure } from '../connectors/kit/failures.ts';
import type { LoopMarker } from '../store/documents.ts';

/** Where a list was asked for. */
interface Place {
  cursor?: string;
  loopMarker?: LoopMarker;
}

/**
 * Brent's cycle detection over the cursors of a list: one of them is marked, and to come by it again is a loop, of however
 * many pages, and whoever read them. The mark moves on after 1, 2, 4, 8 … pages, so that it comes to lie in the loop, and
 * to stay there for as long as going round takes.
 * @param next where the page at `place` says that the list goes on
 * @returns where it goes on. Where that is a loop it is `place`, marked: a list that leads on by then is read on from any
 * page of what was a loop, and one that does not is found again after one time round.
 */
export function markLoop(next: string | undefined, place: Place): { looped: boolean; place: Place } {
  if (next === undefined) return { looped: false, place: {} };
  const { cursor } = place;
  const mark = place.loopMarker ?? (cursor === undefined ? undefined : newMark(hashOf(cursor)));
  const hash = hashOf(next);
  if (mark && cursor !== undefined && (next === cursor || hash === mark.hash))
    return {
      looped: true,
      place: { cursor, loopMarker: { ...mark, hash: hashOf(cursor), count: 0, loops: mark.loops + 1 } },
    };
  return { looped: false, place: { cursor: next, loopMarker: mark ? movedOn(mark, hash) : newMark(hash) } };
}

const newMark = (hash: string): LoopMarker => ({ hash, power: 1, count: 0, loops: 0 });

const movedOn = (mark: LoopMarker, hash: string): LoopMarker =>
  mark.count + 1 < mark.power ? { ...mark, count: mark.count + 1 } : { ...mark, hash, power: mark.power * 2, count: 0 };

const hashOf = (cursor: string): string => createHash('sha256').update(cursor).digest('base64url').slice(0, 22);

export const goesRound = (): Failure =>
  new Failure('unavailable', 'the app repeats a page: its next position is one that was read already', {
    who: 'vendor',
  });
