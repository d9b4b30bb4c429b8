import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import { createApiKeys } from './api-keys.ts';
import type { ApiKeyDocument } from './documents.ts';

const { uri, name } = useDatabase();
const client = new MongoClient(uri, { ignoreUndefined: true });
const db = client.db(name);
const clock = { ms: 0, now: () => new Date(clock.ms) };
const apiKeys = createApiKeys(db, clock);
beforeAll(async () => void (await client.connect()));
beforeEach(async () => {
  clock.ms = Date.UTC(2026, 0, 1);
  await db.collection('apiKeys').deleteMany({});
});
afterAll(() => client.close());

const stored = (id: string) => db.collection<ApiKeyDocument>('apiKeys').findOne({ _id: id });

test('a key opens, and is stored only as its hash', async () => {
  const { key, secret } = await apiKeys.create({ name: 'console', role: 'operator', connectionIds: ['con_a'] });
  expect(secret).toMatch(/^cst_[a-z0-9]{20}_[A-Za-z0-9_-]{43}$/);
  expect(await apiKeys.verify(secret)).toMatchObject({ _id: key._id, role: 'operator', connectionIds: ['con_a'] });
  expect(JSON.stringify(await apiKeys.list())).not.toContain(secret.slice(-43));
});

test('nothing else opens', async () => {
  const { secret } = await apiKeys.create({ name: 'one', role: 'viewer' });
  const { secret: other } = await apiKeys.create({ name: 'two', role: 'viewer' });
  const wrong = [
    '',
    'cst_',
    secret.slice(0, -1),
    `${secret}A`,
    secret.slice(0, 25) + other.slice(25),
    secret.replace('cst_', 'key_'),
    `cst_${'a'.repeat(20)}_${secret.slice(25)}`,
  ];
  for (const each of wrong) expect(await apiKeys.verify(each)).toBeNull();
});

test('an expired key does not open', async () => {
  const expiresAt = new Date(clock.ms + 1000);
  const { secret } = await apiKeys.create({ name: 'short', role: 'viewer', expiresAt });
  expect(await apiKeys.verify(secret)).not.toBeNull();
  clock.ms += 1000;
  expect(await apiKeys.verify(secret)).toBeNull();
});

test('a revoked key does not open, and keeps the time of its revocation', async () => {
  const { key, secret } = await apiKeys.create({ name: 'gone', role: 'governor' });
  const revokedAt = new Date(clock.ms);
  expect(await apiKeys.revoke(key._id)).toBe(true);
  expect(await apiKeys.verify(secret)).toBeNull();
  clock.ms += 5000;
  expect(await apiKeys.revoke(key._id)).toBe(true);
  expect((await stored(key._id))?.revokedAt).toEqual(revokedAt);
  expect(await apiKeys.revoke('key_unknown')).toBe(false);
});

test('its last use is written at most once a minute', async () => {
  const { key, secret } = await apiKeys.create({ name: 'busy', role: 'viewer' });
  const first = new Date(clock.ms);
  await apiKeys.verify(secret);
  expect((await stored(key._id))?.lastUsedAt).toEqual(first);
  clock.ms += 59_999;
  await apiKeys.verify(secret);
  expect((await stored(key._id))?.lastUsedAt).toEqual(first);
  clock.ms += 1;
  await apiKeys.verify(secret);
  expect((await stored(key._id))?.lastUsedAt).toEqual(new Date(clock.ms));
});
