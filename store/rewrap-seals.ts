import type { Collection } from 'mongodb';
import type { ConnectionDocument } from './documents.ts';
import { SealError, type Seal, type SealPlace } from './seal.ts';
import type { Connections } from './store.ts';

/** Everything that is sealed, for a rotation of the master key. */
export function createRewrapping(
  connections: Collection<ConnectionDocument>,
  seal: Seal,
  places: { credential: (id: string, version: number) => SealPlace; webhook: (id: string) => SealPlace },
): Pick<Connections, 'rewrapSeals' | 'sealKeys'> {
  /** Matching the old seal leaves alone what was replaced meanwhile. */
  async function rewrap(doc: ConnectionDocument): Promise<number> {
    const { _id, credential: old, credentialVersion } = doc;
    const credential = old && seal.rewrap(old, places.credential(_id, credentialVersion));
    const secrets = doc.webhookSecrets.map((each) => seal.rewrap(each, places.webhook(_id)));
    let done = 0;
    if (credential) {
      const filter = { _id, 'credential.wrapped': old.wrapped };
      done += (await connections.updateOne(filter, { $set: { credential } })).modifiedCount;
    }
    for (const [at, secret] of secrets.entries()) {
      if (!secret) continue;
      const filter = { _id, 'webhookSecrets.wrapped': doc.webhookSecrets[at]?.wrapped ?? '' };
      done += (await connections.updateOne(filter, { $set: { 'webhookSecrets.$': secret } })).modifiedCount;
    }
    return done;
  }

  return {
    async rewrapSeals(progress) {
      let [rewrapped, looked] = [0, 0];
      const failed: SealError[] = [];
      for await (const doc of connections.find({}, { batchSize: 100 })) {
        try {
          rewrapped += await rewrap(doc);
        } catch (error) {
          if (!(error instanceof SealError)) throw error;
          failed.push(error);
        }
        progress?.((looked += 1));
      }
      // One that is damaged does not keep the others back.
      const [first, ...more] = failed;
      if (first) throw more.length > 0 ? new SealError(`${first.message} (and ${more.length} more such)`) : first;
      return rewrapped;
    },

    async sealKeys() {
      const counts = await connections
        .aggregate<{ _id: string; seals: number }>([
          {
            $project: {
              keyId: {
                $concatArrays: [
                  { $ifNull: ['$webhookSecrets.keyId', []] },
                  { $cond: [{ $ifNull: ['$credential.keyId', false] }, ['$credential.keyId'], []] },
                ],
              },
            },
          },
          { $unwind: '$keyId' },
          { $group: { _id: '$keyId', seals: { $sum: 1 } } },
        ])
        .toArray();
      return new Map(counts.map(({ _id, seals }) => [_id, seals]));
    },
  };
}
