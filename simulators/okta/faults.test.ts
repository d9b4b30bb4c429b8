import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectControl } from '../kit/control-client.ts';
import type { Control } from './control.ts';
import type { OktaFault } from './faults.ts';
import { createOktaSimulator } from './simulator.ts';
import type { OktaSimulator } from './simulator.ts';

let okta: OktaSimulator;
beforeEach(async () => {
  okta = await createOktaSimulator({ controlToken: 'ctl', fill: { users: 30, groups: 9, events: 30 } });
});
afterEach(() => okta.close());

const ask = (path: string, init: RequestInit = {}) =>
  fetch(path.startsWith('http') ? path : okta.url + path, {
    ...init,
    headers: { authorization: `SSWS ${okta.token}`, ...init.headers },
  });
const fault = (rule: OktaFault) => okta.control.faults({ clear: true, add: [rule] });
const next = (response: Response) => /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
const rows = async (response: Response) => (await response.json()) as { id: string }[];

describe('faults', () => {
  it('strike by path, skip and count, and say how often', async () => {
    fault({ kind: 'status', status: 503, path: '/groups', skip: 1, count: 2 });
    const statuses = [];
    for (let call = 0; call < 4; call++) statuses.push((await ask('/api/v1/groups?limit=1')).status);
    expect(statuses).toEqual([200, 503, 503, 200]);
    expect((await ask('/api/v1/users?limit=1')).status).toBe(200);
    expect(okta.control.faults()[0]?.struck).toBe(2);
    expect(() => fault({ kind: 'unheard' as never })).toThrow(/no such fault/);
  });

  it('break bodies and connections', async () => {
    fault({ kind: 'reset', count: 1 });
    await expect(ask('/api/v1/users')).rejects.toThrow();
    fault({ kind: 'torn', count: 1 });
    await expect(ask('/api/v1/users').then((response) => response.text())).rejects.toThrow();
    fault({ kind: 'truncated', count: 1 });
    await expect(ask('/api/v1/users').then((response) => response.json())).rejects.toThrow(SyntaxError);
    fault({ kind: 'html', count: 1 });
    const html = await ask('/api/v1/users');
    expect([html.status, html.headers.get('content-type')]).toEqual([200, 'text/html']);
    fault({ kind: 'endless', count: 1 });
    const endless = (await ask('/api/v1/users')).body?.getReader();
    let size = 0;
    while (size < 500_000) size += (await endless?.read())?.value?.length ?? Number.NaN;
    await endless?.cancel();
    expect(size).toBeGreaterThanOrEqual(500_000);
  });

  it('spoil an answer after the request was carried out', async () => {
    fault({ kind: 'reset', method: 'POST', count: 1, executed: true });
    await expect(ask('/api/v1/users/user0001@acme.test/lifecycle/suspend', { method: 'POST' })).rejects.toThrow();
    expect(okta.state.userByIdOrLogin('user0001@acme.test')?.status).toBe('SUSPENDED');
    fault({ kind: 'status', status: 500, method: 'POST', count: 1 });
    const refused = await ask('/api/v1/users/user0002@acme.test/lifecycle/suspend', { method: 'POST' });
    expect(refused.status).toBe(500);
    expect(okta.state.userByIdOrLogin('user0002@acme.test')?.status).toBe('ACTIVE');
  });

  it('bend pages: loop, foreign link, expired cursor, held back, doubled, reversed, empty', async () => {
    const url = '/api/v1/groups?limit=3';
    const [first, second] = [await ask(url), await ask(next(await ask(url)))];
    const honest = [await rows(first), await rows(second)];
    fault({ kind: 'loop', count: 1 });
    expect(next(await ask(url))).toBe(okta.url + url);
    const small = await ask('/api/v1/groups?limit=2');
    fault({ kind: 'loop', skip: 1, count: 1, back: 1 });
    const third = next(await ask(next(small)));
    expect(next(await ask(third))).toBe(next(small));
    expect(next(await ask(third))).not.toBe(next(small));
    fault({ kind: 'foreign', to: 'http://127.0.0.2:1', count: 1 });
    expect(next(await ask(url))).toMatch(/^http:\/\/127\.0\.0\.2:1\/api\/v1\/groups\?/);
    fault({ kind: 'expired', status: 400 });
    expect([(await ask(url)).status, (await ask(next(first))).status]).toEqual([200, 400]);
    fault({ kind: 'heldBack', count: 1 });
    const held = await ask(next(first));
    expect(await rows(held)).toEqual([]);
    expect(next(held)).not.toBe(next(first));
    expect(await rows(await ask(next(held)))).toEqual(honest[1]);
    fault({ kind: 'doubled', count: 1 });
    expect((await rows(await ask(url))).map((row) => row.id)).toEqual([0, 1, 2, 2].map((at) => honest[0]?.[at]?.id));
    fault({ kind: 'reversed', count: 1 });
    expect(await rows(await ask(url))).toEqual(honest[0]?.toReversed());
    fault({ kind: 'throttle', form: 'reset', value: 'never', count: 1 });
    expect((await ask(url)).headers.get('x-rate-limit-reset')).toBe('never');
    fault({ kind: 'empty', count: 1 });
    expect(await rows(await ask(url))).toEqual([]);
  });

  it('let log rows come late and twice', async () => {
    const since = new Date(Date.now() - 1_000).toISOString();
    okta.control.knobs({ lateProbability: 1, lateMs: 60_000, duplicateProbability: 1 });
    const [event] = okta.control.appendEvents({ events: [{ eventType: 'user.session.start' }] });
    const empty = await ask(`/api/v1/logs?since=${since}`);
    expect(await rows(empty)).toEqual([]);
    okta.control.knobs({ clockSkewMs: 61_000 });
    const late = (await (await ask(next(empty))).json()) as { uuid: string }[];
    expect(late.map((row) => row.uuid)).toEqual([event?.uuid, event?.uuid]);
  });
});

