import { randomBytes } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { BSON, MongoClient } from 'mongodb';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import { openStore, type StoreOptions } from './open-store.ts';
import type { Store } from './store.ts';

const { uri, name } = useDatabase();
const key = randomBytes(32);
const client = new MongoClient(uri);
const db = client.db(name);
afterAll(() => client.close());

const open: Store[] = [];
async function opened(options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore({ uri, database: name, key, ...options });
  open.push(store);
  return store;
}
afterEach(async () => void (await Promise.all(open.splice(0).map((store) => store.close()))));

/** The server behind a way that can be held up (`frozen`) or cut. */
async function proxied(): Promise<{ uri: string; frozen: (is: boolean) => void; cut: () => Promise<void> }> {
  const [host = '', port = ''] = new URL(uri).host.split(':');
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      if (frozen) from.pause();
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    uri: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}/?directConnection=true`,
    frozen(is) {
      frozen = is;
      for (const socket of sockets) {
        if (is) socket.pause();
        else socket.resume();
      }
    },
    cut: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

describe('ping', () => {
  test('passes, fails while MongoDB is frozen, and passes again', async () => {
    const way = await proxied();
    const store = await opened({ uri: way.uri, times: { pingMs: 200 } });
    await store.ping();
    way.frozen(true);
    await expect(store.ping()).rejects.toThrow();
    way.frozen(false);
    // Only how it ends is asserted; the driver may need a few tries until it trusts the server again.
    let outcome: unknown = 'untried';
    for (let tries = 0; tries < 50 && outcome !== undefined; tries += 1) {
      outcome = await store.ping().then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect(outcome).toBeUndefined();
    await store.close();
    await way.cut();
  });

  test('fails when MongoDB is gone, sooner than an operation gives up', async () => {
    const way = await proxied();
    const store = await opened({ uri: way.uri, times: { pingMs: 200 } });
    await way.cut();
    await expect(store.ping()).rejects.toThrow();
  });
});

test('does not open where there is no MongoDB', async () => {
  const way = await proxied();
  await way.cut();
  await expect(openStore({ uri: way.uri, database: name, key, times: { selectionMs: 100 } })).rejects.toThrow();
});

test('makes the indexes of every collection, several processes at once, and again', async () => {
  const stores = await Promise.all([opened(), opened(), opened()]);
  await Promise.all(stores.map((store) => store.ensureIndexes()));
  await stores[0]!.ensureIndexes();
  const collections = (await db.listCollections({}, { nameOnly: true }).toArray()).map((each) => each.name).sort();
  expect(collections).toEqual(
    [
      ...['accounts', 'actions', 'activities', 'apiKeys', 'appPermissions', 'batchBudgets', 'batches', 'connections'],
      ...[
        'coverage',
        'deliveries',
        'files',
        'groups',
        'memberships',
        'pending',
        'positions',
        'privileges',
        'quotaUses',
        'quotas',
      ],
      ...['reconciliation', 'scans', 'spreads', 'subscriptions'],
    ].sort(),
  );
  const unique = await db.collection('connections').listIndexes().toArray();
  expect(unique.find((each) => each.name === 'tenant')).toMatchObject({
    unique: true,
    partialFilterExpression: { tenantId: { $type: 'string' } },
  });
  // Whatever is of one connection is found by it: an erase must not read all of the others.
  const byId = new Set(['connections', 'quotas', 'apiKeys', 'batchBudgets', 'reconciliation']);
  for (const each of collections.filter((at) => !byId.has(at))) {
    const firsts = (await db.collection(each).listIndexes().toArray()).map((index) => Object.keys(index.key)[0]);
    expect([each, firsts.includes('connectionId')]).toEqual([each, true]);
  }
});

test('a delivery is known once it was noted, under any id, to its connection, and for an hour', async () => {
  const { deliveries, ensureIndexes } = await opened();
  await ensureIndexes();
  const long = 'x'.repeat(500_000);
  expect(await deliveries.taken('con_1', long)).toBe(false);
  await deliveries.note('con_1', long);
  await deliveries.note('con_1', long);
  expect([await deliveries.taken('con_1', long), await deliveries.taken('con_2', long)]).toEqual([true, false]);
  const [doc] = await db.collection<{ _id: string }>('deliveries').find({}).toArray();
  expect(doc!._id.length).toBeLessThan(60);
  const indexes = await db.collection('deliveries').listIndexes().toArray();
  expect(indexes.find(({ name }) => name === 'expiry')).toMatchObject({ key: { at: 1 }, expireAfterSeconds: 3600 });
});

test('no secret is in any document, and one process opens what another sealed', async () => {
  const [api, worker] = await Promise.all([opened(), opened()]);
  await api.ensureIndexes();
  const canaries = ['canary-token-71', 'canary-next-72'];
  const { _id } = await api.connections.create({
    app: 'okta',
    name: 'Acme',
    label: 'acme.okta.com',
    settings: {},
    credential: { token: canaries[0] },
    identity: {},
    wanted: 'running',
    governance: 'off',
    protected: [],
    scanEveryMs: 1,
    parallel: 1,
    createdBy: 'key_a',
  });
  const before = (await worker.connections.get(_id))!;
  expect(worker.connections.openCredential(before)).toEqual({ token: canaries[0] });
  await api.connections.recredential(_id, { token: canaries[1] }, {});
  const webhook = worker.connections.openWebhookSecrets(before);
  const { secret } = await api.apiKeys.create({ name: 'k', role: 'viewer' });
  await worker.apiKeys.verify(secret);

  const told = [...canaries, ...webhook, secret, secret.slice(-43)];
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map((each) => each.name);
  let looked = 0;
  for (const each of names) {
    for (const doc of await db.collection(each).find().toArray()) {
      looked += 1;
      const text = BSON.EJSON.stringify(doc);
      for (const canary of told) {
        expect(text).not.toContain(canary);
        expect(text).not.toContain(Buffer.from(canary).toString('base64').replace(/=+$/, ''));
      }
    }
  }
  expect(looked).toBeGreaterThanOrEqual(2);
});

test('a process without the key reads all but the seals', async () => {
  const [api, blind] = await Promise.all([opened(), opened({ key: null })]);
  const page = await api.connections.list({ limit: 1 });
  const doc = await blind.connections.get(page.items[0]!._id);
  expect(() => blind.connections.openCredential(doc!)).toThrow(/does not have/);
});

test('scans keep their first start and the newest comes first', async () => {
  const { scans } = await opened();
  await scans.start('con_s', 1);
  const [first] = await scans.list('con_s', 9);
  await scans.start('con_s', 1);
  expect(await scans.list('con_s', 9)).toEqual([first]);
  await scans.start('con_s', 2);
  await scans.finish('con_s', 1, {
    users: { phase: 'done', parts: { total: 1, done: 1, failed: 0 }, counts: { ...counts, added: 3 } },
  });
  const [newest, older] = await scans.list('con_s', 9);
  expect(newest).toMatchObject({ number: 2, stages: {} });
  expect(newest).not.toHaveProperty('finishedAt');
  expect(older).toMatchObject({ number: 1, stages: { users: { counts: { added: 3 } } } });
  expect(older?.finishedAt).toBeInstanceOf(Date);
  expect(await scans.list('con_s', 1)).toEqual([newest]);
  await scans.finish('con_erased', 1, {});
  expect(await scans.list('con_erased', 9)).toEqual([]);
});
const counts = { added: 0, changed: 0, unchanged: 0, removed: 0, skipped: 0, pages: 0 };

test('subscriptions are put, replaced and removed', async () => {
  const { subscriptions, connections } = await opened();
  const { _id } = await connections.create({
    ...{ app: 'okta', name: 'S', label: 's', settings: {}, credential: {}, identity: {} },
    ...{ wanted: 'running', governance: 'off', protected: [], scanEveryMs: 1, parallel: 1, createdBy: 'key_a' },
  });
  const doc = {
    _id,
    connectionId: _id,
    vendorId: 'v1',
    url: 'https://example.com/w',
    createdAt: new Date(1),
  };
  await subscriptions.put(doc);
  await subscriptions.put({ ...doc, vendorId: 'v2' });
  expect(await subscriptions.get(_id)).toEqual({ ...doc, vendorId: 'v2' });
  await subscriptions.remove(_id);
  expect(await subscriptions.get(_id)).toBeNull();
});
