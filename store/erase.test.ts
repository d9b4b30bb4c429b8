import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import { createConnections } from './connections.ts';
import { createErase } from './erase.ts';
import { createSeal } from './seal.ts';
import { createSubscriptions } from './subscriptions.ts';

const { uri, name } = useDatabase();
const client = new MongoClient(uri, { ignoreUndefined: true });
const db = client.db(name);
const clock = { ms: 0, now: () => new Date(clock.ms) };
const slept: number[] = [];
const sleep = async (ms: number): Promise<void> => {
  slept.push(ms);
  clock.ms += ms;
};
const erase = createErase(db, client, clock, { batch: 3, sleep });
const connections = createConnections(db, clock, createSeal(randomBytes(32)), erase);

interface Row {
  _id: string;
  connectionId: string;
  leaseUntil?: Date | null;
}
const rows = (collection: string) => db.collection<Row>(collection);
const collections = ['positions', 'actions', 'accounts', 'files', 'activities', 'pending', 'scans', 'coverage'];

beforeAll(async () => void (await client.connect()));
beforeEach(async () => {
  clock.ms = Date.UTC(2026, 0, 1);
  slept.length = 0;
  await db.dropDatabase();
});
afterAll(() => client.close());

/** Two connections with `count` documents in each collection. */
async function filled(count: number): Promise<{ id: string; other: string }> {
  const make = async (app: string) => {
    const { _id } = await connections.create({
      app,
      name: 'Acme',
      label: 'acme.okta.com',
      settings: { domain: 'acme.okta.com' },
      credential: { token: 'canary' },
      identity: { clientId: 'c1' },
      wanted: 'running',
      governance: 'on',
      protected: ['u1'],
      scanEveryMs: 1,
      parallel: 1,
      createdBy: 'key_a',
    });
    await connections.claimTenant(_id, {
      tenant: { id: 't1', name: 'Acme' },
      principal: { id: 'p', name: 'admin' },
      granted: ['g'],
      probes: {},
    });
    for (const each of collections) {
      const docs = Array.from({ length: count }, (_, n) => ({ _id: `${_id}/${n}`, connectionId: _id }));
      await rows(each).insertMany(docs);
    }
    return _id;
  };
  return { id: await make('okta'), other: await make('aws') };
}
const left = async (connectionId: string) =>
  (await Promise.all(collections.map((each) => rows(each).countDocuments({ connectionId })))).reduce((a, b) => a + b);

test('deletes all of the connection and nothing else, with a receipt', async () => {
  const { id, other } = await filled(7);
  let progress = 0;
  const receipt = await erase(id, () => (progress += 1));
  expect(receipt.deleted).toEqual(Object.fromEntries(collections.map((each) => [each, 7])));
  expect(receipt.erasedAt).toEqual(clock.now());
  expect(await left(id)).toBe(0);
  expect(await left(other)).toBe(7 * collections.length);
  expect(progress).toBeGreaterThan(collections.length * 3);
  expect(slept).toEqual([]);
});

test('keeps a tombstone without settings, credential and tenant', async () => {
  const { id } = await filled(1);
  await erase(id, () => undefined);
  const doc = (await connections.get(id))!;
  expect(doc).toMatchObject({
    name: 'Acme',
    label: 'Acme',
    wanted: 'erased',
    settings: {},
    identity: {},
    credential: null,
    webhookSecrets: [],
    protected: [],
    state: { phase: 'erased' },
  });
  for (const gone of ['tenantId', 'tenantName', 'principal', 'granted', 'erasing'])
    expect(doc).not.toHaveProperty(gone);
  expect((await connections.list({ phase: 'erased', limit: 9 })).items.map((each) => each._id)).toEqual([id]);
});

test('a state that a late worker writes does not bring it back', async () => {
  const { id } = await filled(1);
  await erase(id, () => undefined);
  const { state } = (await connections.get(id))!;
  await connections.writeState(id, { ...state!, phase: 'scanning' });
  expect((await connections.get(id))!.state!.phase).toBe('erased');
});

test('interrupted after any step it goes on, and the receipt counts all of it once', async () => {
  const { id } = await filled(5);
  class Killed extends Error {}
  let kills = 0;
  for (let after = 1; after < 200; after += 1) {
    let steps = 0;
    const outcome = await erase(id, () => {
      steps += 1;
      if (steps === after) throw new Killed();
    }).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
      kills += 1;
      return null;
    });
    if (!outcome) continue;
    expect(outcome.deleted).toEqual(Object.fromEntries(collections.map((each) => [each, 5])));
    expect(kills).toBeGreaterThan(5);
    expect(await left(id)).toBe(0);
    return;
  }
  throw new Error('it never got to its end');
});

