import type { ClientSession, Db, Filter } from 'mongodb';
import type { Gone, Ref } from '../connectors/pages.ts';
import type { RecordKind } from '../connectors/records.ts';
import { recordId, type RecordRow } from './record-rows.ts';
import { spreadRemoved } from './spread-tasks.ts';

export type GoneSet = Exclude<Gone, Ref>;

/** By which field the members of a list know what they belong to. */
const parentField: Partial<Record<RecordKind, string>> = {
  memberships: 'groupId',
  privileges: 'holderId',
  appPermissions: 'accountId',
  files: 'parentId',
};

const tombstoneMs = 24 * 3_600_000;

/**
 * Says of a record that was never stored that it is gone: a page that was asked for before, and comes later, must not
 * bring it back. Forgotten after a day, by when no such page is under way.
 */
export const tombstone = (
  _id: string,
  kind: RecordKind,
  vendorId: string,
  { connectionId, app, part }: { connectionId: string; app: string; part: string },
  removedAt: Date,
): RecordRow => ({
  _id,
  connectionId,
  app,
  part,
  kind,
  vendorId,
  hash: '',
  observedAt: removedAt,
  seenScan: 0,
  removedAt,
  forgetAt: new Date(removedAt.getTime() + tombstoneMs),
});

/** The stored records that a set takes away; only those that were observed before. */
export async function goneFilter(
  db: Db,
  session: ClientSession | undefined,
  connectionId: string,
  part: string,
  set: GoneSet,
  observedAt: Date,
): Promise<Filter<RecordRow>> {
  const older = { connectionId, removedAt: { $exists: false }, observedAt: { $lt: observedAt } };
  if ('parent' in set) {
    const field = parentField[set.kind];
    if (!field) throw new Error(`${set.kind} have no parent that a list of them could replace`);
    const kept = set.except.map((vendorId) => recordId(connectionId, vendorId));
    const of: Filter<RecordRow> = { ...older, [field]: set.parent, _id: { $nin: kept } };
    if (!set.prefixes) return of;
    return { ...of, $or: set.prefixes.map((prefix) => ({ vendorId: { $gte: prefix, $lt: `${prefix}\uffff` } })) };
  }
  if (set.kind !== 'files') throw new Error(`${set.kind} have no path`);
  const under = set.under.replace(/\/+$/, '');
  if (under === '') throw new Error('a whole part cannot be removed by its path');
  const folder = recordId(connectionId, under);
  const byId: Filter<RecordRow>[] = [{ _id: folder }, { ancestors: under }];
  const isId = await db.collection<RecordRow>('files').findOne({ _id: folder }, { session, projection: { _id: 1 } });
  if (isId) return { ...older, $or: byId };
  // Paths are unique only within a part. '0' is the letter after '/'.
  const byPath: Filter<RecordRow>[] = [
    { part, path: under },
    { part, path: { $gt: `${under}/`, $lt: `${under}0` } },
  ];
  return { ...older, $or: [...byId, ...byPath] };
}

/** Within the transaction of a group; how many went. */
export async function removeSet(
  db: Db,
  session: ClientSession,
  connectionId: string,
  part: string,
  set: GoneSet,
  observedAt: Date,
): Promise<number> {
  const filter = await goneFilter(db, session, connectionId, part, set, observedAt);
  await spreadRemoved(db, session, connectionId, set.kind, filter, observedAt);
  const { modifiedCount } = await db
    .collection<RecordRow>(set.kind)
    .updateMany(filter, { $set: { removedAt: observedAt, observedAt }, $unset: { missingSince: true } }, { session });
  return modifiedCount;
}
