import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Db, IndexDescription } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ApiKeyDocument } from './documents.ts';
import { newId } from './ids.ts';
import type { ApiKeys } from './store.ts';

export const apiKeyIndexes: IndexDescription[] = [{ name: 'byCreation', key: { createdAt: 1, _id: 1 } }];

const form = /^cst_([a-z0-9]{20})_([A-Za-z0-9_-]{43})$/;
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
/** Compared with when the key is unknown, so that this takes as long as a wrong secret. */
const nobody = Buffer.alloc(32);

export function createApiKeys(db: Db, clock: Clock): ApiKeys {
  const keys = db.collection<ApiKeyDocument>('apiKeys');

  return {
    async create({ name, role, connectionIds, expiresAt }) {
      const half = randomBytes(32).toString('base64url');
      const id = newId('key');
      const key: ApiKeyDocument = {
        _id: id,
        name,
        hash: hashOf(half).toString('hex'),
        role,
        ...(connectionIds && { connectionIds }),
        createdAt: clock.now(),
        ...(expiresAt && { expiresAt }),
      };
      await keys.insertOne(key);
      return { key, secret: `cst_${id.slice('key_'.length)}_${half}` };
    },

    list: () => keys.find().sort({ createdAt: 1, _id: 1 }).toArray(),

    async revoke(id) {
      // A second time is no mistake, and keeps the time of the first.
      const { matchedCount } = await keys.updateOne({ _id: { $eq: id } }, [
        { $set: { revokedAt: { $ifNull: ['$revokedAt', clock.now()] } } },
      ]);
      return matchedCount === 1;
    },

    async verify(secret) {
      const [, id, half] = form.exec(secret) ?? [];
      if (id === undefined || half === undefined) return null;
      const key = await keys.findOne({ _id: `key_${id}` });
      const same = timingSafeEqual(hashOf(half), key ? Buffer.from(key.hash, 'hex') : nobody);
      const now = clock.now();
      if (!key || !same || key.revokedAt || (key.expiresAt && key.expiresAt <= now)) return null;
      const minuteAgo = new Date(now.getTime() - 60_000);
      if (!key.lastUsedAt || key.lastUsedAt <= minuteAgo) {
        await keys.updateOne(
          { _id: key._id, $or: [{ lastUsedAt: { $exists: false } }, { lastUsedAt: { $lte: minuteAgo } }] },
          { $set: { lastUsedAt: now } },
        );
        return { ...key, lastUsedAt: now };
      }
      return key;
    },
  };
}
