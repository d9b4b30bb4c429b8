import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { useInstallation } from '../support/installation.ts';
import { expectTruth, rowsOf } from '../support/stored-truth.ts';

const to = useInstallation({ tenant: { users: 300, groups: 12, events: 400, knobs: { latencyMs: 40 } } });
const ssws = (token: string) => ({ credential: { type: 'ssws', token } });
const give = (id: string, token: string) => to.api.put(`/v1/connections/${id}/credential`, ssws(token));

async function freshToken(): Promise<string> {
  const { control, token } = to.tenant;
  const value = `00${randomBytes(20).toString('hex')}`;
  const { apiTokens, users } = await control.truth({ only: ['apiTokens', 'users'] });
  const admin = users!.find(({ id }) => id === apiTokens![0]!['userId'])!;
  expect(token).not.toBe(value);
  await control.createApiToken({ user: String(admin['id']), value });
  return value;
}

describe('a credential that fails', () => {
  let id: string;

  it('revoked in mid-scan: says what, who and how, and waits; new ones resume the same scan where it was', async () => {
    const { control } = to.tenant;
    ({ id } = await to.connect());
    await to.midScan(id);
    const mid = await to.show(id);
    await control.revokeApiToken({});
    const parked = await to.until(id, ({ phase }) => phase === 'needsCredentials');
    expect(parked.problem).toMatchObject({ kind: 'unauthorized', who: 'operator' });
    expect(parked.problem!.remedy).toMatch(/credential/);
    expect(parked.scan).toMatchObject({ number: 1, stage: 'permissions' });
    const read = (await rowsOf(to.db, id, 'accounts')).length;
    expect(read).toBe(300);
    const sweeps = () => control.counters().then(({ calls }) => calls['GET /api/v1/users'] ?? 0);
    const before = await sweeps();

    await expect(give(id, `00${'x'.repeat(40)}`)).rejects.toMatchObject({
      status: 422,
      problem: { kind: 'unauthorized', who: 'operator', errors: [{ pointer: '/credential' }] },
    });
    const refused = await to.show(id);
    expect(refused).toMatchObject({ phase: 'needsCredentials', credentialVersion: 1 });
    expect(refused.refusedCredential!.what).toMatch(/refuses the API token/);

    await give(id, await freshToken());
    const done = await to.scanned(id);
    expect(done.scan!.number).toBe(1);
    expect(done.problem).toBeUndefined();
    expect(done.stages['users']!.counts).toEqual(mid.stages['users']!.counts);
    // A probe of the check and one of the connection's own; the accounts were not listed again, and the grants go on in
    // the users' list that they were in.
    expect((await sweeps()) - before).toBeLessThanOrEqual(3);
    await expectTruth(to.db, id, to.tenant);
  });

  it('of another tenant: refused, and what is stored stays that of the first', async () => {
    const other = await to.anotherTenant({ users: 10, groups: 2, events: 10, subdomain: 'other', seed: 2 });
    const { credentialVersion: version } = await to.show(id);
    const before = (await rowsOf(to.db, id, 'accounts')).map(({ vendorId }) => vendorId);
    await to.db
      .collection<{ _id: string }>('connections')
      .updateOne({ _id: id }, { $set: { 'settings.baseUrl': other.url } });
    await expect(give(id, other.token)).rejects.toMatchObject({ status: 422, problem: { kind: 'otherTenant' } });
    expect((await to.show(id)).credentialVersion).toBe(version);
    expect((await rowsOf(to.db, id, 'accounts')).map(({ vendorId }) => vendorId)).toEqual(before);

    await to.db
      .collection<{ _id: string }>('connections')
      .updateOne({ _id: id }, { $set: { 'settings.baseUrl': to.tenant.url } });
    await give(id, await freshToken());
    await to.until(id, ({ phase, problem }) => phase === 'watching' && !problem);
  });

  it('refused while the one in use works: the connection goes on with that one', async () => {
    const { credentialVersion } = await to.show(id);
    await expect(give(id, `00${'y'.repeat(40)}`)).rejects.toMatchObject({ status: 422 });
    const { scan } = await to.show(id);
    await to.api.post(`/v1/connections/${id}/rescan`);
    const done = await to.scanned(id, scan!.number + 1);
    expect(done).toMatchObject({ credentialVersion, phase: 'watching' });
    expect(done.problem).toBeUndefined();
    expect(done.refusedCredential!.what).toMatch(/refuses the API token/);
  });

  it('the same tenant twice: the second ends as a duplicate and names the first', async () => {
    const second = await to.connect({ ...to.tenant.body, ...ssws(await freshToken()) });
    const ended = await to.until(second.id, ({ phase }) => phase === 'duplicate');
    expect(ended.duplicateOf).toBe(id);
    expect(ended.problem!.what).toContain(id);
    expect(await rowsOf(to.db, second.id, 'accounts')).toEqual([]);
    expect((await to.show(id)).phase).toBe('watching');
  });

  it('a role taken away: what cannot be seen is blind, and nothing counts as gone', async () => {
    const { control } = to.tenant;
    const kinds = ['accounts', 'groups', 'memberships', 'privileges', 'appPermissions'] as const;
    const present = async () =>
      Promise.all(kinds.map(async (kind) => (await rowsOf(to.db, id, kind)).filter((row) => !row['removedAt']).length));
    const before = await present();
    expect(Math.min(...before)).toBeGreaterThan(0);
    await control.setOwnerRoles({ types: ['HELP_DESK_ADMIN'] });
    const { scan } = await to.show(id);
    await to.api.post(`/v1/connections/${id}/rescan`);
    const seen = await to.scanned(id, scan!.number + 1);
    expect(seen.stages['users']!.trust).toBe('blind');
    expect(seen.stages['permissions']!.trust).toBe('blind');
    expect(seen.trust).toBe('blind');
    expect(seen.stages['permissions']!.problem).toMatchObject({ kind: 'forbidden', who: 'tenant-admin' });
    const after = await present();
    // The role that was taken away is really gone, as the log told.
    const mayGo = { accounts: 0, groups: 0, memberships: 0, privileges: 1, appPermissions: 0 };
    kinds.forEach((kind, at) => expect(after[at], kind).toBeGreaterThanOrEqual(before[at]! - mayGo[kind]));
  });
});
