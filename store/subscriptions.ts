import type { Db, IndexDescription } from 'mongodb';
import type { SubscriptionDocument } from './documents.ts';
import type { Subscriptions } from './store.ts';

export const subscriptionIndexes: IndexDescription[] = [
  { name: 'byConnection', key: { connectionId: 1, createdAt: -1 } },
];

export function createSubscriptions(db: Db): Subscriptions {
  const subscriptions = db.collection<SubscriptionDocument>('subscriptions');

  return {
    async put(doc) {
      await subscriptions.replaceOne({ _id: doc._id }, doc, { upsert: true });
    },

    /** The newest one. */
    get: (connectionId) => subscriptions.findOne({ connectionId: { $eq: connectionId } }, { sort: { createdAt: -1 } }),

    async remove(connectionId) {
      await subscriptions.deleteMany({ connectionId: { $eq: connectionId } });
    },
  };
}
