import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Failure } from '../../connectors/kit/failures.ts';
import { okta } from '../../connectors/okta/index.ts';
import { createOktaSimulator, type OktaSimulator } from '../../simulators/okta/simulator.ts';
import { createOpenGovernor } from '../support/open-governor.ts';

// Generating RSA keys takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const scopes = ['okta.orgs.read', 'okta.users.read', 'okta.groups.read', 'okta.logs.read', 'okta.users.manage'];
let simulator: OktaSimulator;
beforeEach(async () => {
  simulator = await createOktaSimulator({ knobs: { limitFactor: 1000 }, fill: { users: 20, groups: 4, events: 20 } });
});
afterEach(() => simulator.close());

let version = 0;
const open = (credential: unknown, baseUrl = simulator.url) =>
  okta.open({
    connectionId: 'credentials',
    settings: { domain: 'acme.okta.com', baseUrl },
    credential,
    credentialVersion: ++version,
    governor: createOpenGovernor(),
    urgency: 'sweep',
    signal: new AbortController().signal,
    allowLocalOrigins: true,
  });
const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('expected a failure'),
    (error: unknown) => error as Failure,
  );
const accounts = (session: ReturnType<typeof open>) =>
  okta.stages.users!.sweep!(session, { part: { id: 'accounts', title: '' } });

async function serviceApp(
  given: { dpop?: boolean; granted?: string[]; roles?: string[]; alg?: 'RS256' | 'ES256' } = {},
) {
  const pair = await generateKeyPair(given.alg ?? 'RS256', { extractable: true });
  const clientId = '0oaservice';
  simulator.control.putServiceApp({
    clientId,
    keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1' }],
    grantedScopes: given.granted ?? scopes,
    dpop: given.dpop ?? true,
    roles: given.roles ?? ['SUPER_ADMIN'],
  });
  return {
    pem: { type: 'oauth', clientId, keyId: 'k1', privateKey: await exportPKCS8(pair.privateKey) },
    jwk: { type: 'oauth', clientId, privateKey: { ...(await exportJWK(pair.privateKey)), kid: 'k1' } },
  };
}

describe('a service app', () => {
  it.each([
    ['DPoP, RSA, PEM', true, 'RS256', 'pem'],
    ['DPoP, EC, JWK', true, 'ES256', 'jwk'],
    ['bearer, RSA, JWK', false, 'RS256', 'jwk'],
  ] as const)('works with %s, and asks for what it was granted', async (_, dpop, alg, form) => {
    const credential = { ...(await serviceApp({ dpop, alg }))[form], dpop };
    const verified = await okta.verify(open(credential));
    expect(verified.principal.id).toBe('0oaservice');
    expect(verified.granted).toEqual(expect.arrayContaining(scopes));
    expect(verified.probes).toMatchObject({
      users: { state: 'granted', missing: expect.stringContaining('okta.roles.read') },
      activities: { state: 'granted' },
      // Without okta.roles.read nobody can tell which role the app has.
      suspendUser: { state: 'unknown' },
      removeFromGroup: { state: 'missing', missing: 'okta.groups.manage' },
    });
  });

  it('mints one token for many calls, and a new one when it has expired or the nonce has turned', async () => {
    const { pem } = await serviceApp();
    const session = open(pem);
    await Promise.all([accounts(session), accounts(session), accounts(session)]);
    expect(simulator.state.accessTokens.size).toBeGreaterThan(0);
    simulator.control.expireAccessTokens();
    simulator.control.turnNonce({ forget: true });
    const page = await accounts(session);
    expect(page.records.length).toBe(20);
    expect(simulator.state.accessTokens.size).toBe(1);
  });

  it.each([
    ['DPoP, behind', true, -600_000],
    ['DPoP, ahead', true, 600_000],
    ['bearer, behind', false, -600_000],
    ['bearer, ahead', false, 600_000],
  ])('signs by the clock of the org, the first time too: %s', async (_, dpop, clockSkewMs) => {
    const { pem } = await serviceApp({ dpop });
    simulator.control.knobs({ clockSkewMs });
    const session = open({ ...pem, dpop });
    expect((await accounts(session)).records.length).toBe(20);
    simulator.control.knobs({ clockSkewMs: 2 * clockSkewMs });
    expect((await accounts(session)).records.length).toBe(20);
  });

  it('without an admin role is forbidden, saying which', async () => {
    const { pem } = await serviceApp({ roles: [] });
    const failure = await failed(okta.verify(open(pem)));
    expect(failure).toMatchObject({ kind: 'forbidden', details: { who: 'tenant-admin' } });
    expect(failure.details.remedy).toMatch(/role/);
  });

  it('is refused with words on who must do what', async () => {
    const { pem } = await serviceApp();
    const other = await exportPKCS8((await generateKeyPair('RS256', { extractable: true })).privateKey);
    const cases: [object, string, string][] = [
      [{ ...pem, privateKey: other }, 'unauthorized', 'credential'],
      [{ ...pem, clientId: '0oaunknown' }, 'unauthorized', 'credential'],
      [{ ...pem, scopes: ['okta.apps.manage'] }, 'unauthorized', 'credential.scopes'],
      [{ ...pem, dpop: false }, 'unauthorized', 'credential.dpop'],
    ];
    for (const [credential, kind, field] of cases) {
      const failure = await failed(okta.verify(open(credential)));
      expect(failure).toMatchObject({ kind, details: { field, remedy: expect.any(String) } });
      expect(JSON.stringify([failure.message, failure.details])).not.toContain('PRIVATE KEY');
    }
  });
});

