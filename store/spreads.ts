import {
  MongoServerError,
  type AnyBulkWriteOperation,
  type ClientSession,
  type Db,
  type Filter,
  type MongoClient,
} from 'mongodb';
import { removeBelongings } from './belongings.ts';
import type { Clock } from './clock.ts';
import type { Counts } from '../workflows/messages.ts';
import type { PendingDocument, PositionDocument } from './documents.ts';
import { inFencedTransaction } from './fence.ts';
import { createInheritance, samePlace } from './inheritance.ts';
import { LeaseLost } from './lease-lost.ts';
import { newPosition } from './position-documents.ts';
import { ensurePosition } from './position-stages.ts';
import { pendingId } from './pending-writes.ts';
import type { Lease, Positions } from './positions-interface.ts';
import { recordId } from './record-rows.ts';
import {
  factsIn,
  fileFields,
  loadWithAncestors,
  ownSharingOf,
  spreadsOf,
  type FileRow,
  type SpreadDocument,
} from './spread-tasks.ts';
import type { Spreads } from './store.ts';

const kind = 'files';
const tasksAtOnce = 1_000;
/** A frozen process may hold its position in a transaction; the server ends that after a minute. */
const barrierMs = 1_000;
const maxTimeExpired = 50;

/** Carries what a folder opens, and where it lies, to all that is below it; takes away what belonged to who is gone. */
export function createSpreads(
  db: Db,
  client: MongoClient,
  clock: Clock,
  positions: Positions,
  { rowsAtOnce = 1_000 } = {},
): Spreads {
  const spreads = spreadsOf(db);
  const files = db.collection<FileRow>(kind);
  const pending = db.collection<PendingDocument>('pending');

  /** The one worker's lease. No sweep ever claims this position, as no stage has its name. */
  async function claim(connectionId: string, holder: string, leaseMs: number): Promise<Lease | null> {
    await ensurePosition(db, newPosition(connectionId, 'sweep', 'pending', 'part', { id: 'spread', title: '' }, 0));
    return (await positions.claim(connectionId, 'sweep', 'pending', 0, holder, leaseMs)).lease;
  }

  /**
   * Who is in the middle of a transaction began it, perhaps, before the change was there to be seen. Each such holds its
   * position: this write waits until it has ended, and who comes to its position later begins anew and sees the change.
   * False: somebody does not end.
   */
  async function passBarrier(connectionId: string): Promise<boolean> {
    const tasks = await spreads
      .find({ connectionId, clear: { $exists: false } }, { projection: { stamp: 1 } })
      .sort({ since: 1, _id: 1 })
      .limit(tasksAtOnce)
      .toArray();
    try {
      await db
        .collection<PositionDocument>('positions')
        .updateMany({ connectionId, holder: { $ne: null } }, { $inc: { barriers: 1 } }, { maxTimeMS: barrierMs });
    } catch (error) {
      if (error instanceof MongoServerError && error.code === maxTimeExpired) return false;
      throw error;
    }
    await spreads.bulkWrite(
      tasks.map(({ _id, stamp }) => ({ updateOne: { filter: { _id, stamp }, update: { $set: { clear: true } } } })),
      { ordered: false },
    );
    return true;
  }

  /** One group of a task, with the task's own position, in one transaction. */
  async function step(lease: Lease, task: SpreadDocument, leaseMs: number): Promise<Lease> {
    const leaseUntil = new Date(clock.now().getTime() + leaseMs);
    const { lease: next } = await inFencedTransaction(db, client, lease, { $set: { leaseUntil } }, async (session) => {
      const { gone, connectionId } = task;
      if (!gone) return carry(session, task);
      const { more, removed } = await removeBelongings(db, session, connectionId, gone, rowsAtOnce);
      if (!more) await spreads.deleteOne({ _id: task._id, stamp: task.stamp }, { session });
      return { removed };
    });
    return next;
  }

  async function carry(session: ClientSession, task: SpreadDocument): Promise<Partial<Counts>> {
    const { connectionId, folder, rows = [], after } = task;
    const among: Filter<FileRow> = folder === undefined ? { _id: { $in: rows } } : { connectionId, ancestors: folder };
    const found = await files
      .find(after === undefined ? among : { $and: [among, { _id: { $gt: after } }] }, {
        session,
        projection: fileFields,
        batchSize: rowsAtOnce + 1,
      })
      .sort({ _id: 1 })
      .limit(rowsAtOnce)
      .toArray();
    const placed = found.filter(({ ancestors }) => ancestors !== undefined);
    const above = placed.flatMap(({ ancestors }) => ancestors);
    const inherited = createInheritance(factsIn(await loadWithAncestors(db, session, connectionId, above)));
    const writes = placed.flatMap((row): AnyBulkWriteOperation<FileRow>[] => {
      const {
        unseen: _unseen,
        sharedVia,
        ...fields
      } = inherited({ ...row, ownSharing: ownSharingOf(row) }, row.vendorId);
      if (samePlace(row, { ...fields, sharedVia })) return [];
      const update =
        sharedVia === undefined
          ? { $set: fields, $unset: { sharedVia: true as const } }
          : { $set: { ...fields, sharedVia } };
      return [{ updateOne: { filter: { _id: row._id }, update } }];
    });
    if (writes.length > 0) await files.bulkWrite(writes, { ordered: false, session });
    const mine = { _id: task._id, stamp: task.stamp };
    if (found.length < rowsAtOnce) await spreads.deleteOne(mine, { session });
    else await spreads.updateOne(mine, { $set: { after: found.at(-1)!._id } }, { session });
    return {};
  }

  const oldest = (connectionId: string) => spreads.findOne({ connectionId }, { sort: { since: 1, _id: 1 } });

  return {
    async waiting(connectionId) {
      const places = { connectionId, gone: { $exists: false } };
      const [first, unlisted, count] = await Promise.all([
        spreads.findOne(places, { sort: { since: 1, _id: 1 } }),
        pending.find({ connectionId, children: true }, { projection: { since: 1 } }).toArray(),
        spreads.countDocuments(places),
      ]);
      const since = [...(first ? [first] : []), ...unlisted].map((task) => task.since.getTime());
      if (since.length === 0) return { count: 0 };
      return { count: count + unlisted.length, since: new Date(Math.min(...since)) };
    },

    async unsettled(connectionId, records) {
      if (records.length === 0) return new Set();
      const above = new Set(records.flatMap(({ ancestors }) => ancestors));
      const found = await spreads
        .find({
          $or: [
            { _id: { $in: [...above].map((folder) => recordId(connectionId, folder)) } },
            { connectionId, rows: { $in: records.map(({ vendorId }) => recordId(connectionId, vendorId)) } },
          ],
        })
        .project<Pick<SpreadDocument, 'folder' | 'rows'>>({ folder: 1, rows: 1 })
        .toArray();
      const unlisted = await pending
        .find({
          _id: { $in: [...above].map((vendorId) => pendingId(connectionId, { kind, vendorId, children: true })) },
        })
        .project<Pick<PendingDocument, 'vendorId'>>({ vendorId: 1 })
        .toArray();
      const folders = new Set([...found.map(({ folder }) => folder), ...unlisted.map(({ vendorId }) => vendorId)]);
      const rows = new Set(found.flatMap((task) => task.rows ?? []));
      return new Set(
        records
          .filter(
            ({ vendorId, ancestors }) =>
              rows.has(recordId(connectionId, vendorId)) || ancestors.some((ancestor) => folders.has(ancestor)),
          )
          .map(({ vendorId }) => vendorId),
      );
    },

    async work(connectionId, { holder, leaseMs, goOn }) {
      if (!(await oldest(connectionId))) return false;
      let lease = await claim(connectionId, holder, leaseMs);
      if (!lease) return false;
      let more = false;
      try {
        for (;;) {
          const task = await oldest(connectionId);
          if (!task) break;
          if ((more = !goOn())) break;
          if (task.clear) lease = await step(lease, task, leaseMs);
          else if (!(await passBarrier(connectionId))) break;
        }
        await positions.release(lease);
        return more;
      } catch (error) {
        // Somebody else goes on with it.
        if (error instanceof LeaseLost) return false;
        throw error;
      }
    },
  };
}