test('repeated after its end it answers the same receipt', async () => {
  const { id } = await filled(2);
  const receipt = await erase(id, () => undefined);
  clock.ms += 5000;
  expect(await erase(id, () => undefined)).toEqual(receipt);
  await expect(erase('con_unknown', () => undefined)).rejects.toThrow(/no connection/);
});

test('waits for the leases of what it fenced off, whoever resumes it', async () => {
  const { id } = await filled(4);
  const until = new Date(clock.ms + 2500);
  await rows('positions').updateOne({ _id: `${id}/2` }, { $set: { leaseUntil: until } });
  await rows('actions').updateOne({ _id: `${id}/0` }, { $set: { leaseUntil: new Date(clock.ms + 1200) } });
  await rows('positions').updateOne({ _id: `${id}/1` }, { $set: { leaseUntil: null } });

  const interrupted = createErase(db, client, clock, {
    batch: 3,
    sleep: async () => {
      throw new Error('killed while it waited');
    },
  });
  await expect(interrupted(id, () => undefined)).rejects.toThrow('killed');
  expect(await rows('positions').countDocuments({ connectionId: id })).toBe(0);
  expect(await rows('accounts').countDocuments({ connectionId: id })).toBe(4);

  await erase(id, () => undefined);
  expect(slept).toEqual([1000, 1000, 500]);
  expect(clock.now()).toEqual(until);
});

test('deletes what a frozen worker wrote while the lease was waited for, and counts it', async () => {
  const { id } = await filled(1);
  await rows('positions').updateOne({ _id: `${id}/0` }, { $set: { leaseUntil: new Date(clock.ms + 900) } });
  const late = createErase(db, client, clock, {
    sleep: async (ms) => {
      await rows('positions').insertOne({ _id: `${id}/late`, connectionId: id });
      await rows('accounts').insertOne({ _id: `${id}/late`, connectionId: id });
      clock.ms += ms;
    },
  });
  const { deleted } = await late(id, () => undefined);
  expect(deleted).toMatchObject({ positions: 2, accounts: 2, files: 1 });
  expect(await left(id)).toBe(0);
});

/** The same database, in which something is written to `accounts` each time just before they are counted. */
function writtenBeforeCount(write: () => Promise<unknown>): typeof db {
  const collection = (each: string) => {
    const real = rows(each);
    if (each !== 'accounts') return real;
    return new Proxy(real, {
      get(target, member) {
        const value: unknown = Reflect.get(target, member);
        if (typeof value !== 'function') return value;
        if (member !== 'countDocuments') return value.bind(target) as unknown;
        return async (filter: { connectionId: string }) => {
          await write();
          return target.countDocuments(filter);
        };
      },
    });
  };
  return new Proxy(db, {
    get(target, member) {
      if (member === 'collection') return collection;
      const value: unknown = Reflect.get(target, member);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

test('what is written between deletion and count is deleted in another pass', async () => {
  const { id } = await filled(1);
  let late = 0;
  const disturbed = writtenBeforeCount(async () => {
    if (++late <= 2) await rows('accounts').insertOne({ _id: `${id}/late`, connectionId: id });
  });
  const { deleted } = await createErase(disturbed, client, clock, { sleep })(id, () => undefined);
  expect(deleted).toMatchObject({ accounts: 3, files: 1 });
  expect(await left(id)).toBe(0);
});

test('what is written for ever is told, and no receipt is given', async () => {
  const { id } = await filled(1);
  const disturbed = writtenBeforeCount(() => rows('accounts').insertOne({ _id: `${id}/late`, connectionId: id }));
  await expect(createErase(disturbed, client, clock, { sleep })(id, () => undefined)).rejects.toThrow(
    /goes on writing/,
  );
  expect(await connections.get(id)).not.toHaveProperty('receipt');
});

test('its webhook secrets go first, so that nothing new is let in', async () => {
  const { id } = await filled(1);
  const killed = () => {
    throw new Error('killed at the first step');
  };
  await expect(erase(id, killed)).rejects.toThrow('killed');
  expect(await connections.get(id)).toMatchObject({ webhookSecrets: [], wanted: 'erased' });
});

test('who wakes with a new subscription in hand finds the connection erased', async () => {
  const { id, other } = await filled(1);
  const subscriptions = createSubscriptions(db, client, { now: () => new Date() });
  const of = (connectionId: string) => ({
    _id: connectionId,
    connectionId,
    vendorId: 'v1',
    url: '',
    createdAt: clock.now(),
  });
  expect(await subscriptions.put(of(id))).toEqual(of(id));
  await erase(id, () => {});
  expect(await subscriptions.put(of(id))).toBeNull();
  expect(await subscriptions.get(id)).toBeNull();
  expect(await subscriptions.put(of(other))).toEqual(of(other));
});
