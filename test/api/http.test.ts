import { connect } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { acmeBody, useApi } from './start-api.ts';

const api = useApi();
beforeEach(() => {
  api.temporal.failing = {};
});
const json = { 'content-type': 'application/json' };

describe('API keys', () => {
  it.each([
    ['none', undefined, 'key-missing'],
    ['another scheme', 'Basic dTpw', 'key-refused'],
    ['nonsense', 'Bearer nonsense-nonsense', 'key-refused'],
    ['an operator', 'Bearer {"$gt":""}', 'key-refused'],
    ['an unknown key', `Bearer cst_${'a'.repeat(20)}_${'b'.repeat(43)}`, 'key-refused'],
  ])('%s is refused', async (_what, authorization, code) => {
    const headers: Record<string, string> = authorization ? { authorization } : {};
    const { status, body, headers: answered } = await api.call('GET', '/v1/connections', { as: null, headers });
    expect(status).toBe(401);
    expect(body).toMatchObject({ code, who: 'caller' });
    expect(answered.get('www-authenticate')).toMatch(/Bearer/);
  });

  it('revoked and expired ones are refused at once', async () => {
    const { key, secret } = await api.store.apiKeys.create({ name: 'r', role: 'viewer' });
    expect((await api.call('GET', '/v1/apps', { as: { secret } })).status).toBe(200);
    await api.store.apiKeys.revoke(key._id);
    expect((await api.call('GET', '/v1/apps', { as: { secret } })).status).toBe(401);
    const expiresAt = new Date(api.store.now().getTime() - 1);
    const old = await api.store.apiKeys.create({ name: 'e', role: 'viewer', expiresAt });
    expect((await api.call('GET', '/v1/apps', { as: { secret: old.secret } })).status).toBe(401);
  });

  it('limited to connections: others are not there, and none can be made', async () => {
    const mine = await api.connect();
    const other = await api.connect();
    const { secret } = await api.store.apiKeys.create({ name: 'l', role: 'governor', connectionIds: [mine.id] });
    const as = { secret };
    const { body } = await api.call('GET', '/v1/connections', { as });
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([mine.id]);
    expect((await api.call('GET', `/v1/connections/${mine.id}`, { as })).status).toBe(200);
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', '?erase=true'],
      ['POST', '/pause'],
      ['PUT', '/credential'],
    ] as const) {
      const sent = { PATCH: { name: 'x' }, PUT: { credential: { form: 'token', token: 'canary-0123' } } };
      const answer = await api.call(method, `/v1/connections/${other.id}${path}`, {
        as,
        ...(method in sent ? { body: sent[method as keyof typeof sent] } : {}),
      });
      expect(answer.status).toBe(404);
    }
    expect(await api.store.connections.get(other.id)).toMatchObject({ wanted: 'running', credentialVersion: 1 });
    expect((await api.call('POST', '/v1/connections', { as, body: acmeBody() })).status).toBe(403);
  });
});

describe('bodies', () => {
  it.each([
    ['cut off', '{"app":"acme","credential":{"token":"canary-cut'],
    ['not JSON', 'canary=1&app=acme'],
    ['a bare word', 'canary'],
    ['a bare text', '"canary"'],
    ['two values', '{}{"canary":1}'],
  ])('%s are a 400 that quotes nothing', async (_what, raw) => {
    const { status, body, text } = await api.call('POST', '/v1/connections', { raw, headers: json });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'malformed-json', errors: [{ pointer: '' }] });
    expect(text).not.toContain('canary');
    expect(api.logged()).not.toContain('canary');
  });

  it('nothing where something is needed is a 400', async () => {
    expect((await api.call('POST', '/v1/connections')).body.code).toBe('invalid-input');
  });

  it('of 1 MB are a 413', async () => {
    const { status, body } = await api.call('POST', '/v1/connections', {
      body: { ...acmeBody(), name: 'x'.repeat(1_000_000) },
    });
    expect([status, body.code]).toEqual([413, 'body-too-large']);
    expect(body.remedy).toMatch(/102400 bytes/);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
  ])('of %s are a 415', async (type) => {
    const { status, body } = await api.call('POST', '/v1/connections', {
      raw: JSON.stringify(acmeBody()),
      headers: { 'content-type': type },
    });
    expect([status, body.code]).toEqual([415, 'wrong-media-type']);
  });

  it('in an unknown encoding are a 415', async () => {
    const headers = { ...json, 'content-encoding': 'zstd-of-mars' };
    expect((await api.call('POST', '/v1/connections', { raw: '{}', headers })).status).toBe(415);
  });

  it('of a bad Idempotency-Key are a 400 that names it', async () => {
    const headers = { 'idempotency-key': 'x'.repeat(300) };
    const { status, body } = await api.call('POST', '/v1/connections', { body: acmeBody(), headers });
    expect([status, body.errors[0].parameter]).toEqual([400, 'Idempotency-Key']);
  });
});

