import { randomUUID } from 'node:crypto';
import type { AnyBulkWriteOperation, ClientSession, Db } from 'mongodb';
import type { Touched } from '../connectors/pages.ts';
import type { PendingDocument } from './documents.ts';
import type { Settled } from './positions-interface.ts';

export const pendingId = (connectionId: string, { kind, vendorId, children }: Omit<Touched, 'part'>): string =>
  `${connectionId}/${children ? 'children' : kind}/${vendorId}`;

/**
 * Merges refs with what waits already. Each gets a new stamp and is due at once: what was told anew is looked at anew,
 * even if an older word about the same object could not be followed up.
 * @param session of the transaction that it belongs to, or none
 */
export async function addPending(
  db: Db,
  session: ClientSession | undefined,
  connectionId: string,
  refs: readonly Touched[],
  now: Date,
): Promise<void> {
  const merged = new Map<string, Touched>();
  for (const ref of refs) {
    const _id = pendingId(connectionId, ref);
    const before = merged.get(_id);
    merged.set(_id, { ...before, ...ref, part: ref.part ?? before?.part });
  }
  if (merged.size === 0) return;
  const writes: AnyBulkWriteOperation<PendingDocument>[] = [...merged].map(
    ([_id, { kind, vendorId, part, children, fromTrash }]) => ({
      updateOne: {
        filter: { _id },
        update: {
          $set: {
            ...{ stamp: randomUUID(), tries: 0, notBefore: null },
            ...(part === undefined ? {} : { part }),
            ...(fromTrash ? { fromTrash } : {}),
          },
          ...(children ? { $unset: { cursor: true } } : {}),
          $setOnInsert: { connectionId, kind, vendorId, ...(children ? { children } : {}), since: now },
        },
        upsert: true,
      },
    }),
  );
  await db
    .collection<PendingDocument>('pending')
    .bulkWrite(writes, { ordered: false, ignoreUndefined: true, ...(session ? { session } : {}) });
}

/** Takes away what a group has settled, or goes on with it from `next`, unless it was told anew in the meantime. */
export async function settlePending(db: Db, session: ClientSession, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return;
  const writes = settled.map(({ _id, stamp, next }): AnyBulkWriteOperation<PendingDocument> =>
    next === undefined
      ? { deleteOne: { filter: { _id, stamp } } }
      : { updateOne: { filter: { _id, stamp }, update: { $set: { cursor: next } } } },
  );
  await db.collection<PendingDocument>('pending').bulkWrite(writes, { ordered: false, session });
}
