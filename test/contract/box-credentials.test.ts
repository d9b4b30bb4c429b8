import { generateKeyPairSync } from 'node:crypto';
import { exportJWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Failure } from '../../connectors/kit/failures.ts';
import { credentialOf, settingsOf, startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
beforeEach(async () => {
  enterprise = await startEnterprise({ fill: { users: 8, coadmins: 1, groups: 2, items: 60, events: 5 } });
});
afterEach(() => enterprise.close());

const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('expected a failure'),
    (error: unknown) => error as Failure,
  );
const secret = 'a-passphrase-of-the-key';

async function jwtCredential() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { simulator } = enterprise;
  simulator.control.putApp({ keys: [{ ...(await exportJWK(publicKey)), kid: 'key1' }] });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: secret });
  return {
    type: 'jwt',
    config: {
      boxAppSettings: {
        clientID: simulator.clientId,
        clientSecret: simulator.clientSecret,
        appAuth: { publicKeyID: 'key1', privateKey: pem as string, passphrase: secret },
      },
      enterpriseID: simulator.enterpriseId,
    },
  };
}
const tokensMinted = () => enterprise.simulator.control.counters().calls['POST /oauth2/token'] ?? 0;

describe('a credential', () => {
  it('as client credentials names the enterprise and what was granted', async () => {
    const verified = await box.verify(enterprise.open());
    expect(verified.tenant).toEqual({ id: enterprise.simulator.enterpriseId, name: 'Acme' });
    expect(verified.principal.name).toMatch(/^AutomationUser_/);
    expect(verified.granted).toHaveLength(6);
    for (const probe of Object.values(verified.probes)) expect(probe.state).toBe('granted');
  });

  it('as the settings file of an app with JWT does the same, with its encrypted key', async () => {
    const credential = await jwtCredential();
    const verified = await box.verify(enterprise.open({ credential }));
    expect(verified.tenant.id).toBe(enterprise.simulator.enterpriseId);
    expect(box.identity(credential)).toEqual({ type: 'jwt', clientId: enterprise.simulator.clientId, keyId: 'key1' });
  });

  it.each([-600_000, 600_000])(
    'as JWT is signed by the clock of Box, the first time too: %i ms',
    async (clockSkewMs) => {
      enterprise.simulator.control.knobs({ clockSkewMs });
      const verified = await box.verify(enterprise.open({ credential: await jwtCredential() }));
      expect(verified.tenant.id).toBe(enterprise.simulator.enterpriseId);
    },
  );

  it('as JWT says without its key what is wrong with it', async () => {
    const { config, ...rest } = await jwtCredential();
    const { appAuth } = config.boxAppSettings;
    const changed = (more: object, enterpriseID = config.enterpriseID) => ({
      ...rest,
      config: {
        ...config,
        enterpriseID,
        boxAppSettings: { ...config.boxAppSettings, appAuth: { ...appAuth, ...more } },
      },
    });
    for (const [credential, kind] of [
      [changed({ passphrase: 'another-passphrase' }), 'invalid'],
      [changed({ privateKey: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }), 'invalid'],
      [changed({}, '1'), 'invalid'],
      [changed({ publicKeyID: 'key2' }), 'unauthorized'],
    ] as const) {
      const failure = await failed(box.verify(enterprise.open({ credential })));
      expect(failure.kind).toBe(kind);
      expect(failure.details.remedy ?? failure.details.field).toBeTruthy();
      expect(failure.message + JSON.stringify(failure.details)).not.toContain(secret);
    }
  });

  it('has one token for all users it acts as, and another one when Box takes it no more', async () => {
    const session = enterprise.open();
    for (const id of [enterprise.owner, '1'])
      await box.stages.files!.lookup!(session, [{ kind: 'files', vendorId: 'file:1', part: id }]);
    expect(tokensMinted()).toBe(1);
    enterprise.simulator.control.expireAccessTokens();
    await box.stages.users!.sweep!(session, { part: { id: 'accounts', title: '' } });
    expect(tokensMinted()).toBe(2);
  });

  it('of an app that no admin authorized says so', async () => {
    enterprise.simulator.control.putApp({ authorized: false });
    expect(await failed(box.verify(enterprise.open()))).toMatchObject({
      kind: 'unauthorized',
      details: { who: 'tenant-admin', remedy: expect.stringContaining('Admin Console') as string },
    });
  });

  it('of another enterprise is refused', async () => {
    expect((await failed(box.verify(enterprise.open({}, { enterpriseId: '1' })))).kind).toBe('unauthorized');
  });
});

