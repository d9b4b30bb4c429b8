import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import type { Verified } from '../connectors/connector.ts';
import type { ConnectionState } from '../workflows/messages.ts';
import { connectionIndexes, createConnections } from './connections.ts';
import type { ConnectionDocument } from './documents.ts';
import { createErase } from './erase.ts';
import { BadCursor } from './paging.ts';
import { createSeal, SealError } from './seal.ts';
import type { NewConnection } from './store.ts';

const { uri, name } = useDatabase();
const client = new MongoClient(uri, { ignoreUndefined: true });
const db = client.db(name);
const clock = { ms: Date.UTC(2026, 0, 1), now: () => new Date((clock.ms += 1)) };
const key = randomBytes(32);
const connectionsWith = (seal: ReturnType<typeof createSeal>) =>
  createConnections(db, clock, seal, createErase(db, client, clock));
const connections = connectionsWith(createSeal(key));

beforeAll(async () => {
  await client.connect();
  await db.collection('connections').createIndexes(connectionIndexes);
});
beforeEach(() => db.collection('connections').deleteMany({}));
afterAll(() => client.close());

const canary = 'canary-4c1d77';
const input = (over: Partial<NewConnection> = {}): NewConnection => ({
  app: 'okta',
  name: 'Acme',
  label: 'acme.okta.com',
  settings: { domain: 'acme.okta.com' },
  credential: { type: 'ssws', token: canary },
  identity: { form: 'ssws' },
  wanted: 'running',
  governance: 'off',
  protected: [],
  scanEveryMs: 1000,
  parallel: 4,
  createdBy: 'key_a',
  ...over,
});
const verified = (tenant: string): Verified => ({
  tenant: { id: tenant, name: `${tenant} Inc` },
  principal: { id: 'p1', name: 'admin@example.com' },
  granted: ['okta.users.read'],
  probes: { users: { state: 'granted' } },
});
const state = (phase: ConnectionState['phase']): ConnectionState => ({
  version: 1,
  phase,
  rescansServed: 0,
  scan: { number: 1 },
  stages: {},
  waits: {},
  watch: { round: 0, changes: 0, everyMs: 0 },
  actions: { taken: 0, running: 0 },
  runs: 1,
});
const stored = (id: string) => db.collection<ConnectionDocument>('connections').findOne({ _id: id });

describe('the credential', () => {
  test('is sealed and nowhere else in the document', async () => {
    const doc = await connections.create(input());
    expect(doc._id).toMatch(/^con_[a-z0-9]{20}$/);
    expect(JSON.stringify(await stored(doc._id))).not.toContain(canary);
    expect(connections.openCredential((await connections.get(doc._id))!)).toEqual({ type: 'ssws', token: canary });
  });

  test('becomes the next version when it is replaced', async () => {
    const first = await connections.create(input());
    const second = (await connections.recredential(first._id, { token: 'new' }, { form: 'oauth' }))!;
    expect(second).toMatchObject({ credentialVersion: 2, identity: { form: 'oauth' } });
    expect(connections.openCredential(second)).toEqual({ token: 'new' });
    // The old seal under the new number is what a mixed-up document would be.
    expect(() => connections.openCredential({ ...second, credential: first.credential })).toThrow(SealError);
  });

  test('gets a version of its own from each of several at once', async () => {
    const { _id } = await connections.create(input());
    const all = await Promise.all([1, 2, 3, 4].map((n) => connections.recredential(_id, { token: n }, {})));
    expect(all.map((doc) => doc!.credentialVersion).sort()).toEqual([2, 3, 4, 5]);
    expect(connections.openCredential((await connections.get(_id))!)).toEqual({
      token: 1 + all.findIndex((doc) => doc!.credentialVersion === 5),
    });
  });

  test('does not come back to a connection that was given up', async () => {
    const { _id } = await connections.create(input());
    await connections.setWanted(_id, 'disconnected');
    expect(await connections.recredential(_id, { token: 'new' }, {})).toBeNull();
    expect(await connections.recredential('con_unknown', { token: 'new' }, {})).toBeNull();
  });

  test('is wrapped anew with a new key, with the webhook secrets', async () => {
    const { _id } = await connections.create(input());
    const before = (await connections.rotateWebhookSecret(_id))!;
    const newKey = randomBytes(32);
    const rotating = connectionsWith(createSeal(newKey, [key]));
    expect(await rotating.rewrapSeals()).toBe(3);
    expect(await rotating.rewrapSeals()).toBe(0);
    const after = connectionsWith(createSeal(newKey));
    const doc = (await after.get(_id))!;
    expect(after.openCredential(doc)).toEqual({ type: 'ssws', token: canary });
    expect(after.openWebhookSecrets(doc)).toEqual(connections.openWebhookSecrets(before));
  });
});

