import type { Db, Filter, IndexDescription, MongoClient } from 'mongodb';
import type { Clock } from './clock.ts';
import type { PendingDocument } from './documents.ts';
import { inTransaction } from './in-transaction.ts';
import { addPending } from './pending-writes.ts';
import type { Pending } from './store.ts';

export const pendingIndexes: IndexDescription[] = [
  { name: 'due', key: { connectionId: 1, notBefore: 1, since: 1, _id: 1 } },
];

export const duePending = (connectionId: string, now: Date): Filter<PendingDocument> => ({
  connectionId: { $eq: connectionId },
  $or: [{ notBefore: null }, { notBefore: { $lte: now } }],
});

/** Refs to look at again, from audit rows and webhooks. */
export function createPending(db: Db, client: MongoClient, clock: Clock): Pending {
  const pending = db.collection<PendingDocument>('pending');

  return {
    // A transaction, though one collection: two that add the same new ref at once would otherwise meet as duplicates.
    async add(connectionId, refs) {
      if (refs.length === 0) return;
      await inTransaction(client, (session) => addPending(db, session, connectionId, refs, clock.now()));
    },

    take: (connectionId, limit) =>
      pending.find(duePending(connectionId, clock.now())).sort({ since: 1, _id: 1 }).limit(limit).toArray(),

    async defer(docs, inMs, maxTries) {
      if (docs.length === 0) return { givenUp: [] };
      const until = (doc: PendingDocument) => new Date(clock.now().getTime() + inMs(doc));
      const spent = (doc: PendingDocument): boolean => doc.tries + 1 >= maxTries;
      // The stamp: what was told anew meanwhile is due now, whatever came of the older word.
      await pending.bulkWrite(
        docs.map((doc) => {
          const filter = { _id: doc._id, stamp: doc.stamp };
          return spent(doc)
            ? { deleteOne: { filter } }
            : { updateOne: { filter, update: { $set: { notBefore: until(doc) }, $inc: { tries: 1 } } } };
        }),
        { ordered: false },
      );
      const spentDocs = docs.filter(spent);
      const left = await pending
        .find({ _id: { $in: spentDocs.map((doc) => doc._id) } })
        .project<{ _id: string }>({ _id: 1 })
        .toArray();
      const renewed = new Set(left.map((doc) => doc._id));
      return { givenUp: spentDocs.filter((doc) => !renewed.has(doc._id)) };
    },

    count: (connectionId) => pending.countDocuments({ connectionId: { $eq: connectionId } }),
  };
}