describe('what is missing is said by name', () => {
  it.each([
    ['manage_managed_users', 'users', /Manage users/],
    ['manage_enterprise_properties', 'activities', /Manage enterprise properties/],
    ['manage_webhook', 'push', /Manage webhooks/],
    ['root_readwrite', 'files', /Read and write all files/],
  ] as const)('%s', async (scope, capability, missing) => {
    for (const missingScope of ['header', 'json'] as const) {
      enterprise.simulator.control.knobs({ missingScope });
      const scopes = [
        'root_readwrite',
        'manage_managed_users',
        'manage_groups',
        'manage_enterprise_properties',
        'manage_webhook',
      ];
      enterprise.simulator.control.putApp({ scopes: scopes.filter((one) => one !== scope) });
      const { probes } = await box.verify(enterprise.open());
      const probe = probes[capability]!;
      expect([probe.state, probe.missing]).toEqual(['missing', expect.stringMatching(missing)]);
      expect(probe.remedy).toBeTruthy();
    }
    if (capability !== 'push') {
      const stage = box.stages[capability]!;
      const part = {
        id: capability === 'users' ? 'accounts' : capability === 'files' ? enterprise.owner : '',
        title: '',
      };
      expect((await failed(stage.sweep!(enterprise.open(), { part }))).kind).toBe('forbidden');
    }
  });

  it('As-User', async () => {
    enterprise.simulator.control.putApp({ asUser: false });
    const { probes } = await box.verify(enterprise.open());
    expect(probes.files).toMatchObject({ state: 'missing', missing: 'As-User' });
    expect(probes.makePrivate).toMatchObject({ state: 'missing' });
    expect(probes.users).toMatchObject({ state: 'granted' });
  });

  it('admins, whom an app authorized by a co-admin does not reach: their files are blind, not empty', async () => {
    enterprise.simulator.control.putApp({ reach: 'belowAdmins' });
    const { probes } = await box.verify(enterprise.open());
    expect(probes.files).toMatchObject({ state: 'granted', missing: expect.stringContaining('admins') as string });
    const users = enterprise.simulator.control.truth({ only: ['users'] }).users as { id: string; role: string }[];
    const admin = users.find(({ role }) => role === 'admin')!.id;
    const sweep = (id: string) => box.stages.files!.sweep!(enterprise.open(), { part: { id, title: '' } });
    const failure = await failed(sweep(admin));
    expect([failure.kind, failure.details.remedy]).toEqual(['forbidden', expect.stringContaining('primary admin')]);
    expect((await sweep(enterprise.owner)).next).toBeDefined();
  });
});

it('settings and credential are checked field by field', () => {
  const { simulator } = enterprise;
  const field = (settings: object, credential: object) => {
    try {
      box.check(settings, credential, true);
      return undefined;
    } catch (error) {
      return (error as Failure).details.field;
    }
  };
  const [settings, credential] = [settingsOf(simulator), credentialOf(simulator)];
  expect(field(settings, credential)).toBeUndefined();
  expect(field({ ...settings, enterpriseId: 'acme' }, credential)).toBe('settings.enterpriseId');
  expect(field({ ...settings, baseUrl: 'https://api.box.com/2.0' }, credential)).toBe('settings.baseUrl');
  expect(field({ ...settings, more: 1 }, credential)).toBe('settings.more');
  expect(field(settings, { ...credential, clientSecret: '' })).toBe('credential.clientSecret');
  expect(field(settings, { type: 'jwt', config: {} })).toMatch(/^credential\.config/);
  expect(() => box.check({ enterpriseId: '1', baseUrl: 'http://127.0.0.1:1' }, credential, false)).toThrow(/https/);
});