describe('addresses and methods', () => {
  it.each(['/', '/v1', '/v1/nope', '/v1/connections/con_1/secrets', '/v2/apps', '/v1/apps/nope', '/../etc/passwd'])(
    '%s is a 404 problem',
    async (path) => {
      const { status, body, headers } = await api.call('GET', path);
      expect([status, body.code]).toEqual([404, 'not-found']);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    },
  );

  it.each([
    ['PUT', '/v1/connections', 'GET, POST, HEAD'],
    ['POST', '/v1/apps', 'GET, HEAD'],
    ['OPTIONS', '/v1/connections', 'GET, POST, HEAD'],
    ['GET', '/v1/connections/con_x/pause', 'POST'],
    ['DELETE', '/v1/actions/act_x', 'GET, HEAD'],
  ])('%s %s is a 405 that names the others', async (method, path, allow) => {
    const { status, body, headers } = await api.call(method, path);
    expect([status, body.code]).toEqual([405, 'wrong-method']);
    expect(headers.get('allow')).toBe(allow);
  });

  it('HEAD answers as GET without a body', async () => {
    const { status, text } = await api.call('HEAD', '/v1/apps');
    expect([status, text]).toEqual([200, '']);
  });

  it('every answer has a request id and is never stored; problems name it', async () => {
    const { headers, body } = await api.call('GET', '/v1/nope');
    expect(body.instance).toBe(`urn:castellan:request:${headers.get('x-request-id')}`);
    expect(body.type).toBe('urn:castellan:problem:not-found');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(api.logged()).toContain(headers.get('x-request-id'));
  });

  it('an unforeseen error is a 500 that tells nothing but its request id', async () => {
    const { list } = api.store.connections;
    api.store.connections.list = () => Promise.reject(new TypeError('canary of the inside'));
    const { status, body, text } = await api.call('GET', '/v1/connections');
    api.store.connections.list = list;
    expect([status, body.code]).toEqual([500, 'internal']);
    expect(text).not.toMatch(/canary|TypeError| at /);
    expect(api.logged()).toContain('canary of the inside');
  });

  it('MongoDB away is a 503 that says so', async () => {
    const { list } = api.store.connections;
    const away = Object.assign(new Error('connect ECONNREFUSED'), { name: 'MongoServerSelectionError' });
    api.store.connections.list = () => Promise.reject(away);
    const { status, body } = await api.call('GET', '/v1/connections');
    api.store.connections.list = list;
    expect([status, body.code, body.who]).toEqual([503, 'store-unavailable', 'operator']);
  });

  it('what is not HTTP is refused', async () => {
    const { hostname, port } = new URL(api.url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write('NONSENSE\r\n\r\n'));
      socket.once('data', (data) => resolve(data.toString()));
    });
    expect(answer).toMatch(/^HTTP\/1.1 400/);
  });
});

describe('apps', () => {
  it('tell what they can, why not, and what they want to know', async () => {
    const { body } = await api.call('GET', '/v1/apps/acme', { as: 'viewer' });
    expect(body.stages).toMatchObject({
      users: { available: true, follows: true },
      files: { available: false, why: 'not applicable: Acme stores no files' },
    });
    expect(body.actions.suspendUser).toMatchObject({ available: true, undoable: true, title: 'Suspend a user' });
    expect(body.actions.revokeSessions).toMatchObject({ available: true, undoable: false });
    expect(body.actions.trashFile).toMatchObject({
      available: false,
      why: expect.stringContaining('no files') as string,
    });
    expect(body.settings).toMatchObject({ type: 'object', required: ['domain'] });
    expect(JSON.stringify(body.credential)).toContain('clientSecret');
    expect((await api.call('GET', '/v1/apps')).body.items).toMatchObject([{ id: 'acme', title: 'Acme' }]);
  });
});

describe('health', () => {
  it('needs no key', async () => {
    expect((await api.call('GET', '/healthz', { as: null })).body).toEqual({ status: 'ok' });
    const { status, body } = await api.call('GET', '/readyz', { as: null });
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'ready', checks: { mongodb: { ok: true }, temporal: { ok: true } } });
  });

  it('names the server that is away, and why, without its address', async () => {
    api.temporal.failing.ping = { kind: 'server', why: 'connect ECONNREFUSED 10.9.8.7:7233' };
    const { status, body, text } = await api.call('GET', '/readyz', { as: null });
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'not-ready', detail: 'Temporal cannot be reached' });
    expect(body.checks).toEqual({ mongodb: { ok: true }, temporal: { ok: false, why: 'ECONNREFUSED' } });
    expect(text).not.toContain('10.9.8.7');
    const { ping } = api.store;
    api.store.ping = () => Promise.reject(new Error('connect to mongodb://root:canary@db timed out'));
    const both = await api.call('GET', '/readyz', { as: null });
    api.store.ping = ping;
    expect(both.body.detail).toBe('MongoDB and Temporal cannot be reached');
    expect(both.text).not.toContain('canary');
  });
});
