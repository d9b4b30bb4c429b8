import { describe, expect, it } from 'vitest';
import { acme } from './acme.ts';
import { acmeBody, useApi, type Json } from './start-api.ts';

const api = useApi();
const pointers = (body: Json): string[] => body.errors.map(({ pointer }: { pointer: string }) => pointer);
const post = (body: unknown, query = '') => api.call('POST', `/v1/connections${query}`, { body });

describe('making a connection', () => {
  it('stores it, starts its workflow and answers where it is', async () => {
    const { status, body, headers } = await api.call('POST', '/v1/connections', { as: 'operator', body: acmeBody() });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/connections/${body.id}`);
    expect(body).toMatchObject({ app: 'acme', phase: 'connecting', wanted: 'running', governance: 'off' });
    expect(body).toMatchObject({ label: 'acme.acme.example', identity: { form: 'token' }, scanEveryMinutes: 720 });
    expect(api.temporal.of('start', body.id)).toHaveLength(1);
    expect((await api.call('GET', `/v1/connections/${body.id}`, { as: 'viewer' })).body).toEqual(body);
  });

  it('answers the same one for the same Idempotency-Key, and refuses the key for another', async () => {
    const headers = { 'idempotency-key': 'make-1' };
    const first = await api.call('POST', '/v1/connections', { body: acmeBody(), headers });
    const second = await api.call('POST', '/v1/connections', { body: acmeBody(), headers });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.id).toBe(first.body.id);
    const other = await api.call('POST', '/v1/connections', {
      body: { ...acmeBody(), settings: { domain: 'other' } },
      headers,
    });
    expect(other.status).toBe(409);
    expect(other.body.code).toBe('idempotency-mismatch');
    const stranger = await api.call('POST', '/v1/connections', { as: 'operator', body: acmeBody(), headers });
    expect(stranger.status).toBe(201);
    expect(stranger.body.id).not.toBe(first.body.id);
  });

  it('never answers or logs a credential, a seal or a hash', async () => {
    const { id } = await api.connect();
    await post({
      ...acmeBody(),
      credential: { form: 'token', token: 'canary-token-0123456789', extra: 'canary-extra' },
    });
    for (const path of [`/v1/connections/${id}`, '/v1/connections', `/v1/connections/${id}/permissions`])
      expect((await api.call('GET', path)).text).not.toMatch(/canary|wrapped|webhookSecrets|"hash"|idempotencyKey/);
    expect(api.logged()).not.toContain('canary');
  });

  it('stands when Temporal is away, and is started once it is back', async () => {
    api.temporal.failing.start = { kind: 'server', why: 'connection refused' };
    const { status, body } = await post(acmeBody());
    expect(status).toBe(201);
    expect(body.notice).toMatch(/Temporal/);
    expect(api.temporal.of('start', body.id)).toHaveLength(0);
    api.temporal.failing = {};
    expect(await api.starter.recover()).toMatchObject({ started: expect.any(Number) as number });
    expect(api.temporal.of('start', body.id)).toHaveLength(1);
  });

  it.each([
    ['an unknown field', { ...acmeBody(), color: 'red' }, '/color'],
    ['an unknown app', { ...acmeBody(), app: 'nope' }, '/app'],
    ['a missing app', { ...acmeBody(), app: undefined }, '/app'],
    ['a wrong type', { ...acmeBody(), settings: 'acme' }, '/settings'],
    ['an operator object', { ...acmeBody(), name: { $gt: '' } }, '/name'],
    ['an operator in a setting', { ...acmeBody(), settings: { domain: { $gt: '' } } }, '/settings/domain'],
    ['an unknown setting', { ...acmeBody(), settings: { domain: 'acme', doman: 'x' } }, '/settings/doman'],
    ['a wrong setting', { ...acmeBody(), settings: { domain: 'ACME' } }, '/settings/domain'],
    ['an unknown form', { ...acmeBody(), credential: { form: 'x' } }, '/credential/form'],
    ['a missing secret', { ...acmeBody(), credential: { form: 'client', clientId: 'c' } }, '/credential/clientSecret'],
    ['too short an interval', { ...acmeBody(), scanEveryMinutes: 1 }, '/scanEveryMinutes'],
    ['a fraction', { ...acmeBody(), parallel: 1.5 }, '/parallel'],
    [
      'an address that is not https',
      { ...acmeBody(), settings: { domain: 'a', baseUrl: 'http://a.example.com' } },
      '/settings/baseUrl',
    ],
    [
      'an address inside',
      { ...acmeBody(), settings: { domain: 'a', baseUrl: 'https://10.0.0.1' } },
      '/settings/baseUrl',
    ],
    ['an array', [acmeBody()], ''],
  ])('refuses %s, pointing at it', async (_what, body, pointer) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(pointers(answer.body)).toContain(pointer);
    expect(answer.body).toMatchObject({ code: 'invalid-input', status: 400, who: 'caller' });
  });

  it('names the wrong fields of settings and credential at once, and never their values', async () => {
    const { body, text } = await post({
      ...acmeBody(),
      settings: { domain: 'SECRET1' },
      credential: { form: 'token', token: 'short1' },
    });
    expect(pointers(body)).toEqual(['/settings/domain', '/credential/token']);
    expect(text).not.toMatch(/SECRET1|short1/);
  });

  it('refuses names that reach into prototypes', async () => {
    const headers = { 'content-type': 'application/json' };
    const raw = `{"app":"acme","settings":{"__proto__":{"domain":"acme"}},"credential":{}}`;
    const answer = await api.call('POST', '/v1/connections', { raw, headers });
    expect(answer.status).toBe(400);
    expect(pointers(answer.body)).toEqual(['/settings/__proto__']);
    const nested = await api.call('POST', '/v1/connections', {
      raw: '{"a":'.repeat(500) + '1' + '}'.repeat(500),
      headers,
    });
    expect(nested.status).toBe(400);
  });
});

describe('only checking', () => {
  it('answers what was verified and keeps nothing', async () => {
    let id = '';
    api.temporal.onCheck = async (connectionId) => {
      id = connectionId;
      const verified = {
        tenant: { id: 'checked', name: 'Checked Ltd' },
        principal: { id: 'svc', name: 'svc' },
        granted: ['users.read'],
        probes: { users: { state: 'granted' as const } },
      };
      await api.store.connections.claimTenant(connectionId, verified);
      return { outcome: 'verified' };
    };
    const { status, body } = await post(acmeBody(), '?check=true');
    expect(status).toBe(200);
    expect(body).toMatchObject({ verified: true, tenant: { name: 'Checked Ltd' }, granted: ['users.read'] });
    expect(await api.store.connections.get(id)).toBeNull();
  });

  it('answers why the app refused, and who must act', async () => {
    const problem = { kind: 'unauthorized', what: 'the token is revoked', who: 'tenant-admin' as const, since: 'now' };
    api.temporal.onCheck = () => Promise.resolve({ outcome: 'parked', problem });
    const { status, body } = await post(acmeBody(), '?check=true');
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'check-failed', detail: 'the token is revoked', who: 'tenant-admin' });
  });

  it('names the connection that has the tenant', async () => {
    const { id } = await api.connect();
    const verified = { tenant: { id: 't1', name: 'T1' }, principal: { id: 'p', name: 'p' }, granted: [], probes: {} };
    await api.store.connections.claimTenant(id, verified);
    api.temporal.onCheck = async (connectionId) => {
      await api.store.connections.claimTenant(connectionId, verified);
      const what = 'connected already';
      return { outcome: 'duplicate', problem: { kind: 'duplicate', what, who: 'operator', since: 'now' } };
    };
    const { status, body } = await post(acmeBody(), '?check=true');
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'duplicate-tenant', duplicateOf: id });
  });

  it('is a 503 when no worker answers, and keeps nothing', async () => {
    api.temporal.failing.check = { kind: 'worker', why: 'no worker answered in time' };
    const before = (await api.call('GET', '/v1/connections?limit=200')).body.items.length;
    const { status, body } = await post(acmeBody(), '?check=true');
    api.temporal.failing = {};
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'worker-unavailable', who: 'operator' });
    expect((await api.call('GET', '/v1/connections?limit=200')).body.items).toHaveLength(before);
  });
});

describe('reading connections', () => {
  it('pages through all of them once, and filters', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) made.push((await api.connect()).id);
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 50; pages += 1) {
      const { body } = await api.call('GET', `/v1/connections?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      if (!body.next) break;
      cursor = body.next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    for (const id of made) expect(seen).toContain(id);
    expect((await api.call('GET', '/v1/connections?app=other')).body.items).toEqual([]);
    expect((await api.call('GET', '/v1/connections?phase=connecting&limit=1')).body.items).toHaveLength(1);
    expect((await api.call('GET', '/v1/connections?phase=paused')).body.items).toEqual([]);
  });

  it.each([
    ['?phase=sleeping', 'phase'],
    ['?phase[$gt]=', 'phase[$gt]'],
    ['?app=a&app=b', 'app'],
    ['?limit=0', 'limit'],
    ['?limit=9999', 'limit'],
    ['?cursor=nonsense', 'cursor'],
    ['?colour=red', 'colour'],
    ['?__proto__=1', '__proto__'],
  ])('refuses %s, naming the parameter', async (query, parameter) => {
    const { status, body } = await api.call('GET', `/v1/connections${query}`);
    expect(status).toBe(400);
    expect(body.code).toBe('invalid-parameter');
    expect(body.errors.map((error: Json) => error.parameter)).toContain(parameter);
  });

  it.each(['con_doesnotexist00000000', 'nonsense', '%7B%22$gt%22:%22%22%7D'])('does not know %s', async (id) => {
    const { status, body } = await api.call('GET', `/v1/connections/${id}`);
    expect(status).toBe(404);
    expect(body.code).toBe('not-found');
  });

  it('shows a duplicate with the connection that has the tenant', async () => {
    const winner = await api.connect();
    const loser = await api.connect();
    const verified = { tenant: { id: 't2', name: 'T2' }, principal: { id: 'p', name: 'p' }, granted: [], probes: {} };
    await api.store.connections.claimTenant(winner.id, verified);
    await api.store.connections.claimTenant(loser.id, verified);
    const now = new Date().toISOString();
    await api.store.connections.writeState(loser.id, {
      version: 1,
      phase: 'duplicate',
      scan: { number: 0 },
      rescansServed: 0,
      stages: {},
      waits: {},
      watch: { round: 0, changes: 0 },
      actions: { taken: 0, running: 0 },
      runs: 1,
      problem: { kind: 'duplicate', what: 'x', who: 'operator', since: now },
    });
    const { body } = await api.call('GET', `/v1/connections/${loser.id}`);
    expect(body).toMatchObject({ phase: 'duplicate', duplicateOf: winner.id });
    expect(body.problem).toMatchObject({ who: 'operator', remedy: expect.stringContaining('erase') as string });
    expect(body.problem.what).toContain(winner.id);
    const { secret } = await api.store.apiKeys.create({ name: 'l', role: 'viewer', connectionIds: [loser.id] });
    expect((await api.call('GET', `/v1/connections/${loser.id}`, { as: { secret } })).text).not.toContain(winner.id);
    const pause = await api.call('POST', `/v1/connections/${loser.id}/pause`);
    expect(pause.status).toBe(409);
  });
});