describe('strictness', () => {
  it.each<[string, string, number, string]>([
    ['GET', '/api/v1/users?limit=201', 400, 'E0000001'],
    ['GET', '/api/v1/users?limit=0', 400, 'E0000001'],
    ['GET', '/api/v1/users?page=2', 400, 'E0000001'],
    ['GET', '/api/v1/users?after=00u1', 400, 'E0000001'],
    ['GET', '/api/v1/users?filter=title%20eq%20%22x%22', 400, 'E0000053'],
    ['GET', '/api/v1/users?filter=status%20gt%20%22x%22', 400, 'E0000053'],
    ['GET', '/api/v1/users?search=status%20is%20%22x%22', 400, 'E0000031'],
    ['GET', '/api/v1/logs?limit=1001', 400, 'E0000001'],
    ['GET', '/api/v1/logs?since=2020-01-01T00:00:00Z', 400, 'E0000053'],
    ['GET', '/api/v1/logs?since=yesterday', 400, 'E0000001'],
    ['GET', '/api/v1/users/nobody', 404, 'E0000007'],
    ['GET', '/api/v1/nothing', 404, 'E0000007'],
    ['DELETE', '/api/v1/logs', 405, 'E0000022'],
    ['POST', '/api/v1/users/user0001@acme.test/lifecycle/reset_password', 400, 'E0000028'],
    ['POST', '/api/v1/users/user0001@acme.test/lifecycle/unlock', 403, 'E0000038'],
    ['POST', '/api/v1/users/user0001@acme.test/lifecycle/activate', 403, 'E0000016'],
  ])('%s %s answers %i %s', async (method, path, status, code) => {
    const response = await ask(path, { method });
    expect([response.status, await response.json()]).toMatchObject([status, { errorCode: code }]);
    expect(response.headers.get('x-okta-request-id')).toBeTruthy();
  });

  it('wants a Content-Length of a POST, and Accept of JSON', async () => {
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(`${okta.url}/api/v1/users/user0001@acme.test/lifecycle/suspend`, {
        method: 'POST',
        headers: { authorization: `SSWS ${okta.token}` },
      });
      request.removeHeader('transfer-encoding');
      request.useChunkedEncodingByDefault = false;
      request.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
      request.end();
    });
    expect(status).toBe(411);
    expect((await ask('/api/v1/users', { headers: { accept: 'text/html' } })).status).toBe(400);
  });

  it('keeps imported groups closed and refuses the cursor of another list', async () => {
    const imported = okta.state.groups.rows.find((group) => group.type === 'APP_GROUP');
    const path = `/api/v1/groups/${imported?.id}/users/${okta.state.users.rows[1]?.id}`;
    expect((await ask(path, { method: 'DELETE' })).status).toBe(403);
    const cursor = new URL(next(await ask('/api/v1/users?limit=1'))).searchParams.get('after');
    expect((await ask(`/api/v1/groups?after=${cursor}`)).status).toBe(400);
  });

  it('deletes in two steps', async () => {
    const path = '/api/v1/users/user0001@acme.test';
    expect((await ask(path, { method: 'DELETE' })).status).toBe(204);
    expect(((await (await ask(path)).json()) as { status: string }).status).toBe('DEPROVISIONED');
    expect((await ask(path, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(path)).status).toBe(404);
    const types = okta.control.truth({ only: ['logs'] }).logs?.eventTypes ?? {};
    expect([types['user.lifecycle.delete.initiated'], types['user.lifecycle.delete.completed']]).toEqual([1, 1]);
  });
});

describe('the control interface', () => {
  it('gives the same methods over HTTP, to the holder of the token only', async () => {
    const remote = connectControl<Control>(okta.url, 'ctl');
    await remote.setStatus({ user: 'user0001@acme.test', status: 'SUSPENDED' });
    const truth = await remote.truth({ only: ['users'] });
    expect(truth.users).toHaveLength(30);
    expect(truth.users?.[1]).toMatchObject({ status: 'SUSPENDED' });
    await expect(remote.knobs({ speed: 1 } as never)).rejects.toThrow(/no such knob: speed/);
    await expect(connectControl<Control>(okta.url, 'other').counters()).rejects.toThrow(/x-control-token/);
    await remote.reset();
    expect(okta.state.users.size).toBe(1);
  });
});
