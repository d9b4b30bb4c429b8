import type { ClientSession, Db, IndexDescription } from 'mongodb';
import { holesIn, mergeInterval } from './coverage-intervals.ts';
import type { CoverageDocument } from './documents.ts';
import type { Coverage } from './store.ts';
import type { Group } from './positions-interface.ts';

export const coverageIndexes: IndexDescription[] = [{ name: 'byPart', key: { connectionId: 1, part: 1 } }];

export function createCoverage(db: Db): Coverage {
  return {
    async get(connectionId) {
      const found = await db
        .collection<CoverageDocument>('coverage')
        .find({ connectionId: { $eq: connectionId } })
        .sort({ part: 1 })
        .toArray();
      return found.map((doc) => ({ ...doc, holes: holesIn(doc.intervals) }));
    },
  };
}

/**
 * The usual case, in one write: an interval that is there grows and meets no other. False where it is not so: then
 * nothing was written.
 */
export async function extendCovered(
  db: Db,
  connectionId: string,
  part: string,
  { from, until, latenessMs }: NonNullable<Group['covered']>,
): Promise<boolean> {
  const { matchedCount } = await db.collection<CoverageDocument>('coverage').updateOne(
    {
      _id: `${connectionId}/${part}`,
      latenessMs,
      $and: [
        { intervals: { $elemMatch: { from: { $lte: from }, until: { $gte: from } } } },
        { intervals: { $not: { $elemMatch: { from: { $gt: from, $lte: until } } } } },
      ],
    },
    { $max: { 'intervals.$[it].until': until } },
    { arrayFilters: [{ 'it.from': { $lte: from }, 'it.until': { $gte: from } }] },
  );
  return matchedCount === 1;
}

/** Belongs to the transaction that stores what the interval holds. */
export async function addCovered(
  db: Db,
  session: ClientSession,
  connectionId: string,
  part: string,
  { from, until, latenessMs }: NonNullable<Group['covered']>,
): Promise<void> {
  const coverage = db.collection<CoverageDocument>('coverage');
  const _id = `${connectionId}/${part}`;
  const before = await coverage.findOne({ _id }, { session });
  const intervals = mergeInterval(before?.intervals ?? [], { from, until });
  await coverage.updateOne({ _id }, { $set: { connectionId, part, latenessMs, intervals } }, { session, upsert: true });
}
