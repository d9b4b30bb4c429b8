import { MongoServerError, type Db, type IndexDescription } from 'mongodb';
import { actionIndexes } from './actions.ts';
import { holdIndexes } from './holds.ts';
import { batchIndexes } from './batches.ts';
import { apiKeyIndexes } from './api-keys.ts';
import { connectionIndexes } from './connections.ts';
import { coverageIndexes } from './coverage.ts';
import { deliveryIndexes } from './deliveries.ts';
import { pendingIndexes } from './pending.ts';
import { positionIndexes } from './position-documents.ts';
import { quotaIndexes } from './quota-document.ts';
import { quotaUseIndexes } from './quota-uses.ts';
import { recordIndexes } from './records.ts';
import { scanIndexes } from './scans.ts';
import { spreadIndexes } from './spread-tasks.ts';
import { subscriptionIndexes } from './subscriptions.ts';

/** Every collection, with what it is searched by. */
const collections: Readonly<Record<string, readonly IndexDescription[]>> = {
  connections: connectionIndexes,
  actions: [...actionIndexes, ...holdIndexes],
  batches: batchIndexes,
  batchBudgets: [],
  positions: positionIndexes,
  pending: pendingIndexes,
  coverage: coverageIndexes,
  quotas: quotaIndexes,
  quotaUses: quotaUseIndexes,
  scans: scanIndexes,
  spreads: spreadIndexes,
  subscriptions: subscriptionIndexes,
  deliveries: deliveryIndexes,
  apiKeys: apiKeyIndexes,
  reconciliation: [],
  ...recordIndexes,
};

const namespaceExists = 48;
/** Of earlier releases: by ancestor without the order that a spread goes by; by when what is gone was seen. */
const formerIndexes: readonly [collection: string, name: string][] = [
  ['files', 'byAncestor'],
  ['accounts', 'gone'],
  ['groups', 'gone'],
];
const indexNotFound = 27;

/**
 * Collections are made beforehand: one that comes into being inside a transaction makes those beside it abort. Several
 * processes may do this at once.
 */
export async function ensureIndexes(db: Db): Promise<void> {
  const there = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
  for (const [name, indexes] of Object.entries(collections)) {
    if (!there.has(name)) {
      await db.createCollection(name).catch((error: unknown) => {
        if (!(error instanceof MongoServerError && error.code === namespaceExists)) throw error;
      });
    }
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
  }
  for (const [name, index] of formerIndexes)
    await db
      .collection(name)
      .dropIndex(index)
      .catch((error: unknown) => {
        if (!(error instanceof MongoServerError && error.code === indexNotFound)) throw error;
      });
}
