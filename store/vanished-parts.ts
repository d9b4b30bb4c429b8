import type { Db, MongoClient } from 'mongodb';
import { observedPart, type RecordKind } from '../connectors/records.ts';
import type { PositionDocument } from './documents.ts';
import { inFencedTransaction } from './fence.ts';
import { positionId } from './position-documents.ts';
import type { RecordRow } from './record-rows.ts';
import type { Lease } from './positions-interface.ts';

/** Parts that have records of the kind and that the listing's scan did not list. */
export async function vanishedParts(db: Db, listing: PositionDocument, kind: RecordKind): Promise<string[]> {
  const { connectionId, stage, scan } = listing;
  const listed = await db
    .collection<PositionDocument>('positions')
    .find({ connectionId, lane: 'sweep', stage, role: 'part', scan }, { projection: { 'part.id': 1 } })
    .toArray();
  const there = new Set([observedPart, ...listed.map(({ part }) => part.id)]);
  const stored: string[] = await db.collection<RecordRow>(kind).distinct('part', { connectionId });
  return stored.filter((part) => !there.has(part));
}

/**
 * Positions of parts that the listing no longer has. Missed once they are only marked, so that a checkpoint outlives a
 * listing that forgot a part; missed by the next one too they go, the feeds with them.
 */
export async function positionsOfVanishedParts(db: Db, client: MongoClient, lease: Lease, now: Date): Promise<Lease> {
  const positions = db.collection<PositionDocument>('positions');
  const { connectionId, stage, scan, startedAt } = lease.position;
  const unlisted = { connectionId, lane: 'sweep' as const, stage, role: 'part' as const, scan: { $lt: scan } };
  const { lease: next } = await inFencedTransaction(db, client, lease, {}, async (session) => {
    const twice = await positions
      .find({ ...unlisted, absentSince: { $lt: startedAt ?? now } }, { session, projection: { 'part.id': 1 } })
      .toArray();
    if (twice.length > 0) {
      const ids = twice.flatMap(({ _id, part }) => [_id, positionId(connectionId, 'watch', stage, 'part', part.id)]);
      await positions.deleteMany({ _id: { $in: ids } }, { session });
    }
    await positions.updateMany(
      { ...unlisted, absentSince: { $exists: false } },
      { $set: { absentSince: now } },
      { session },
    );
    return {};
  });
  return next;
}
