import { describe, expect, it } from 'vitest';
import { keyCommand } from '../../api/key-command.ts';
import { openStore } from '../../store/open-store.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
async function key(...args: string[]) {
  const said = { out: '', err: '' };
  const code = await keyCommand({
    args,
    openStore: () => openStore({ uri: database.uri, database: database.name, key: null }),
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
