import { beforeEach, describe, expect, it } from 'vitest';
import { useApi } from './start-api.ts';

const api = useApi();
const credential = { form: 'token', token: 'canary-token-9876543210' };
const verified = (tenant: string) => ({
  tenant: { id: tenant, name: `Tenant ${tenant}` },
  principal: { id: 'u1', name: 'An admin' },
  granted: [],
  probes: {},
});
/** As `activities/authenticate.ts` does with a document that is only there to be checked. */
const finds = (tenant: string) => {
  api.temporal.onCheck = async (id) => {
    const claim = await api.store.connections.claimTenant(id, verified(tenant));
    return claim.outcome === 'duplicate'
      ? { outcome: 'duplicate', problem: { kind: 'duplicate', what: `as ${claim.of}`, who: 'operator', since: '' } }
      : { outcome: 'verified' };
  };
};
const refuses = () => {
  api.temporal.onCheck = () =>
    Promise.resolve({
      outcome: 'parked',
      problem: {
        kind: 'unauthorized',
        what: 'Acme refuses the token',
        who: 'tenant-admin',
        remedy: 'make one',
        since: '',
      },
    });
};
const put = (id: string) =>
  api.call('PUT', `/v1/connections/${id}/credential`, { as: 'operator', body: { credential } });
const stored = async (id: string) => (await api.store.connections.get(id))!;
const checksLeft = async () => (await api.store.reconciliation.outlines()).filter(({ wanted }) => wanted === 'check');

let id: string;
let tenant = 0;
beforeEach(async () => {
  api.temporal.failing = {};
  ({ id } = await api.connect());
  await api.store.connections.claimTenant(id, verified(`t${(tenant += 1)}`));
  api.temporal.heard = [];
});

async function expectUntouched(): Promise<void> {
  const connection = await stored(id);
  expect(connection.credentialVersion).toBe(1);
  expect(api.store.connections.openCredential(connection)).not.toEqual(credential);
  expect(api.temporal.of('signal', id)).toEqual([]);
  expect(await checksLeft()).toEqual([]);
}

describe('a new credential', () => {
  it('of the same tenant takes the place of the one in use once the app accepted it', async () => {
    finds(`t${tenant}`);
    const { status, body } = await put(id);
    expect([status, body.credentialVersion]).toEqual([202, 2]);
    expect(api.store.connections.openCredential(await stored(id))).toEqual(credential);
    expect(api.temporal.of('signal', id)).toMatchObject([{ name: 'credentialsChanged' }]);
    expect(await checksLeft()).toEqual([]);
  });

  it('that the app refuses changes nothing; field, cause, remedy and who are told, and kept', async () => {
    refuses();
    const { status, body, text } = await put(id);
    expect([status, body.code]).toEqual([422, 'check-failed']);
    expect(body).toMatchObject({
      detail: 'Acme refuses the token; nothing was changed, version 1 stays in use',
      who: 'tenant-admin',
      remedy: 'make one',
      kind: 'unauthorized',
      errors: [{ pointer: '/credential', detail: 'Acme refuses the token' }],
    });
    expect(text).not.toContain('canary');
    await expectUntouched();
    const shown = (await api.call('GET', `/v1/connections/${id}`)).body.refusedCredential;
    expect(shown).toMatchObject({ by: 'the operator', what: 'Acme refuses the token', identity: { form: 'token' } });
    finds(`t${tenant}`);
    expect((await put(id)).body.refusedCredential).toBeUndefined();
  });

  it('of another tenant changes nothing, whoever has that tenant', async () => {
    finds('another');
    const nobodys = await put(id);
    expect(nobodys.status).toBe(422);
    expect(nobodys.body).toMatchObject({
      kind: 'otherTenant',
      detail: expect.stringMatching(/Tenant another/) as string,
    });
    const other = await api.connect();
    await api.store.connections.claimTenant(other.id, verified('another'));
    expect((await put(id)).body.kind).toBe('otherTenant');
    await expectUntouched();
  });

  it('for a connection that never had a tenant is taken, unless the tenant is another’s', async () => {
    const { id: fresh } = await api.connect();
    finds(`t${tenant}`);
    const taken = await put(fresh);
    expect([taken.status, taken.body.code]).toEqual([409, 'duplicate-tenant']);
    finds(`new-${tenant}`);
    expect((await put(fresh)).status).toBe(202);
  });

  it('that cannot be tried now changes nothing and was not refused', async () => {
    api.temporal.onCheck = () => Promise.resolve({ outcome: 'wait', delay: { why: 'Acme is away', ms: 4_000 } });
    const away = await put(id);
    expect([away.status, away.body.who]).toEqual([422, 'vendor']);
    expect(away.body.remedy).toMatch(/again in 4 s/);
    api.temporal.failing.check = { kind: 'worker', why: 'no worker answered in time' };
    expect((await put(id)).status).toBe(503);
    await expectUntouched();
    expect((await stored(id)).refusedCredential).toBeUndefined();
  });

  it('is not taken by a connection that was given up while it was tried', async () => {
    finds(`t${tenant}`);
    const { onCheck } = api.temporal;
    api.temporal.onCheck = async (check) => {
      await api.store.connections.setWanted(id, 'disconnected');
      return onCheck(check);
    };
    const { status, body } = await put(id);
    expect([status, body.code]).toEqual([409, 'connection-ended']);
    await expectUntouched();
  });
});
