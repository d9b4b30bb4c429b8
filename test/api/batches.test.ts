import { beforeEach, describe, expect, it } from 'vitest';
import type { AnyRecord } from '../../connectors/records.ts';
import { useApi, type CallOptions, type Json } from './start-api.ts';

const api = useApi();
let id: string;
beforeEach(async () => void (id = (await api.connect({ governance: 'on' })).id));

const accounts = (count: number) => Array.from({ length: count }, (_, n) => ({ accountId: `00u${n}` }));
const suspend = { action: 'suspendUser', targets: accounts(3), reason: 'left', mode: 'apply' };
const ask = (body: unknown, options: CallOptions = {}) =>
  api.call('POST', `/v1/connections/${id}/batches`, { body, ...options });
const step = (batch: string, name: string, options: CallOptions = {}) =>
  api.call('POST', `/v1/batches/${batch}/${name}`, options);
/** As the worker would, by way of the store. */
async function advance(batchId: string, ...changes: object[]) {
  const { items } = await api.store.actions.list({ batchId, limit: 1 });
  let lease = await api.store.actions.claim(items[0]!._id, 'test', 10_000);
  for (const change of changes) lease = await api.store.actions.write(lease!, change);
  await api.store.actions.release(lease!);
}
const outcome = [
  { state: 'prepared', before: { status: 'active' }, plan: [] },
  { state: 'applying' },
  { state: 'done', after: { status: 'suspended' }, verified: true },
];

