import type { ClientSession, Db, Filter } from 'mongodb';
import type { Ref } from '../connectors/pages.ts';
import type { RecordKind } from '../connectors/records.ts';
import type { RecordRow } from './record-rows.ts';

/** What has others that cannot be without it. */
export const holderKinds = ['accounts', 'groups'] as const;
export type HolderKind = (typeof holderKinds)[number];
export const isHolderKind = (kind: RecordKind): kind is HolderKind => holderKinds.some((one) => one === kind);

/** Accounts or groups that were found gone by what was asked for at `observedAt`. */
export interface GoneHolders {
  kind: HolderKind;
  ids: string[];
  observedAt: Date;
}

/** By which field each names whom it belongs to. */
const fields: Record<HolderKind, readonly (readonly [kind: RecordKind, field: string])[]> = {
  accounts: [
    ['memberships', 'accountId'],
    ['privileges', 'holderId'],
    ['appPermissions', 'accountId'],
  ],
  groups: [
    ['memberships', 'groupId'],
    ['privileges', 'holderId'],
    ['privileges', 'groupId'],
  ],
};
/** Who holds it may be either. */
const ofEither = 'holderId';

/** Memberships, privileges and app permissions of these. Ids of accounts and of groups may be the same. */
const ofHolders = (
  connectionId: string,
  holderKind: HolderKind,
  ids: readonly string[],
): [RecordKind, Filter<RecordRow>][] =>
  fields[holderKind].map(([kind, field]) => [
    kind,
    { connectionId, [field]: { $in: ids }, ...(field === ofEither ? { holderKind } : {}) },
  ]);

/**
 * Marks up to `most` of what belonged to holders that are still gone, and was observed before they were found so; false
 * when that was all.
 */
export async function removeBelongings(
  db: Db,
  session: ClientSession,
  connectionId: string,
  { kind, ids, observedAt }: GoneHolders,
  most: number,
): Promise<{ removed: number; more: boolean }> {
  const gone = await db
    .collection<RecordRow>(kind)
    .find(
      { connectionId, removedAt: { $exists: true }, _id: { $in: ids.map((id) => `${connectionId}/${id}`) } },
      { session, projection: { vendorId: 1 } },
    )
    .toArray();
  const holders = gone.map(({ vendorId }) => vendorId);
  let left = most;
  for (const [of, filter] of ofHolders(connectionId, kind, holders)) {
    const rows = db.collection<RecordRow>(of);
    const older = { ...filter, removedAt: { $exists: false }, observedAt: { $lt: observedAt } };
    const found = await rows
      .find(older, { session, projection: { _id: 1 }, batchSize: left + 1 })
      .limit(left)
      .toArray();
    if (found.length === 0) continue;
    await rows.updateMany(
      { _id: { $in: found.map(({ _id }) => _id) } },
      { $set: { removedAt: observedAt, observedAt }, $unset: { missingSince: true } },
      { session },
    );
    left -= found.length;
    if (left === 0) return { removed: most, more: true };
  }
  return { removed: most - left, more: false };
}

/** Of more than these the next scan tells. */
const mostAgain = 1_000;

/** What went with holders that are there again after all, by when they had been found gone: to be looked at again. */
export async function wentWith(
  db: Db,
  session: ClientSession,
  connectionId: string,
  holderKind: HolderKind,
  back: readonly { vendorId: string; removedAt: Date }[],
): Promise<Ref[]> {
  const refs: Ref[] = [];
  const ids = back.map(({ vendorId }) => vendorId);
  for (const [kind, filter] of ofHolders(connectionId, holderKind, ids)) {
    const found = await db
      .collection<RecordRow>(kind)
      .find(
        { ...filter, removedAt: { $in: back.map(({ removedAt }) => removedAt) } },
        { session, projection: { vendorId: 1, part: 1 } },
      )
      .limit(mostAgain)
      .toArray();
    refs.push(...found.map(({ vendorId, part }) => ({ kind, vendorId, part })));
  }
  return refs;
}

/**
 * Tells of a record that was asked for at a time whether whom it belongs to was found gone later: then it must not
 * appear, or appear again.
 */
export async function findGoneHolders(
  db: Db,
  session: ClientSession,
  connectionId: string,
  kind: RecordKind,
  records: readonly Record<string, unknown>[],
): Promise<(fields: Record<string, unknown>, observedAt: Date) => boolean> {
  const gone: { holderKind: HolderKind; field: string; at: Map<string, Date> }[] = [];
  const named = holderKinds.flatMap((holderKind) =>
    fields[holderKind].filter(([of]) => of === kind).map(([, field]) => ({ holderKind, field })),
  );
  for (const { holderKind, field } of named) {
    const ids = [...new Set(records.flatMap((record) => (record[field] === undefined ? [] : [String(record[field])])))];
    if (ids.length === 0) continue;
    const found = await db
      .collection<RecordRow>(holderKind)
      .find(
        { connectionId, vendorId: { $in: ids }, removedAt: { $exists: true } },
        { session, projection: { vendorId: 1, observedAt: 1 } },
      )
      .toArray();
    if (found.length === 0) continue;
    const at = new Map(found.map(({ vendorId, observedAt }) => [vendorId, observedAt]));
    gone.push({ holderKind, field, at });
  }
  return (record, observedAt) =>
    gone.some(
      ({ holderKind, field, at }) =>
        (field !== ofEither || record['holderKind'] === holderKind) &&
        (at.get(String(record[field])) ?? observedAt) > observedAt,
    );
}
