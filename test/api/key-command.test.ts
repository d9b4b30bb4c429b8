import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { keyCommand } from '../../api/key-command.ts';
import type { MasterKeys } from '../../api/rotate-command.ts';
import { openStore } from '../../store/open-store.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
let masterKeys: MasterKeys = { key: randomBytes(32), oldKeys: [] };
async function key(...args: string[]) {
  const said = { out: '', err: '' };
  const code = await keyCommand({
    args,
    openStore: (keys) => openStore({ uri: database.uri, database: database.name, key: null, ...keys }),
    masterKeys: () => masterKeys,
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
  });
  return { code, ...said };
}

describe('keys', () => {
  it('are created, listed and revoked', async () => {
    expect((await key('list')).out).toBe('there are no keys\n');
    const made = await key('create', '--name', 'ops', '--role', 'operator', '--expires', '90d', '--json');
    expect(made.code).toBe(0);
    const { id, secret, role, expiresAt, createdAt } = JSON.parse(made.out) as Record<string, string>;
    expect(role).toBe('operator');
    expect(Date.parse(expiresAt!) - Date.parse(createdAt!)).toBeCloseTo(90 * 86_400_000, -5);
    const listed = await key('list');
    expect(listed.out).toMatch(new RegExp(`${id}\\s+operator\\s+valid\\s+ops`));
    expect(listed.out).not.toContain(secret);
    expect((await key('revoke', id!)).code).toBe(0);
    const unknown = await key('revoke', 'key_unknown');
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('not known')]);
    expect((await key('list', '--json')).out).toMatch(/"state":"revoked"/);
  });

  it('show their secret once', async () => {
    const { out } = await key('create', '--name', 'eyes', '--role', 'viewer');
    expect(out).toMatch(/^key_\w+ \(viewer\) made for eyes\. Its secret, shown only now:\ncst_\S+\n$/);
  });

  it('say how they are made', async () => {
    for (const ask of ['--help', '-h', 'help'])
      expect(await key(ask)).toMatchObject({
        code: 0,
        out: expect.stringContaining('npm run key -- create') as string,
      });
    expect((await key()).code).toBe(2);
  });

  it.each([
    [['create', '--role', 'viewer'], '--name'],
    [['create', '--name', 'x', '--role', 'root'], '--role'],
    [['create', '--name', 'x', '--role', 'viewer', '--expires', 'soon'], '--expires'],
    [['create', '--name', 'x', '--role', 'viewer', '--connections', 'nope'], '--connections'],
    [['create', 'x', '--name', 'x', '--role', 'viewer'], 'x'],
    [['explode'], 'explode'],
    [['revoke'], 'revoke'],
    [['revoke', 'con_1'], 'revoke'],
    [['list', '--colour'], '--colour'],
  ])('%s is called wrongly', async (args, named) => {
    const { code, err, out } = await key(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(named);
  });

  it('are not limited to connections that are not there', async () => {
    const { code, err } = await key('create', '--name', 'x', '--role', 'viewer', '--connections', 'con_nothing');
    expect([code, err.trim()]).toEqual([1, 'there is no connection con_nothing']);
  });
});

describe('rotating the master key', () => {
  const [first, second] = [randomBytes(32), randomBytes(32)];
  const credential = { token: 'canary-token-0123456789' };
  const open = (keys: MasterKeys) => openStore({ uri: database.uri, database: database.name, ...keys });

  async function connect(keys: MasterKeys): Promise<string> {
    const store = await open(keys);
    const { _id } = await store.connections.create({
      ...{ app: 'acme', name: 'a', label: 'a', settings: {}, credential, identity: {}, wanted: 'running' },
      ...{ governance: 'off', protected: [], scanEveryMs: 1, parallel: 1, createdBy: 'test' },
    });
    await store.connections.rotateWebhookSecret(_id);
    await store.close();
    return _id;
  }

  async function opens(id: string, keys: MasterKeys): Promise<boolean> {
    const store = await open(keys);
    const connection = (await store.connections.get(id))!;
    try {
      expect(store.connections.openWebhookSecrets(connection)).toHaveLength(2);
      expect(store.connections.openCredential(connection)).toEqual(credential);
      return true;
    } catch {
      return false;
    } finally {
      await store.close();
    }
  }

  it('makes the new key open everything, alone, and may be called again', async () => {
    const ids = [await connect({ key: first, oldKeys: [] }), await connect({ key: first, oldKeys: [] })];
    masterKeys = { key: second, oldKeys: [] };
    const refused = await key('rotate');
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/nothing was changed.*CASTELLAN_KEY_OLD/)]);
    masterKeys = { key: second, oldKeys: [randomBytes(32), first] };
    expect(await key('rotate', '--json')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/"rewrapped":6,"seals":6/) as string,
    });
    for (const id of ids) {
      expect(await opens(id, { key: second, oldKeys: [] })).toBe(true);
      expect(await opens(id, { key: first, oldKeys: [] })).toBe(false);
    }
    expect((await key('rotate')).out).toMatch(/^0 seals were wrapped anew; all 6 now need the key [0-9a-f]{8} alone/);
  });

  it('goes on where it was broken off, and past a seal that is damaged', async () => {
    const late = await connect({ key: first, oldKeys: [] });
    const damaged = await connect({ key: first, oldKeys: [] });
    const client = await new MongoClient(database.uri).connect();
    const wrapped = Buffer.alloc(60).toString('base64');
    await client
      .db(database.name)
      .collection<{ _id: string }>('connections')
      .updateOne({ _id: damaged }, { $set: { 'credential.wrapped': wrapped } });
    masterKeys = { key: second, oldKeys: [first] };
    const { code, err } = await key('rotate');
    expect([code, err]).toEqual([1, expect.stringMatching(`${damaged}.*damaged`)]);
    expect(await opens(late, { key: second, oldKeys: [] })).toBe(true);
    await client.close();
  });

  it('takes no more words', async () => {
    expect(await key('rotate', 'now')).toMatchObject({ code: 2 });
  });
});