describe('requesting', () => {
  it('makes an action of each target, tells how far it is, and wakes the workflow once', async () => {
    const { status, body, headers } = await ask({ ...suspend, ticket: 'T-1', perHour: 2 });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/batches/${body.id}`);
    expect(body).toMatchObject({
      action: 'suspendUser',
      total: 3,
      perHour: 2,
      ticket: 'T-1',
      requestedBy: 'the governor',
      counts: { requested: 3 },
      waiting: 3,
    });
    expect(Date.parse(body.etaAt)).toBeGreaterThan(Date.now() + 3_500_000);
    expect(Object.keys(body)).not.toContain('asked');
    expect(api.temporal.of('signal', id)).toHaveLength(1);
    const listed = await api.call('GET', `/v1/connections/${id}/actions?batchId=${body.id}`);
    expect(listed.body.items.map((each: Json) => each.target)).toHaveLength(3);
    expect((await api.call('GET', `/v1/batches/${body.id}`, { as: 'viewer' })).body).toMatchObject({
      counts: { requested: 3 },
    });
    expect((await api.call('GET', `/v1/connections/${id}/batches`)).body.items.map((each: Json) => each.id)).toEqual([
      body.id,
    ]);
  });

  it('takes ten thousand targets, and no more', async () => {
    const most = await ask({ ...suspend, targets: accounts(10_000) });
    expect([most.status, most.body.total]).toEqual([202, 10_000]);
    const more = await ask({ ...suspend, targets: accounts(10_001) });
    expect([more.status, more.body.errors[0].pointer]).toEqual([400, '/targets']);
  });

  it('finds its targets by a typed filter', async () => {
    await seen([
      { vendorId: 'a', status: 'active' },
      { vendorId: 'b', status: 'suspended' },
    ]);
    const { targets: _, ...rest } = suspend;
    const found = await ask({ ...rest, filter: { status: 'active' } });
    expect([found.status, found.body.total, found.body.filter]).toEqual([202, 1, { status: 'active' }]);
    const { items } = (await api.call('GET', `/v1/connections/${id}/actions?batchId=${found.body.id}`)).body;
    expect(items[0].target).toEqual({ accountId: 'a' });
    const cases: [object, string, RegExp][] = [
      [{ status: 'pending' }, '/filter', /finds no accounts/],
      [{ colour: 'red' }, '/filter/colour', /is not known here/],
      [{ status: 'odd' }, '/filter/status', /wants one of active/],
      [{ 'createdAt.gte': 'soon' }, '/filter/createdAt.gte', /wants a date/],
      [{ status: { $ne: 'x' } }, '/filter/status', /./],
      [{}, '/filter', /names nothing/],
    ];
    for (const [filter, pointer, detail] of cases) {
      const { status, body } = await ask({ ...rest, filter });
      expect([status, body.errors[0].pointer, body.errors[0].detail]).toEqual([
        400,
        pointer,
        expect.stringMatching(detail),
      ]);
    }
  });

  it('answers the same one for the same Idempotency-Key, and refuses it for another', async () => {
    const headers = { 'idempotency-key': 'b-1' };
    const [first, second] = [await ask(suspend, { headers }), await ask(suspend, { headers })];
    expect([first.status, second.status, second.body.id]).toEqual([202, 200, first.body.id]);
    const other = await ask({ ...suspend, targets: accounts(2) }, { headers });
    expect([other.status, other.body.code]).toEqual([409, 'idempotency-mismatch']);
  });

  it.each<[string, object, string]>([
    ['neither targets nor filter', { targets: undefined }, '/targets'],
    ['both', { filter: { status: 'active' } }, '/targets'],
    ['no targets', { targets: [] }, '/targets'],
    ['another kind of target', { targets: [{ fileId: 'f' }] }, '/targets/0/accountId'],
    ['a budget of nothing', { perHour: 0 }, '/perHour'],
    ['more than the connection has', { perHour: 501 }, '/perHour'],
    ['no reason', { reason: ' ' }, '/reason'],
    ['an unknown field', { force: true }, '/force'],
  ])('refuses %s', async (_what, change, pointer) => {
    const { status, body } = await ask({ ...suspend, ...change });
    expect([status, body.errors.map((each: Json) => each.pointer)]).toEqual([400, expect.arrayContaining([pointer])]);
  });

  it('needs a governor to apply, and governance that is on', async () => {
    expect((await ask(suspend, { as: 'operator' })).body.code).toBe('role-missing');
    expect((await ask({ ...suspend, mode: 'plan' }, { as: 'operator' })).status).toBe(202);
    await api.call('PATCH', `/v1/connections/${id}`, { body: { governance: 'off' } });
    expect((await ask(suspend)).body.code).toBe('governance-off');
    expect((await ask({ ...suspend, action: 'trashFile', targets: [{ fileId: 'f' }] })).body.code).toBe(
      'not-supported',
    );
  });
});

describe('afterwards', () => {
  it('its budget can be changed, up to that of the connection', async () => {
    const { body } = await ask({ ...suspend, perHour: 1 });
    const change = (perHour: number, as?: 'operator') =>
      api.call('PATCH', `/v1/batches/${body.id}`, { body: { perHour }, ...(as && { as }) });
    expect((await change(10, 'operator')).body.code).toBe('role-missing');
    expect((await change(10)).body.perHour).toBe(10);
    expect((await change(600)).body.errors[0].remedy).toMatch(/batchPerHour/);
    const raise = { body: { batchPerHour: 600 } };
    expect((await api.call('PATCH', `/v1/connections/${id}`, { ...raise, as: 'operator' })).body.code).toBe(
      'role-missing',
    );
    expect((await api.call('PATCH', `/v1/connections/${id}`, raise)).body.batchPerHour).toBe(600);
    expect((await change(600)).status).toBe(200);
  });

  it('says until when it waits for its budget', async () => {
    const { body } = await ask({ ...suspend, perHour: 1 });
    const { items } = await api.store.actions.list({ batchId: body.id, limit: 1 });
    await api.store.batches.start(items[0]!._id);
    const shown = (await api.call('GET', `/v1/batches/${body.id}`)).body;
    expect(shown.waits).toBe(`waiting for the budget of the batch until ${shown.waitsUntil}`);
    expect(shown).toMatchObject({ waiting: 2, startedLastHour: 1 });
  });

  it('is cancelled, undone, and its plans are accepted, as a whole', async () => {
    const { body } = await ask(suspend);
    expect((await step(body.id, 'undo', { body: { reason: 'mistake' } })).body.code).toBe('wrong-state');
    await advance(body.id, ...outcome);
    const cancelled = await step(body.id, 'cancel', { as: 'operator' });
    expect(cancelled.body).toMatchObject({ moved: 2, counts: { cancelled: 2, done: 1 }, cancelledBy: 'the operator' });
    expect((await step(body.id, 'undo', { body: { reason: 'x' }, as: 'operator' })).body.code).toBe('role-missing');
    const undo = await step(body.id, 'undo', { body: { reason: 'mistake' } });
    expect([undo.status, undo.body.moved, undo.body.counts.undoRequested]).toEqual([202, 1, 1]);

    const plan = (await ask({ ...suspend, mode: 'plan' })).body;
    expect((await step(plan.id, 'apply')).body.code).toBe('wrong-state');
    await advance(plan.id, { state: 'planned', before: { status: 'active' }, plan: [] });
    expect((await step(plan.id, 'apply', { as: 'operator' })).body.code).toBe('role-missing');
    const applied = await step(plan.id, 'apply');
    expect([applied.status, applied.body.moved, applied.body.mode]).toEqual([202, 1, 'apply']);
    const sessions = (await ask({ ...suspend, action: 'revokeSessions' })).body;
    expect((await step(sessions.id, 'undo', { body: { reason: 'x' } })).body.code).toBe('not-supported');
  });

  it('is unknown to keys of other connections', async () => {
    const { body } = await ask(suspend);
    const other = await api.connect();
    const { secret } = await api.store.apiKeys.create({ name: 'l', role: 'governor', connectionIds: [other.id] });
    const as = { secret };
    expect((await api.call('GET', `/v1/batches/${body.id}`, { as })).status).toBe(404);
    for (const name of ['cancel', 'apply']) expect((await step(body.id, name, { as })).status).toBe(404);
    expect((await api.call('GET', `/v1/connections/${id}/batches`, { as })).status).toBe(404);
  });
});

describe('a hold', () => {
  const hold = { onRevert: 'again', forMs: 3_600_000 };
  const single = { action: 'suspendUser', target: { accountId: 'u1' }, reason: 'left', mode: 'apply' };
  const one = (body: object) => api.call('POST', `/v1/connections/${id}/actions`, { body });

  it('is part of an action, or of each of a batch', async () => {
    expect((await one({ ...single, hold })).body.hold).toEqual({ ...hold, repeated: 0, mostRepeats: 3 });
    const until = new Date(Date.now() + 60_000).toISOString();
    const report = await one({ ...single, hold: { onRevert: 'report', until } });
    expect(report.body.hold).toEqual({ onRevert: 'report', until, repeated: 0, mostRepeats: 0 });
    const { body } = await ask({ ...suspend, hold });
    const { items } = (await api.call('GET', `/v1/connections/${id}/actions?batchId=${body.id}`)).body;
    expect(items[0].hold).toMatchObject(hold);
    expect((await api.call('GET', '/v1/actions?reverted=true')).body.items).toEqual([]);
  });

  it.each<[object, string]>([
    [{ onRevert: 'again' }, '/hold'],
    [{ ...hold, until: new Date().toISOString() }, '/hold'],
    [{ ...hold, onRevert: 'report', atMost: 2 }, '/hold/atMost'],
    [{ ...hold, forMs: 1 }, '/hold/forMs'],
    [{ onRevert: 'report', until: '2020-01-01T00:00:00Z' }, '/hold/until'],
  ])('is refused as %j', async (given, pointer) => {
    const { status, body } = await one({ ...single, hold: given });
    expect([status, body.errors[0].pointer]).toEqual([400, pointer]);
  });
});

/** Records as a scan would have left them. */
async function seen(accounts: readonly { vendorId: string; status: 'active' | 'suspended' }[]) {
  await api.store.positions.beginStage(id, 'users', 1, { listing: false });
  const { lease } = await api.store.positions.claim(id, 'sweep', 'users', 1, 'test', 30_000);
  const records = accounts.map((each): AnyRecord => ({
    kind: 'accounts',
    login: `${each.vendorId}@acme.example`,
    type: 'person',
    raw: {},
    ...each,
  }));
  const pages = [{ records, removed: [], observedAt: api.store.now() }];
  await api.store.positions.commit(lease!, { pages, touched: [], skipped: 0 });
}