describe('an API token', () => {
  it('with fewer roles says what is missing', async () => {
    simulator.control.setOwnerRoles({ types: ['READ_ONLY_ADMIN'] });
    const { probes, granted } = await okta.verify(open({ type: 'ssws', token: simulator.token }));
    expect(granted).toEqual(['READ_ONLY_ADMIN']);
    expect(probes).toMatchObject({
      users: { state: 'granted', missing: 'SUPER_ADMIN' },
      activities: { state: 'granted' },
      suspendUser: { state: 'missing', missing: 'ORG_ADMIN' },
      removePrivilege: { state: 'missing', missing: 'SUPER_ADMIN' },
    });
  });

  it('that was revoked is unauthorized', async () => {
    simulator.control.revokeApiToken();
    expect(await failed(accounts(open({ type: 'ssws', token: simulator.token })))).toMatchObject({
      kind: 'unauthorized',
    });
  });
});

describe('guards', () => {
  const session = () => open({ type: 'ssws', token: simulator.token });
  const owner = () => simulator.state.apiTokens.rows[0]!.userId;

  it('refuse to act on our own administrator', async () => {
    for (const name of ['suspendUser', 'revokeSessions', 'requirePasswordReset'] as const)
      expect(await failed(okta.actions[name]!.read(session(), { accountId: owner() }))).toMatchObject({
        kind: 'conflict',
      });
  });

  it('refuse to stop the last super admin, and allow it when there is another', async () => {
    const { control } = simulator;
    const supers = simulator.state.roles.rows.filter(({ type }) => type === 'SUPER_ADMIN');
    const admin = control.createUser({ profile: { login: 'only@acme.test' } }).id;
    control.grantRole({ type: 'SUPER_ADMIN', assignmentType: 'USER', assigneeId: admin });
    expect((await okta.actions.suspendUser!.read(session(), { accountId: admin })).plan.length).toBeGreaterThan(0);
    for (const { assigneeId, id } of supers) if (assigneeId !== owner()) control.revokeRole({ id });
    const own = simulator.state.users.get(owner())!;
    own.status = 'LOCKED_OUT';
    const failure = await failed(okta.actions.suspendUser!.read(session(), { accountId: admin }));
    expect([failure.kind, failure.message]).toEqual(['conflict', expect.stringContaining('last active super admin')]);
  });
});

it('says of a wrong API token that it is refused, and who must act', async () => {
  const failure = await failed(okta.verify(open({ type: 'ssws', token: '00wrong-token-of-some-length' })));
  expect(failure).toMatchObject({ kind: 'unauthorized', details: { who: 'operator', field: 'credential.token' } });
  expect(failure.message).toMatch(/^Okta refuses the API token/);
});

it('says so where no org answers, with either credential', async () => {
  const elsewhere = createServer((_, response) => void response.writeHead(404).end('{"errorCode":"E0000007"}'));
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  try {
    const { jwk } = await serviceApp();
    for (const credential of [jwk, { type: 'ssws', token: simulator.token }]) {
      const failure = await failed(okta.verify(open(credential, baseUrl)));
      expect(failure).toMatchObject({ kind: 'notFound', details: { who: 'operator', field: 'settings.domain' } });
      expect(failure.message).toBe(`no Okta org answers at ${baseUrl}`);
    }
  } finally {
    elsewhere.closeAllConnections();
    elsewhere.close();
  }
});

it('acts on accounts by id only, since Okta would also take a name of a protected one', async () => {
  const session = open({ type: 'ssws', token: simulator.token });
  const { name, id } = (await okta.verify(session)).principal;
  const suspending = await failed(okta.actions.suspendUser!.read(session, { accountId: name }));
  expect(suspending).toMatchObject({ kind: 'invalid', details: { who: 'operator', field: 'target' } });
  expect(suspending.message).toContain(id);
  const failure = await failed(okta.actions.removePrivilege!.read(session, { privilegeId: `user:${name}:irb1` }));
  expect(failure.message).toContain(id);
});
