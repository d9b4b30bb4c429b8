import { randomBytes } from 'node:crypto';
import type { Db, Filter, IndexDescription } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ConnectionDocument, Wanted } from './documents.ts';
import { isDuplicateKey } from './duplicate-key.ts';
import { newId } from './ids.ts';
import { afterCursor, newestFirst, pageOf } from './paging.ts';
import { createRewrapping } from './rewrap-seals.ts';
import type { Seal, SealPlace } from './seal.ts';
import type { Connections } from './store.ts';
import { createTenantClaims, tenantIndex } from './tenant-claims.ts';

export const connectionIndexes: IndexDescription[] = [
  tenantIndex,
  {
    name: 'idempotency',
    key: { idempotencyKey: 1 },
    unique: true,
    partialFilterExpression: { idempotencyKey: { $type: 'string' } },
  },
  { name: 'newest', key: newestFirst },
  { name: 'newestOfApp', key: { app: 1, ...newestFirst } },
  // A check whose process died leaves a sealed credential behind that nobody would remove.
  {
    name: 'abandonedChecks',
    key: { createdAt: 1 },
    expireAfterSeconds: 3600,
    partialFilterExpression: { wanted: 'check' },
  },
];

/** Wishes that are for good: the credential is gone or about to go. */
const given: Wanted[] = ['disconnected', 'erased'];

