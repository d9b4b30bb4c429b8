import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { createActions } from './actions.ts';
import { createAgenda } from './agenda.ts';
import { createHolds } from './holds.ts';
import { createBatches } from './batches.ts';
import { createApiKeys } from './api-keys.ts';
import { createClock } from './clock.ts';
import { createConnections } from './connections.ts';
import { createContents } from './contents.ts';
import { createCoverage } from './coverage.ts';
import { createDeliveries } from './deliveries.ts';
import { createErase } from './erase.ts';
import { ensureIndexes } from './indexes.ts';
import { createPending } from './pending.ts';
import { createPositions } from './positions.ts';
import { createQuotaUses } from './quota-uses.ts';
import { createQuotas } from './quotas.ts';
import { createReconciliation } from './reconciliation.ts';
import { createRecords } from './records.ts';
import { createScans } from './scans.ts';
import { createSeal } from './seal.ts';
import type { Store } from './store.ts';
import { createSpreads } from './spreads.ts';
import { createSubscriptions } from './subscriptions.ts';

/** As pino has it. */
export interface StoreLogger {
  warn(details: object, message: string): void;
}

export interface StoreOptions {
  /** A replica set's: transactions need one. */
  uri: string;
  database: string;
  /** The master key, by `parseMasterKey`. Null: nothing can be sealed or opened. */
  key: Buffer | null;
  /** Master keys of before a rotation; they only open. */
  oldKeys?: readonly Buffer[];
  logger?: StoreLogger;
  /** Milliseconds that operations wait for a primary (15 s), and `ping` for its answer (2.8 s). */
  times?: { selectionMs?: number; pingMs?: number };
}

/** Rejects when MongoDB is not there within 15 s, or the key is none. */
export async function openStore({
  uri,
  database,
  key,
  oldKeys = [],
  logger,
  times: { selectionMs = 15_000, pingMs = 2_800 } = {},
}: StoreOptions): Promise<Store> {
  const seal = createSeal(key, oldKeys);
  const client = new MongoClient(uri, {
    appName: 'castellan',
    ignoreUndefined: true,
    retryReads: true,
    retryWrites: true,
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    writeConcern: { w: 'majority' },
    serverSelectionTimeoutMS: selectionMs,
    connectTimeoutMS: 5_000,
    heartbeatFrequencyMS: 5_000,
  });
  const db = client.db(database);

  async function ask(): Promise<void> {
    const { isWritablePrimary, setName } = await db.admin().command({ hello: 1 }, { timeoutMS: pingMs });
    if (isWritablePrimary !== true) throw new Error('MongoDB answers, but has no primary');
    if (setName === undefined) throw new Error('MongoDB is not a replica set, so it has no transactions');
  }

  try {
    await client.connect();
    const clock = await createClock(db, {
      failed: (error) =>
        logger?.warn({ err: error }, "MongoDB's clock could not be read; its last offset stays in use"),
    });
    const positions = createPositions(db, client, clock);
    return {
      connections: createConnections(db, clock, seal, createErase(db, client, clock)),
      positions,
      agenda: createAgenda(db, clock),
      spreads: createSpreads(db, client, clock, positions),
      records: createRecords(db),
      pending: createPending(db, client, clock),
      contents: createContents(db, clock),
      actions: createActions(db, client, clock),
      batches: createBatches(db, client, clock),
      holds: createHolds(db, clock),
      quotas: createQuotas(db),
      quotaUses: createQuotaUses(db, clock),
      scans: createScans(db, clock),
      coverage: createCoverage(db),
      subscriptions: createSubscriptions(db, client, clock),
      deliveries: createDeliveries(db, clock),
      apiKeys: createApiKeys(db, clock),
      reconciliation: createReconciliation(db, clock),
      now: () => clock.now(),

      async ping() {
        // A server that is frozen keeps its sockets open, so the driver alone could wait for longer.
        const timer = new AbortController();
        const late = delay(pingMs, undefined, { signal: timer.signal }).then(() => {
          throw new Error(`MongoDB did not answer within ${pingMs / 1000} s`);
        });
        try {
          await Promise.race([ask(), late]);
        } finally {
          // Its own abort is no failure.
          late.catch(() => undefined);
          timer.abort();
        }
      },

      ensureIndexes: () => ensureIndexes(db),

      async close() {
        clock.stop();
        await client.close();
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}
