import { randomUUID } from 'node:crypto';
import type { AnyBulkWriteOperation, ClientSession, Db } from 'mongodb';
import type { Ref } from '../connectors/connector.ts';
import type { PendingDocument } from './documents.ts';

export const pendingId = (connectionId: string, ref: Pick<Ref, 'kind' | 'vendorId'>): string =>
  `${connectionId}/${ref.kind}/${ref.vendorId}`;

/**
 * Merges refs with what waits already. Each gets a new stamp and is due at once: what was told anew is looked at anew,
 * even if an older word about the same object could not be followed up.
 * @param session of the transaction that it belongs to, or none
 */
export async function addPending(
  db: Db,
  session: ClientSession | undefined,
  connectionId: string,
  refs: readonly Ref[],
  now: Date,
): Promise<void> {
  const merged = new Map<string, Ref>();
  for (const ref of refs) {
    const _id = pendingId(connectionId, ref);
    merged.set(_id, { ...ref, part: ref.part ?? merged.get(_id)?.part });
  }
  if (merged.size === 0) return;
  const writes: AnyBulkWriteOperation<PendingDocument>[] = [...merged].map(([_id, { kind, vendorId, part }]) => ({
    updateOne: {
      filter: { _id },
      update: {
        $set: { stamp: randomUUID(), tries: 0, notBefore: null, ...(part === undefined ? {} : { part }) },
        $setOnInsert: { connectionId, kind, vendorId, since: now },
      },
      upsert: true,
    },
  }));
  await db
    .collection<PendingDocument>('pending')
    .bulkWrite(writes, { ordered: false, ignoreUndefined: true, ...(session ? { session } : {}) });
}

/** Takes away what a group has settled, unless it was told anew in the meantime. */
export async function settlePending(
  db: Db,
  session: ClientSession,
  settled: readonly Pick<PendingDocument, '_id' | 'stamp'>[],
): Promise<void> {
  if (settled.length === 0) return;
  const writes = settled.map(({ _id, stamp }) => ({ deleteOne: { filter: { _id, stamp } } }));
  await db.collection<PendingDocument>('pending').bulkWrite(writes, { ordered: false, session });
}