describe('changing a connection', () => {
  it('changes what it names and nothing else', async () => {
    const made = await api.connect();
    const change = { name: 'New name', scanEveryMinutes: 60, parallel: 2, protected: ['root'], governance: 'on' };
    const { status, body } = await api.call('PATCH', `/v1/connections/${made.id}`, { body: change });
    expect(status).toBe(200);
    expect(body).toMatchObject(change);
    expect(body.settings).toEqual(made.settings);
  });

  it('reads contents on demand, of apps that hand them out: a scan marks what is known already', async () => {
    const made = await api.connect();
    const change = (body: object) => api.call('PATCH', `/v1/connections/${made.id}`, { as: 'operator', body });
    expect(made.content).toEqual({ wanted: 'off', maxMegabytes: 100 });
    const refused = await change({ content: 'on' });
    expect(refused.status).toBe(400);
    expect(pointers(refused.body)).toEqual(['/content']);
    expect((await change({ contentMaxMegabytes: 0 })).status).toBe(400);
    expect((await post({ ...acmeBody(), content: 'on' })).status).toBe(400);
    const readable = Object.assign(acme, { content: () => Promise.reject(new Error('the API never calls an app')) });
    try {
      const { body } = await change({ content: 'on', contentMaxMegabytes: 20 });
      expect(body.content).toEqual({ wanted: 'on', maxMegabytes: 20 });
    } finally {
      delete (readable as { content?: unknown }).content;
    }
    expect((await api.store.connections.get(made.id))!.rescanWanted).toBe(1);
    expect((await change({ content: 'off' })).body.content).toEqual({ wanted: 'off', maxMegabytes: 20 });
    expect((await api.store.connections.get(made.id))!.rescanWanted).toBe(1);
  });

  it('leaves governance and protection to governors', async () => {
    const { id } = await api.connect();
    for (const body of [{ governance: 'on' }, { protected: [] }]) {
      const answer = await api.call('PATCH', `/v1/connections/${id}`, { as: 'operator', body });
      expect(answer.status).toBe(403);
      expect(answer.body.code).toBe('role-missing');
    }
    expect((await api.call('PATCH', `/v1/connections/${id}`, { as: 'operator', body: { name: 'x' } })).status).toBe(
      200,
    );
    expect((await api.call('PATCH', `/v1/connections/${id}`, { as: 'viewer', body: { name: 'y' } })).status).toBe(403);
    expect((await post({ ...acmeBody(), governance: 'on' })).status).toBe(201);
    const on = await api.call('POST', '/v1/connections', { as: 'operator', body: { ...acmeBody(), governance: 'on' } });
    expect(on.status).toBe(403);
  });

  it('refuses an empty change and fields that cannot change', async () => {
    const { id } = await api.connect();
    expect((await api.call('PATCH', `/v1/connections/${id}`, { body: {} })).status).toBe(400);
    const settings = await api.call('PATCH', `/v1/connections/${id}`, { body: { settings: {} } });
    expect(pointers(settings.body)).toEqual(['/settings']);
  });

  it('takes new credentials, checked, and wakes the workflow', async () => {
    const { id } = await api.connect();
    api.temporal.onCheck = () => Promise.resolve({ outcome: 'verified' });
    const path = `/v1/connections/${id}/credential`;
    const wrong = await api.call('PUT', path, { body: { credential: { form: 'token', token: 'x' } } });
    expect(pointers(wrong.body)).toEqual(['/credential/token']);
    const credential = { form: 'client', clientId: 'id-1', clientSecret: 'canary-secret' };
    const { status, body, text } = await api.call('PUT', path, { body: { credential } });
    expect(status).toBe(202);
    expect(body).toMatchObject({ credentialVersion: 2, identity: { form: 'client', clientId: 'id-1' } });
    expect(text).not.toContain('canary');
    expect(api.temporal.of('signal', id)).toMatchObject([{ name: 'credentialsChanged' }]);
    const stored = await api.store.connections.get(id);
    expect(api.store.connections.openCredential(stored!)).toEqual(credential);
  });
});
