import type { Db, IndexDescription, MongoClient } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ConnectionDocument, SubscriptionDocument } from './documents.ts';
import { inTransaction } from './in-transaction.ts';
import type { Subscriptions } from './store.ts';

export const subscriptionIndexes: IndexDescription[] = [
  { name: 'byConnection', key: { connectionId: 1, createdAt: -1 } },
];

export function createSubscriptions(db: Db, client: MongoClient, clock: Pick<Clock, 'now'>): Subscriptions {
  const subscriptions = db.collection<SubscriptionDocument>('subscriptions');
  const connections = db.collection<ConnectionDocument>('connections');

  return {
    /** No position fences it, so it writes the connection too: an erase that begins meanwhile conflicts with it. */
    put: (doc) =>
      inTransaction(client, async (session) => {
        const { matchedCount } = await connections.updateOne(
          { _id: doc.connectionId, wanted: { $ne: 'erased' } },
          { $currentDate: { updatedAt: true } },
          { session },
        );
        if (matchedCount === 0) return null;
        const noted = (await subscriptions.findOne({ _id: doc._id }, { session }))?.lapses ?? 0;
        const { next: _, ...all } = doc;
        const stored = noted > (doc.lapses ?? 0) ? { ...all, lapses: noted, lapsed: true, renewAt: clock.now() } : doc;
        await subscriptions.replaceOne({ _id: doc._id }, stored, { upsert: true, session });
        return stored;
      }),

    /** The newest one. */
    get: (connectionId) => subscriptions.findOne({ connectionId: { $eq: connectionId } }, { sort: { createdAt: -1 } }),

    async lapse(connectionId) {
      await subscriptions.updateMany(
        { connectionId: { $eq: connectionId } },
        { $set: { lapsed: true, renewAt: clock.now() }, $unset: { next: true }, $inc: { lapses: 1 } },
      );
    },

    async remove(connectionId) {
      await subscriptions.deleteMany({ connectionId: { $eq: connectionId } });
    },
  };
}
