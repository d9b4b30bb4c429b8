import { setTimeout as delay } from 'node:timers/promises';
import type { Db, MongoClient } from 'mongodb';
import type { ConnectionState } from '../workflows/messages.ts';
import type { Clock } from './clock.ts';
import type { ConnectionDocument } from './documents.ts';
import { inTransaction } from './in-transaction.ts';
import type { Connections } from './store.ts';

export interface EraseOptions {
  /** Documents a transaction. */
  batch?: number;
  sleep?: (ms: number) => Promise<unknown>;
}

/** Not of one connection; every other collection, also one that a later release adds, is emptied of it. */
const kept = ['connections', 'quotas', 'apiKeys'];
/** First, in this order: without them no holder's write matches any more. */
const fences = ['positions', 'actions'];

interface OfConnection {
  _id: string;
  connectionId: string;
  leaseUntil?: Date | null;
}

export function createErase(
  db: Db,
  client: MongoClient,
  clock: Clock,
  { batch = 1000, sleep = delay }: EraseOptions = {},
): Connections['erase'] {
  const connections = db.collection<ConnectionDocument>('connections');

  /** Each batch and its entry in the account are one transaction, so the receipt is right however often it is resumed. */
  async function empty(name: string, connectionId: string, progress: () => void): Promise<void> {
    const collection = db.collection<OfConnection>(name);
    for (;;) {
      const deleted = await inTransaction(client, async (session) => {
        const docs = await collection
          .find({ connectionId }, { projection: { _id: 1, leaseUntil: 1 }, session })
          .limit(batch)
          .toArray();
        if (docs.length === 0) return 0;
        const leases = docs.map((doc) => doc.leaseUntil).filter((until) => until instanceof Date);
        const latest = leases.reduce<Date | undefined>((a, b) => (a && a > b ? a : b), undefined);
        const { deletedCount } = await collection.deleteMany({ _id: { $in: docs.map((doc) => doc._id) } }, { session });
        await connections.updateOne(
          { _id: connectionId },
          {
            $inc: { [`erasing.deleted.${name}`]: deletedCount },
            ...(latest && fences.includes(name) && { $max: { 'erasing.leasesUntil': latest } }),
          },
          { session },
        );
        return deletedCount;
      });
      progress();
      if (deleted === 0) return;
    }
  }

  /** A holder that was frozen may still be about to write something that nothing fences, until its lease is over. */
  async function outwaitLeases(connectionId: string, progress: () => void): Promise<void> {
    const doc = await connections.findOne({ _id: connectionId }, { projection: { 'erasing.leasesUntil': 1 } });
    const until = doc?.erasing?.leasesUntil;
    if (!until) return;
    for (let left = until.getTime() - clock.now().getTime(); left > 0; left = until.getTime() - clock.now().getTime()) {
      await sleep(Math.min(left, 1000));
      progress();
    }
  }

  async function emptied(): Promise<string[]> {
    const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
    const others = names.filter(
      (name) => !kept.includes(name) && !fences.includes(name) && !name.startsWith('system.'),
    );
    return [...fences, ...others.sort()];
  }

  /** The document stays as a tombstone: what it was called and when it went, nothing of the tenant. */
  async function tombstone(doc: ConnectionDocument, names: readonly string[]) {
    const now = clock.now();
    const deleted = Object.fromEntries(names.map((name) => [name, doc.erasing?.deleted[name] ?? 0]));
    const state: ConnectionState = {
      version: 1,
      phase: 'erased',
      scan: { number: doc.state?.scan.number ?? 0 },
      rescansServed: doc.rescanWanted,
      stages: {},
      waits: {},
      watch: { round: 0, changes: 0, everyMs: 0 },
      actions: { taken: 0, running: 0 },
      runs: doc.state?.runs ?? 0,
    };
    const receipt = { erasedAt: now, deleted };
    await connections.updateOne(
      { _id: doc._id, receipt: { $exists: false } },
      {
        $set: {
          settings: {},
          credential: null,
          webhookSecrets: [],
          identity: {},
          protected: [],
          state,
          receipt,
          updatedAt: now,
        },
        $unset: {
          tenantId: true,
          tenantName: true,
          principal: true,
          granted: true,
          probes: true,
          credentialExpiresAt: true,
          verifiedAt: true,
          duplicateOf: true,
          erasing: true,
        },
      },
    );
  }

  return async function erase(id, progress) {
    const begun = await connections.findOneAndUpdate(
      { _id: id },
      // Without its webhook secrets the API refuses what the app still sends, so nothing new comes in from there.
      { $set: { wanted: 'erased', webhookSecrets: [], updatedAt: clock.now() } },
      { returnDocument: 'after' },
    );
    if (!begun) throw new Error(`no connection ${id}`);
    if (begun.receipt) return begun.receipt;

    // A late write between two counts is deleted by the next pass; what writes for ever is no late write.
    for (let pass = 0; pass < 10; pass += 1) {
      const names = await emptied();
      for (const name of fences) await empty(name, id, progress);
      await outwaitLeases(id, progress);
      for (const name of names) await empty(name, id, progress);
      let left = 0;
      for (const name of names) {
        left += await db.collection<OfConnection>(name).countDocuments({ connectionId: id });
        progress();
      }
      if (left > 0) continue;
      const doc = await connections.findOne({ _id: id });
      if (doc && !doc.receipt) await tombstone(doc, names);
      const done = await connections.findOne({ _id: id }, { projection: { receipt: 1 } });
      if (done?.receipt) return done.receipt;
      throw new Error(`the connection ${id} vanished while it was erased`);
    }
    throw new Error(`something goes on writing records of ${id} while it is erased`);
  };
}
