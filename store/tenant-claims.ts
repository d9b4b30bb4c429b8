import type { Db, IndexDescription } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ConnectionDocument } from './documents.ts';
import { isDuplicateKey } from './duplicate-key.ts';
import type { Connections } from './store.ts';

/** Decides who has a tenant, whoever asks at the same moment. */
export const tenantIndex: IndexDescription = {
  name: 'tenant',
  key: { app: 1, tenantId: 1 },
  unique: true,
  partialFilterExpression: { tenantId: { $type: 'string' } },
};

export function createTenantClaims(db: Db, clock: Clock): Pick<Connections, 'claimTenant'> {
  const connections = db.collection<ConnectionDocument>('connections');

  async function ownerOf(app: string, tenantId: string, besides: string): Promise<string | undefined> {
    const owner = await connections.findOne(
      { app, tenantId: { $eq: tenantId }, _id: { $ne: besides } },
      { projection: { _id: 1 } },
    );
    return owner?._id;
  }

  return {
    /** A check never takes the claim; it only learns whether somebody has it, and keeps what was found. */
    async claimTenant(id, { tenant, principal, granted, expiresAt, probes }, provedCredentialVersion) {
      const found = {
        ...(tenant.name !== '' && { tenantName: tenant.name, label: tenant.name }),
        principal,
        granted: [...granted],
        probes,
        ...(expiresAt && { credentialExpiresAt: expiresAt }),
        ...(provedCredentialVersion !== undefined && { provedCredentialVersion }),
      };
      const gone: { credentialExpiresAt?: true } = expiresAt ? {} : { credentialExpiresAt: true };

      // The owner may give the tenant up between our refused claim and our look at who has it.
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const doc = await connections.findOne({ _id: id });
        if (!doc) throw new Error(`no connection ${id}`);
        const at = { verifiedAt: clock.now(), updatedAt: clock.now() };
        if (doc.tenantId !== undefined && doc.tenantId !== tenant.id) {
          return { outcome: 'otherTenant', tenantId: doc.tenantId };
        }
        if (doc.wanted === 'check') {
          const of = await ownerOf(doc.app, tenant.id, id);
          await connections.updateOne(
            { _id: id },
            { $set: { ...found, ...at, ...(of && { duplicateOf: of }) }, $unset: gone },
          );
          return of ? { outcome: 'duplicate', of } : { outcome: 'claimed' };
        }
        try {
          const { matchedCount } = await connections.updateOne(
            {
              _id: id,
              wanted: doc.wanted,
              credential: { $ne: null },
              $or: [{ tenantId: { $exists: false } }, { tenantId: tenant.id }],
            },
            { $set: { ...found, ...at, tenantId: tenant.id }, $unset: { ...gone, duplicateOf: true } },
          );
          if (matchedCount === 1) return { outcome: 'claimed' };
          if (!doc.credential) throw new Error(`${id} was disconnected and takes no tenant`);
        } catch (error) {
          if (!isDuplicateKey(error)) throw error;
          const of = await ownerOf(doc.app, tenant.id, id);
          if (of !== undefined) {
            await connections.updateOne({ _id: id }, { $set: { duplicateOf: of, updatedAt: clock.now() } });
            return { outcome: 'duplicate', of };
          }
        }
      }
      throw new Error(`the tenant of ${id} changes hands too often to be claimed`);
    },
  };
}
