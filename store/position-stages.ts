import type { Db, MongoClient } from 'mongodb';
import type { ConnectionDocument, PositionDocument } from './documents.ts';
import { isDuplicateKey } from './duplicate-key.ts';
import { inFencedTransaction } from './fence.ts';
import { LeaseLost } from './lease-lost.ts';
import { newPosition, nextScan, noCursor, positionId, wholePart } from './position-documents.ts';
import type { Positions } from './positions-interface.ts';

/** How positions come into being and begin again. */
export function createPositionStages(
  db: Db,
  client: MongoClient,
): Pick<Positions, 'beginStage' | 'addParts' | 'ensureFeed' | 'feed'> {
  const positions = db.collection<PositionDocument>('positions');

  return {
    async beginStage(connectionId, stage, scan, { listing, range = {} }) {
      const role = listing ? 'listing' : 'part';
      const fresh = newPosition(connectionId, 'sweep', stage, role, wholePart, scan, range);
      const { modifiedCount } = await positions.updateOne(
        { _id: fresh._id, scan: { $lt: scan } },
        nextScan(scan, range),
      );
      if (modifiedCount === 0 && !(await insertNew(db, fresh))) return;
      // What the app refused to the feeds it may grant by now.
      await positions.updateMany(
        { connectionId, lane: 'watch', stage, state: { $in: ['failed', 'blind', 'skipped'] } },
        { $set: { state: 'open', notBefore: null, failures: 0 } },
      );
    },

    async addParts(lease, parts, cursor, { feeds, loopMarker }) {
      const { connectionId, stage, lane, scan, from, until } = lease.position;
      const fresh = new Map(
        (lane === 'sweep' ? parts : [])
          .map((part) => newPosition(connectionId, 'sweep', stage, 'part', part, scan, { from, until }))
          .map((position) => [position._id, position]),
      );
      const watched =
        feeds || lane === 'watch'
          ? new Map(
              parts
                .map((part) => newPosition(connectionId, 'watch', stage, 'part', part, 0))
                .map((position) => [position._id, position]),
            )
          : new Map<string, PositionDocument>();
      const { lease: next } = await inFencedTransaction(
        db,
        client,
        lease,
        cursor === null ? { $unset: noCursor } : { $set: { cursor, loopMarker } },
        async (session) => {
          const known = await positions
            .find({ _id: { $in: [...fresh.keys(), ...watched.keys()] } }, { session, projection: { scan: 1 } })
            .toArray();
          const scans = new Map(known.map((position) => [position._id, position.scan]));
          const missing = [...fresh.values(), ...watched.values()].filter(({ _id }) => !scans.has(_id));
          if (missing.length > 0) await positions.insertMany(missing, { session, ordered: false });
          const again = [...fresh.values()].filter(({ _id }) => (scans.get(_id) ?? scan) < scan);
          if (again.length > 0) {
            await positions.bulkWrite(
              again.map(({ _id, part }) => ({
                updateOne: { filter: { _id }, update: nextScan(scan, { from, until }, part) },
              })),
              { session, ordered: false },
            );
          }
          return { pages: 1 };
        },
      );
      return next;
    },

    async ensureFeed(connectionId, stage, part, role = 'part') {
      await ensurePosition(db, newPosition(connectionId, 'watch', stage, role, part, 0));
    },

    feed: (connectionId, stage, partId) =>
      positions.findOne({ _id: positionId(connectionId, 'watch', stage, 'part', partId) }),
  };
}

export async function ensurePosition(db: Db, position: PositionDocument): Promise<void> {
  const positions = db.collection<PositionDocument>('positions');
  if (await positions.findOne({ _id: position._id }, { projection: { _id: 1 } })) return;
  await insertNew(db, position);
}

/** False: it was there. What an erase has taken away must not come back by someone who did not hear of it. */
async function insertNew(db: Db, position: PositionDocument): Promise<boolean> {
  const connection = await db
    .collection<ConnectionDocument>('connections')
    .findOne({ _id: position.connectionId }, { projection: { wanted: 1 } });
  if (!connection || connection.wanted === 'erased') {
    throw new LeaseLost(`the connection ${position.connectionId} is erased`);
  }
  try {
    await db.collection<PositionDocument>('positions').insertOne(position, { ignoreUndefined: true });
    return true;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return false;
  }
}
