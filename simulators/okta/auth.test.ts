import { createHash, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JWK } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOktaSimulator } from './simulator.ts';
import type { OktaSimulator } from './simulator.ts';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let client: Keys;
let clientJwk: JWK;
let proofKey: Keys;
let proofJwk: JWK;
let okta: OktaSimulator;

const SCOPES = ['okta.users.read', 'okta.logs.read'];

beforeAll(async () => {
  client = await generateKeyPair('RS256');
  clientJwk = { ...(await exportJWK(client.publicKey)), kid: 'key1' };
  proofKey = await generateKeyPair('ES256');
  proofJwk = await exportJWK(proofKey.publicKey);
});
beforeEach(async () => {
  okta = await createOktaSimulator({ fill: { users: 30, groups: 4, events: 50 } });
  okta.control.putServiceApp({
    clientId: '0oaService',
    keys: [clientJwk as Record<string, unknown>],
    grantedScopes: SCOPES,
    dpop: true,
    roles: ['READ_ONLY_ADMIN'],
  });
});
afterEach(() => okta.close());

interface Assertion {
  aud?: string;
  iss?: string;
  sub?: string;
  exp?: number;
  kid?: string;
  jti?: string;
  key?: Keys;
}

const now = () => Math.floor(Date.now() / 1000);
const assertion = (change: Assertion = {}) =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', kid: change.kid ?? 'key1' })
    .setAudience(change.aud ?? `${okta.url}/oauth2/v1/token`)
    .setIssuer(change.iss ?? '0oaService')
    .setSubject(change.sub ?? '0oaService')
    .setIssuedAt()
    .setExpirationTime(change.exp ?? now() + 300)
    .setJti(change.jti ?? randomUUID())
    .sign((change.key ?? client).privateKey);

const proof = (claims: Record<string, unknown>) =>
  new SignJWT({ htm: 'POST', htu: `${okta.url}/oauth2/v1/token`, jti: randomUUID(), iat: now(), ...claims })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: proofJwk })
    .sign(proofKey.privateKey);

async function askToken(options: {
  assertion?: string;
  proof?: string;
  scope?: string;
  more?: Record<string, string>;
}) {
  const response = await fetch(`${okta.url}/oauth2/v1/token`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(options.proof ? { dpop: options.proof } : {}),
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: options.scope ?? SCOPES.join(' '),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: options.assertion ?? (await assertion()),
      ...options.more,
    }).toString(),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, string>,
  };
}

async function mint(): Promise<string> {
  const first = await askToken({ proof: await proof({}) });
  expect(first.body.error).toBe('use_dpop_nonce');
  const nonce = first.headers.get('dpop-nonce');
  const second = await askToken({ proof: await proof({ nonce }) });
  expect(second.body).toMatchObject({ token_type: 'DPoP', expires_in: 3600, scope: SCOPES.join(' ') });
  return second.body.access_token as string;
}

async function api(path: string, token: string, claims: Record<string, unknown> = {}, scheme = 'DPoP') {
  const ath = createHash('sha256').update(token).digest('base64url');
  const htu = okta.url + (path.split('?')[0] ?? '');
  const response = await fetch(okta.url + path, {
    headers: { authorization: `${scheme} ${token}`, dpop: await proof({ htm: 'GET', htu, ath, ...claims }) },
  });
  return {
    status: response.status,
    why: response.headers.get('www-authenticate') ?? '',
    body: (await response.json()) as { errorCode?: string },
  };
}

describe('SSWS tokens', () => {
  const me = (token: string) => fetch(`${okta.url}/api/v1/users/me`, { headers: { authorization: `SSWS ${token}` } });

  it('dies by revocation, by 30 days without use and with its owner, and every use prolongs it', async () => {
    expect((await me('wrong')).status).toBe(401);
    okta.control.revokeApiToken();
    const revoked = await me(okta.token);
    expect(revoked.status).toBe(401);
    expect(await revoked.json()).toMatchObject({ errorCode: 'E0000011' });
    okta.control.restoreApiToken();
    okta.control.idleApiToken({ ms: 29 * 86_400_000 });
    expect((await me(okta.token)).status).toBe(200);
    okta.control.idleApiToken({ ms: 29 * 86_400_000 });
    expect((await me(okta.token)).status).toBe(200);
    okta.control.idleApiToken({ ms: 31 * 86_400_000 });
    expect((await me(okta.token)).status).toBe(401);
    okta.control.restoreApiToken();
    okta.control.setStatus({ user: 'user0000@acme.test', status: 'DEPROVISIONED' });
    expect((await me(okta.token)).status).toBe(401);
  });

  it('has exactly the rights of its owner, at once', async () => {
    const ask = async (path: string, method = 'GET') =>
      (await fetch(okta.url + path, { method, headers: { authorization: `SSWS ${okta.token}` } })).status;
    const suspend = '/api/v1/users/user0001@acme.test/lifecycle/suspend';
    okta.control.setOwnerRoles({ types: ['READ_ONLY_ADMIN'] });
    expect(await ask('/api/v1/users?limit=1')).toBe(200);
    expect(await ask(suspend, 'POST')).toBe(403);
    expect(await ask('/api/v1/iam/assignees/users')).toBe(403);
    expect(await ask('/api/v1/users/user0000@acme.test/roles')).toBe(200);
    okta.control.setOwnerRoles({ types: ['REPORT_ADMIN'] });
    expect(await ask('/api/v1/users?limit=1')).toBe(403);
    expect(await ask('/api/v1/logs?limit=1')).toBe(200);
    okta.control.setOwnerRoles({ types: ['USER_ADMIN'] });
    okta.control.grantRole({ type: 'REPORT_ADMIN', assignmentType: 'USER', assigneeId: userId('user0002@acme.test') });
    expect(await ask('/api/v1/users/user0002@acme.test/lifecycle/suspend', 'POST')).toBe(403);
    expect(await ask('/api/v1/users/user0028@acme.test/lifecycle/suspend', 'POST')).toBe(200);
  });
});