export function createConnections(db: Db, clock: Clock, seal: Seal, erase: Connections['erase']): Connections {
  const connections = db.collection<ConnectionDocument>('connections');
  const { claimTenant } = createTenantClaims(db, clock);
  const after = { returnDocument: 'after' } as const;
  const byId = (id: string): Filter<ConnectionDocument> => ({ _id: { $eq: id } });

  const credentialPlace = (connectionId: string, version: number): SealPlace => ({
    connectionId,
    field: 'credential',
    version,
  });
  // They stand in a list that shifts at each rotation, so a version could not be told when one is opened.
  const webhookPlace = (connectionId: string): SealPlace => ({ connectionId, field: 'webhookSecret', version: 1 });
  const freshWebhookSecret = (connectionId: string) =>
    seal.seal(randomBytes(32).toString('base64url'), webhookPlace(connectionId));

  return {
    async create({ credential, idempotencyKey, ...input }) {
      const id = newId('con');
      const now = clock.now();
      const doc: ConnectionDocument = {
        _id: id,
        ...input,
        credential: seal.seal(credential, credentialPlace(id, 1)),
        credentialVersion: 1,
        webhookSecrets: [freshWebhookSecret(id)],
        rescanWanted: 0,
        state: null,
        createdAt: now,
        updatedAt: now,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      };
      try {
        await connections.insertOne(doc);
        return doc;
      } catch (error) {
        if (idempotencyKey === undefined || !isDuplicateKey(error)) throw error;
        const first = await connections.findOne({ idempotencyKey: { $eq: idempotencyKey } });
        if (!first) throw error;
        return first;
      }
    },

    get: (id) => connections.findOne(byId(id)),

    /** Newest first; checks are not connections and never in it. One without a state yet counts as `connecting`. */
    async list({ app, phase, ids, limit, cursor }) {
      const found = await connections
        .find({
          $and: [
            { wanted: { $ne: 'check' } },
            ...(app === undefined ? [] : [{ app: { $eq: app } }]),
            ...(ids === undefined ? [] : [{ _id: { $in: [...ids] } }]),
            ...(phase === undefined
              ? []
              : [{ $or: [{ 'state.phase': { $eq: phase } }, ...(phase === 'connecting' ? [{ state: null }] : [])] }]),
            ...afterCursor<ConnectionDocument>(cursor),
          ] as Filter<ConnectionDocument>[],
        })
        .sort(newestFirst)
        .limit(limit + 1)
        .toArray();
      return pageOf(found, limit);
    },

    update: (id, change) =>
      connections.findOneAndUpdate(
        byId(id),
        { $set: { ...change, updatedAt: clock.now() } },
        { ...after, ignoreUndefined: true },
      ),

    /** `disconnected` can only become `erased`, and `erased` and `check` stay: then the document comes back unchanged. */
    async setWanted(id, wanted) {
      const final: Wanted[] = wanted === 'erased' ? ['check'] : [...given, 'check'];
      const changed = await connections.findOneAndUpdate(
        { ...byId(id), wanted: { $nin: final } },
        { $set: { wanted, wantedAt: clock.now(), updatedAt: clock.now() } },
        after,
      );
      return changed ?? connections.findOne(byId(id));
    },

    wantRescan: (id, { acceptRemovals = false } = {}) =>
      connections.findOneAndUpdate(
        byId(id),
        {
          $inc: { rescanWanted: 1 },
          $set: {
            rescanWantedAt: clock.now(),
            updatedAt: clock.now(),
            ...(acceptRemovals ? { acceptRemovals } : {}),
          },
        },
        after,
      ),

    async endAcceptance(id) {
      await connections.updateOne(byId(id), { $unset: { acceptRemovals: true } });
    },

    /** Null too when the connection was given up: a credential must not come back to it. */
    async recredential(id, credential, identity) {
      // The seal is bound to its version, so two at once must not take the same one.
      for (let attempt = 0; attempt < 20; attempt += 1) {
        const now = await connections.findOne(byId(id), { projection: { credentialVersion: 1, wanted: 1 } });
        if (!now || given.includes(now.wanted)) return null;
        const version = now.credentialVersion + 1;
        const written = await connections.findOneAndUpdate(
          { ...byId(id), credentialVersion: now.credentialVersion, wanted: { $nin: given } },
          {
            $set: {
              credential: seal.seal(credential, credentialPlace(id, version)),
              credentialVersion: version,
              credentialAt: clock.now(),
              identity,
              updatedAt: clock.now(),
            },
            $unset: { credentialExpiresAt: true, refusedCredential: true },
          },
          after,
        );
        if (written) return written;
      }
      throw new Error(`the credential of ${id} is being replaced by too many at once`);
    },

    async noteRefusedCredential(id, refused) {
      const now = clock.now();
      await connections.updateOne(
        { ...byId(id), wanted: { $nin: given } },
        { $set: { refusedCredential: { at: now, ...refused }, updatedAt: now } },
      );
    },

    openCredential(connection) {
      if (!connection.credential) throw new Error(`${connection._id} has no credential any more`);
      return seal.unseal(connection.credential, credentialPlace(connection._id, connection.credentialVersion));
    },

    openWebhookSecrets({ _id, webhookSecrets, webhookOverlapUntil }) {
      const over = webhookOverlapUntil !== undefined && webhookOverlapUntil <= clock.now();
      const valid = over ? webhookSecrets.slice(0, 1) : webhookSecrets;
      return valid.map((sealed) => String(seal.unseal(sealed, webhookPlace(_id))));
    },

    rotateWebhookSecret: (id) =>
      connections.findOneAndUpdate(
        { ...byId(id), wanted: { $nin: given } },
        {
          $push: { webhookSecrets: { $each: [freshWebhookSecret(id)], $position: 0, $slice: 2 } },
          $inc: { webhookRotations: 1 },
          $set: { updatedAt: clock.now() },
          $unset: { webhookOverlapUntil: true },
        },
        after,
      ),

    async endWebhookOverlap(id, rotations, forMs) {
      const now = clock.now();
      await connections.updateOne(
        { ...byId(id), webhookRotations: rotations, webhookOverlapUntil: { $exists: false } },
        { $set: { webhookOverlapUntil: new Date(now.getTime() + forMs), updatedAt: now } },
      );
    },

    async setWebhookSecrets(id, secrets) {
      const sealed = secrets.map((secret) => seal.seal(secret, webhookPlace(id)));
      const { matchedCount } = await connections.updateOne(
        { ...byId(id), wanted: { $nin: given } },
        { $set: { webhookSecrets: sealed, updatedAt: clock.now() }, $unset: { webhookOverlapUntil: true } },
      );
      return matchedCount > 0;
    },

    ...createRewrapping(connections, seal, { credential: credentialPlace, webhook: webhookPlace }),

    claimTenant,

    /** A connection that was erased keeps that state whatever a late worker writes. */
    async writeState(id, state) {
      await connections.updateOne(
        { _id: id, ...(state.phase !== 'erased' && { receipt: { $exists: false } }) },
        { $set: { state, updatedAt: clock.now() } },
      );
    },

    async markDisconnected(id) {
      await connections.updateOne({ _id: id }, [
        {
          $set: {
            credential: null,
            webhookSecrets: [],
            wanted: { $cond: [{ $eq: ['$wanted', 'erased'] }, 'erased', 'disconnected'] },
            updatedAt: clock.now(),
          },
        },
        { $unset: ['tenantId', 'credentialExpiresAt'] },
      ]);
    },

    erase,

    async deleteCheck(id) {
      await connections.deleteOne({ _id: id, wanted: 'check' });
    },
  };
}