test('webhook secrets: the new one first, the one before still valid, older ones gone', async () => {
  const { _id, ...doc } = await connections.create(input());
  const [first] = connections.openWebhookSecrets({ _id, ...doc });
  const two = connections.openWebhookSecrets((await connections.rotateWebhookSecret(_id))!);
  expect(two).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/), first]);
  const three = connections.openWebhookSecrets((await connections.rotateWebhookSecret(_id))!);
  expect(three).toEqual([expect.any(String), two[0]]);
  expect(new Set([...three, ...two]).size).toBe(3);
});

test('keys that a vendor made take the place of our own, and do not come to a connection that was given up', async () => {
  const { _id } = await connections.create(input());
  expect(await connections.setWebhookSecrets(_id, ['primary', 'secondary'])).toBe(true);
  const doc = (await connections.get(_id))!;
  expect(connections.openWebhookSecrets(doc)).toEqual(['primary', 'secondary']);
  expect(JSON.stringify(doc)).not.toContain('primary');
  await connections.setWanted(_id, 'disconnected');
  expect(await connections.setWebhookSecrets(_id, ['late'])).toBe(false);
});

test('the same idempotency key answers the first connection, also at once', async () => {
  const all = await Promise.all([1, 2, 3].map(() => connections.create(input({ idempotencyKey: 'k1' }))));
  expect(new Set(all.map((doc) => doc._id)).size).toBe(1);
  expect(await db.collection('connections').countDocuments()).toBe(1);
  await connections.create(input());
  await connections.create(input());
  expect(await db.collection('connections').countDocuments()).toBe(3);
});

describe('a list', () => {
  test('pages through all, newest first, without a check', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await connections.create(input()))._id);
    await connections.create(input({ wanted: 'check' }));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await connections.list({ limit: 2, cursor });
      seen.push(...page.items.map((doc) => doc._id));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
  });

  test('filters by app, phase and ids', async () => {
    const one = await connections.create(input());
    const two = await connections.create(input({ app: 'aws' }));
    await connections.writeState(two._id, state('watching'));
    const idsOf = async (query: object) => (await connections.list({ limit: 9, ...query })).items.map((d) => d._id);
    expect(await idsOf({ app: 'okta' })).toEqual([one._id]);
    expect(await idsOf({ phase: 'watching' })).toEqual([two._id]);
    expect(await idsOf({ phase: 'connecting' })).toEqual([one._id]);
    expect(await idsOf({ ids: [one._id] })).toEqual([one._id]);
    expect(await idsOf({ ids: [] })).toEqual([]);
  });

  test('takes nothing for an operator of the database', async () => {
    const { _id } = await connections.create(input());
    const sent = { $gt: '' } as unknown as string;
    expect((await connections.list({ limit: 9, app: sent })).items).toEqual([]);
    expect((await connections.list({ limit: 9, phase: sent })).items).toEqual([]);
    expect(await connections.get(sent)).toBeNull();
    expect(await connections.get(_id)).not.toBeNull();
    await expect(connections.list({ limit: 9, cursor: 'nonsense' })).rejects.toThrow(BadCursor);
  });
});

describe('wishes', () => {
  test('change, and count rescans', async () => {
    const { _id } = await connections.create(input());
    expect((await connections.setWanted(_id, 'paused'))!.wanted).toBe('paused');
    expect((await connections.setWanted(_id, 'running'))!.wanted).toBe('running');
    await connections.wantRescan(_id);
    expect((await connections.wantRescan(_id))!.rescanWanted).toBe(2);
    expect(await connections.setWanted('con_unknown', 'paused')).toBeNull();
  });

  test('to give it up are final', async () => {
    const { _id } = await connections.create(input());
    await connections.setWanted(_id, 'disconnected');
    expect((await connections.setWanted(_id, 'running'))!.wanted).toBe('disconnected');
    expect((await connections.setWanted(_id, 'erased'))!.wanted).toBe('erased');
    expect((await connections.setWanted(_id, 'disconnected'))!.wanted).toBe('erased');
  });

  test('options change alone', async () => {
    const doc = await connections.create(input());
    const changed = await connections.update(doc._id, { governance: 'on', protected: ['u1'] });
    expect(changed).toMatchObject({
      governance: 'on',
      protected: ['u1'],
      name: 'Acme',
      parallel: 4,
      scanEveryMs: 1000,
    });
  });
});

