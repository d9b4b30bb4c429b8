import { beforeEach, describe, expect, it } from 'vitest';
import { useApi, type CallOptions, type Json } from './start-api.ts';

const api = useApi();
let id: string;
beforeEach(async () => {
  api.temporal.failing = {};
  id = (await api.connect({ governance: 'on', protected: ['boss'] })).id;
});

const suspend = { action: 'suspendUser', target: { accountId: 'u1' }, reason: 'left', mode: 'apply' };
const ask = (body: unknown, options: CallOptions = {}) =>
  api.call('POST', `/v1/connections/${id}/actions`, { body, ...options });
const step = (action: string, name: string, options: CallOptions = {}) =>
  api.call('POST', `/v1/actions/${action}/${name}`, options);
/** As the worker would, by way of the store. */
async function advance(action: string, ...changes: object[]) {
  let lease = await api.store.actions.claim(action, 'test', 10_000);
  for (const change of changes) lease = await api.store.actions.write(lease!, change);
  await api.store.actions.release(lease!);
}

describe('requesting', () => {
  it('stores the action, then wakes the workflow', async () => {
    const { status, body, headers } = await ask({ ...suspend, ticket: 'T-1' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/actions/${body.id}`);
    expect(body).toMatchObject({ ...suspend, ticket: 'T-1', state: 'requested', requestedBy: 'the governor' });
    expect(api.temporal.of('signal', id)).toMatchObject([{ name: 'requestAction', args: [body.id] }]);
    expect((await api.call('GET', `/v1/actions/${body.id}`, { as: 'viewer' })).body).toEqual(body);
    expect(Object.keys(body)).not.toContain('holder');
  });

  it('does not depend on the signal', async () => {
    api.temporal.failing.signal = { kind: 'server', why: 'away' };
    expect((await ask(suspend)).status).toBe(202);
  });

  it('answers the same one for the same Idempotency-Key, and refuses it for another', async () => {
    const headers = { 'idempotency-key': 'a-1' };
    const first = await ask(suspend, { headers });
    const second = await ask(suspend, { headers });
    expect([first.status, second.status]).toEqual([202, 200]);
    expect(second.body.id).toBe(first.body.id);
    const other = await ask({ ...suspend, target: { accountId: 'u2' } }, { headers });
    expect([other.status, other.body.code]).toEqual([409, 'idempotency-mismatch']);
    expect((await ask({ ...suspend, reason: 'another' }, { headers })).status).toBe(409);
    const plan = { headers: { 'idempotency-key': 'a-2' } };
    expect((await ask({ ...suspend, mode: 'plan' }, plan)).status).toBe(202);
    expect((await ask(suspend, plan)).body.code).toBe('idempotency-mismatch');
  });

  it('is refused while governance is off', async () => {
    await api.call('PATCH', `/v1/connections/${id}`, { body: { governance: 'off' } });
    for (const mode of ['plan', 'apply']) {
      const { status, body } = await ask({ ...suspend, mode });
      expect([status, body.code]).toEqual([403, 'governance-off']);
      expect(body.remedy).toMatch(/PATCH/);
    }
    expect((await api.call('GET', `/v1/connections/${id}/actions`)).body.items).toEqual([]);
  });

  it('is refused for what the app cannot do, with the reason', async () => {
    const trash = await ask({ ...suspend, action: 'trashFile', target: { fileId: 'f' } });
    expect(trash.status).toBe(422);
    expect(trash.body.detail).toMatch(/Acme stores no files/);
    expect((await ask({ ...suspend, action: 'unsuspendUser' })).status).toBe(422);
  });

  it('is refused for protected accounts and for our own', async () => {
    const { status, body } = await ask({ ...suspend, target: { accountId: 'boss' } });
    expect([status, body.code]).toEqual([403, 'protected-principal']);
    await api.store.connections.claimTenant(id, {
      tenant: { id: `t-${id}`, name: 'T' },
      principal: { id: 'ours', name: 'ours' },
      granted: [],
      probes: {},
    });
    expect((await ask({ ...suspend, target: { accountId: 'ours' } })).status).toBe(403);
  });

  it('is refused once the connection is given up', async () => {
    await api.store.connections.setWanted(id, 'disconnected');
    expect((await ask(suspend)).body.code).toBe('connection-ended');
  });

  it('needs an operator to plan and a governor to apply', async () => {
    expect((await ask({ ...suspend, mode: 'plan' }, { as: 'viewer' })).status).toBe(403);
    expect((await ask({ ...suspend, mode: 'plan' }, { as: 'operator' })).status).toBe(202);
    expect((await ask(suspend, { as: 'operator' })).status).toBe(403);
  });

  it.each([
    ['an unknown action', { ...suspend, action: 'explode' }, '/action'],
    ['a name of Object', { ...suspend, action: 'toString' }, '/action'],
    ['another target', { ...suspend, target: { fileId: 'f' } }, '/target/accountId'],
    ['an operator', { ...suspend, target: { accountId: { $gt: '' } } }, '/target/accountId'],
    ['no target', { ...suspend, target: undefined }, '/target'],
    ['no reason', { ...suspend, reason: ' ' }, '/reason'],
    ['no mode', { ...suspend, mode: undefined }, '/mode'],
    ['an unknown field', { ...suspend, force: true }, '/force'],
    ['a long id', { ...suspend, target: { accountId: 'x'.repeat(5_000) } }, '/target/accountId'],
  ])('refuses %s', async (_what, body, pointer) => {
    const answer = await ask(body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((error: Json) => error.pointer)).toContain(pointer);
  });

  it('stores a burst whole', async () => {
    const asked = await Promise.all(
      Array.from({ length: 30 }, (_, n) => ask({ ...suspend, target: { accountId: `m${n}` } })),
    );
    expect(new Set(asked.map(({ body }) => body.id)).size).toBe(30);
    const listed = await api.call('GET', `/v1/connections/${id}/actions?limit=200`);
    expect(listed.body.items).toHaveLength(30);
  });
});

describe('afterwards', () => {
  it('lists by state and action, in pages', async () => {
    for (let n = 0; n < 3; n += 1) await ask({ ...suspend, target: { accountId: `p${n}` } });
    const first = await api.call('GET', `/v1/connections/${id}/actions?limit=2&state=requested`);
    expect(first.body.items).toHaveLength(2);
    const rest = await api.call('GET', `/v1/connections/${id}/actions?limit=2&cursor=${first.body.next}`);
    expect(rest.body.items).toHaveLength(1);
    expect((await api.call('GET', `/v1/connections/${id}/actions?action=revokeSessions`)).body.items).toEqual([]);
    for (const query of ['state=x', 'state[$ne]=done', 'who=me'])
      expect((await api.call('GET', `/v1/connections/${id}/actions?${query}`)).status).toBe(400);
  });

  it('is cancelled until it is applied', async () => {
    const { body } = await ask(suspend);
    expect((await step(body.id, 'cancel', { as: 'viewer' })).status).toBe(403);
    const cancelled = await step(body.id, 'cancel', { as: 'operator' });
    expect([cancelled.status, cancelled.body.state]).toEqual([200, 'cancelled']);
    const again = await step(body.id, 'cancel');
    expect([again.status, again.body.code, again.body.state]).toEqual([409, 'wrong-state', 'cancelled']);
  });

  it('a plan is applied when accepted by a governor', async () => {
    const { body } = await ask({ ...suspend, mode: 'plan' }, { as: 'operator' });
    expect((await step(body.id, 'apply')).status).toBe(409);
    await advance(body.id, { state: 'planned', before: { status: 'active' }, plan: ['POST suspend'] });
    expect((await step(body.id, 'apply', { as: 'operator' })).status).toBe(403);
    const applied = await step(body.id, 'apply');
    expect([applied.status, applied.body.state, applied.body.mode]).toEqual([202, 'prepared', 'apply']);
    expect(api.temporal.of('signal', id).length).toBeGreaterThanOrEqual(2);
  });

  it('is undone with a reason, where the app can', async () => {
    const { body } = await ask(suspend);
    expect((await step(body.id, 'undo', { body: { reason: 'mistake' } })).status).toBe(409);
    await advance(
      body.id,
      { state: 'prepared', before: { status: 'active' }, plan: [] },
      { state: 'applying' },
      { state: 'done', after: { status: 'suspended' }, verified: true },
    );
    expect((await step(body.id, 'undo', { body: {} })).body.errors[0].pointer).toBe('/reason');
    expect((await step(body.id, 'undo', { body: { reason: 'x' }, as: 'operator' })).status).toBe(403);
    const undo = await step(body.id, 'undo', { body: { reason: 'mistake' } });
    expect([undo.status, undo.body.state]).toEqual([202, 'undoRequested']);
    expect(undo.body.undo).toMatchObject({ reason: 'mistake', requestedBy: 'the governor', accepted: false });
    const why = { kind: 'forbidden', what: 'no role', who: 'tenant-admin' as const, since: '2026-01-01T00:00:00Z' };
    await advance(body.id, { state: 'undoFailed', problem: why });
    const again = await step(body.id, 'undo', { body: { reason: 'with a role now' } });
    expect([again.status, again.body.state, again.body.problem]).toEqual([202, 'undoRequested', undefined]);
    const sessions = await ask({ ...suspend, action: 'revokeSessions' });
    const cannot = await step(sessions.body.id, 'undo', { body: { reason: 'x' } });
    expect([cannot.status, cannot.body.code]).toEqual([422, 'not-supported']);
  });

  it('is undone once more where an undo gave back a part, and no more when all is back', async () => {
    const { body } = await ask(suspend);
    await advance(
      body.id,
      { state: 'prepared', before: { status: 'active' }, plan: [] },
      { state: 'applying' },
      { state: 'done', after: { status: 'suspended' }, verified: true },
    );
    const undone = async (more: object) => {
      const { undo } = (await api.store.actions.get(body.id))!;
      await advance(body.id, { state: 'undoing' }, { state: 'undone', undo: { ...undo, ...more } });
    };
    await step(body.id, 'undo', { body: { reason: 'mistake' } });
    await undone({ verified: false, notRestored: ['the link'], left: { status: 'active', link: null } });
    const part = (await api.call('GET', `/v1/actions/${body.id}`)).body;
    expect([part.undo.verified, part.undo.notRestored, 'left' in part.undo]).toEqual([false, ['the link'], false]);
    const again = await step(body.id, 'undo', { body: { reason: 'the link may come back now' } });
    expect([again.status, again.body.state, again.body.undo]).toMatchObject([
      202,
      'undoRequested',
      { reason: 'the link may come back now', verified: false, notRestored: ['the link'] },
    ]);
    expect((await api.store.actions.get(body.id))!.undo!.left).toEqual({ status: 'active', link: null });
    await undone({ verified: true, notRestored: [] });
    const third = await step(body.id, 'undo', { body: { reason: 'x' } });
    expect([third.status, third.body.code, third.body.state]).toEqual([409, 'wrong-state', 'undone']);
  });

  it('is unknown to keys of other connections', async () => {
    const { body } = await ask(suspend);
    const other = await api.connect();
    const { secret } = await api.store.apiKeys.create({ name: 'l', role: 'governor', connectionIds: [other.id] });
    expect((await api.call('GET', `/v1/actions/${body.id}`, { as: { secret } })).status).toBe(404);
    for (const name of ['cancel', 'apply']) expect((await step(body.id, name, { as: { secret } })).status).toBe(404);
    expect((await ask(suspend, { as: { secret } })).status).toBe(404);
    expect((await api.call('GET', '/v1/actions', { as: { secret } })).body.items).toEqual([]);
    expect((await api.call('GET', '/v1/actions?limit=1')).body.items).toHaveLength(1);
    expect((await api.call('GET', '/v1/actions/act_nothing')).status).toBe(404);
  });
});