const userId = (login: string) => okta.state.userByIdOrLogin(login)?.id as string;

describe('the token endpoint', () => {
  it('demands a nonce in a proof, then mints a bound token', async () => {
    const token = await mint();
    expect((await api('/api/v1/users?limit=1', token)).status).toBe(200);
  });

  it.each<[string, Assertion]>([
    ['aud', { aud: 'https://elsewhere.test/oauth2/v1/token' }],
    ['unknown client', { iss: '0oaOther', sub: '0oaOther' }],
    ['sub', { sub: '0oaOther' }],
    ['kid', { kid: 'key2' }],
    ['exp in the past', { exp: 1_000_000_000 }],
    ['exp too far ahead', { exp: 99_999_999_999 }],
  ])('refuses an assertion with a wrong %s', async (_, change) => {
    const answer = await askToken({ assertion: await assertion(change) });
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  });

  it('refuses a foreign key, a used jti, a secret, another grant type, an unknown scope, a missing proof', async () => {
    const foreign = await askToken({ assertion: await assertion({ key: await generateKeyPair('RS256') }) });
    expect(foreign.body.error).toBe('invalid_client');
    const once = await assertion({ jti: 'once' });
    expect((await askToken({ assertion: once })).body.error).toBe('invalid_dpop_proof');
    expect((await askToken({ assertion: await assertion({ jti: 'once' }) })).body.error_description).toMatch(/already/);
    expect((await askToken({ more: { client_secret: 'x' } })).body.error).toBe('invalid_client');
    expect((await askToken({ more: { grant_type: 'password' } })).body.error).toBe('unsupported_grant_type');
    const nonce = okta.state.now() ? (await askToken({ proof: await proof({}) })).headers.get('dpop-nonce') : '';
    const scoped = await askToken({ proof: await proof({ nonce }), scope: 'okta.groups.read' });
    expect([scoped.status, scoped.body.error]).toEqual([400, 'invalid_scope']);
    expect((await askToken({})).body).toMatchObject({
      error: 'invalid_dpop_proof',
      error_description: 'The DPoP proof JWT header is missing.',
    });
  });

  it('goes on accepting the nonce before a new one, until it is told to forget', async () => {
    const nonce = (await askToken({ proof: await proof({}) })).headers.get('dpop-nonce');
    okta.control.turnNonce();
    expect((await askToken({ proof: await proof({ nonce }) })).status).toBe(200);
    okta.control.turnNonce({ forget: true });
    expect((await askToken({ proof: await proof({ nonce }) })).body.error).toBe('use_dpop_nonce');
  });
});

describe('calls with an access token', () => {
  it('refuses every flaw of a proof', async () => {
    const token = await mint();
    const flaws: Record<string, unknown>[] = [
      { htm: 'POST' },
      { htu: `${okta.url}/api/v1/groups` },
      { ath: 'x' },
      { iat: now() - 400 },
      { iat: now() + 400 },
    ];
    for (const flaw of flaws) {
      const answer = await api('/api/v1/users?limit=1', token, flaw);
      expect([JSON.stringify(flaw), answer.status]).toEqual([JSON.stringify(flaw), 401]);
      expect(answer.why).toContain('invalid_dpop_proof');
    }
    expect((await api('/api/v1/users', token, { jti: 'again' })).status).toBe(200);
    expect((await api('/api/v1/users', token, { jti: 'again' })).status).toBe(401);
  });

  it('keeps Bearer and DPoP apart, and both gates', async () => {
    const token = await mint();
    expect((await api('/api/v1/users', token, {}, 'Bearer')).why).toContain('invalid_token');
    const scope = await api('/api/v1/groups', token);
    expect([scope.status, scope.why.includes('insufficient_scope')]).toEqual([403, true]);
    okta.control.putServiceApp({
      clientId: '0oaService',
      keys: [clientJwk as Record<string, unknown>],
      grantedScopes: SCOPES,
      dpop: true,
      roles: [],
    });
    const role = await api('/api/v1/users', token);
    expect([role.status, role.body.errorCode, role.why]).toEqual([403, 'E0000006', '']);
  });

  it('ends with its lifetime and on command', async () => {
    okta.control.knobs({ accessTokenMs: 3_600_000 });
    const token = await mint();
    okta.control.knobs({ clockSkewMs: 3_600_001 });
    const later = await fetch(`${okta.url}/api/v1/users`, { headers: { authorization: `DPoP ${token}` } });
    expect(later.headers.get('www-authenticate')).toContain('expired');
    okta.control.knobs({ clockSkewMs: 0 });
    okta.control.expireAccessTokens();
    expect((await api('/api/v1/users', token)).why).toContain('invalid_token');
  });
});