describe('one tenant, one connection', () => {
  test('several at once: one wins, the others learn which', async () => {
    const docs = await Promise.all([1, 2, 3, 4, 5].map(() => connections.create(input())));
    const outcomes = await Promise.all(docs.map((doc) => connections.claimTenant(doc._id, verified('t1'))));
    const winner = docs[outcomes.findIndex((each) => each.outcome === 'claimed')]!._id;
    expect(outcomes.filter((each) => each.outcome === 'claimed')).toHaveLength(1);
    for (const [at, each] of outcomes.entries()) {
      if (docs[at]!._id === winner) continue;
      expect(each).toEqual({ outcome: 'duplicate', of: winner });
      expect(await stored(docs[at]!._id)).toMatchObject({ duplicateOf: winner });
      expect(await stored(docs[at]!._id)).not.toHaveProperty('tenantId');
    }
    expect(await stored(winner)).toMatchObject({ tenantId: 't1', tenantName: 't1 Inc', label: 't1 Inc' });
  });

  test('again by its owner is fine and refreshes what was granted', async () => {
    const { _id } = await connections.create(input());
    const expiresAt = new Date(Date.UTC(2027, 0, 1));
    await connections.claimTenant(_id, { ...verified('t1'), expiresAt });
    expect(await stored(_id)).toMatchObject({ credentialExpiresAt: expiresAt });
    expect(await connections.claimTenant(_id, { ...verified('t1'), granted: ['more'] })).toEqual({
      outcome: 'claimed',
    });
    expect(await stored(_id)).toMatchObject({ granted: ['more'] });
    expect(await stored(_id)).not.toHaveProperty('credentialExpiresAt');
  });

  test('a connection keeps the tenant that it first had', async () => {
    const { _id } = await connections.create(input());
    await connections.claimTenant(_id, verified('t1'));
    expect(await connections.claimTenant(_id, verified('t2'))).toEqual({ outcome: 'otherTenant', tenantId: 't1' });
    expect(await stored(_id)).toMatchObject({ tenantId: 't1', tenantName: 't1 Inc' });
  });

  test('the same id in another app is another tenant', async () => {
    const one = await connections.create(input());
    const two = await connections.create(input({ app: 'aws' }));
    expect(await connections.claimTenant(one._id, verified('t1'))).toEqual({ outcome: 'claimed' });
    expect(await connections.claimTenant(two._id, verified('t1'))).toEqual({ outcome: 'claimed' });
  });

  test('a check learns of the owner and claims nothing', async () => {
    const check = await connections.create(input({ wanted: 'check' }));
    expect(await connections.claimTenant(check._id, verified('t1'))).toEqual({ outcome: 'claimed' });
    const { _id } = await connections.create(input());
    expect(await connections.claimTenant(_id, verified('t1'))).toEqual({ outcome: 'claimed' });
    expect(await connections.claimTenant(check._id, verified('t1'))).toEqual({ outcome: 'duplicate', of: _id });
    expect(await stored(check._id)).toMatchObject({ granted: ['okta.users.read'], duplicateOf: _id });
    await connections.deleteCheck(_id);
    await connections.deleteCheck(check._id);
    expect(await stored(check._id)).toBeNull();
    expect(await stored(_id)).not.toBeNull();
  });

  test('disconnecting drops the credential and frees the tenant', async () => {
    const one = await connections.create(input());
    await connections.claimTenant(one._id, verified('t1'));
    await connections.markDisconnected(one._id);
    const gone = (await stored(one._id))!;
    expect(gone).toMatchObject({ credential: null, webhookSecrets: [], wanted: 'disconnected', tenantName: 't1 Inc' });
    expect(() => connections.openCredential(gone)).toThrow(/no credential/);
    const two = await connections.create(input());
    expect(await connections.claimTenant(two._id, verified('t1'))).toEqual({ outcome: 'claimed' });
    // A verify that was under way when it was disconnected.
    await expect(connections.claimTenant(one._id, verified('t3'))).rejects.toThrow(/disconnected/);
  });
});
