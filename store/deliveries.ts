import { createHash } from 'node:crypto';
import type { Db, IndexDescription } from 'mongodb';
import type { Clock } from './clock.ts';
import type { Deliveries } from './store.ts';

interface DeliveryDocument {
  /** A hash, as the vendor's id may be of any length. */
  _id: string;
  connectionId: string;
  at: Date;
}

/** Longer than any app's proof of a delivery holds: an older one is refused by its time. */
const keptForSeconds = 3600;

export const deliveryIndexes: IndexDescription[] = [
  { name: 'expiry', key: { at: 1 }, expireAfterSeconds: keptForSeconds },
  { name: 'byConnection', key: { connectionId: 1 } },
];

export function createDeliveries(db: Db, clock: Clock): Deliveries {
  const deliveries = db.collection<DeliveryDocument>('deliveries');
  const keyOf = (connectionId: string, id: string): string =>
    `${connectionId}/${createHash('sha256').update(id).digest('base64url')}`;

  return {
    async taken(connectionId, id) {
      return (await deliveries.findOne({ _id: keyOf(connectionId, id) }, { projection: { _id: 1 } })) !== null;
    },

    async note(connectionId, id) {
      const _id = keyOf(connectionId, id);
      await deliveries.updateOne({ _id }, { $set: { connectionId, at: clock.now() } }, { upsert: true });
    },
  };
}
