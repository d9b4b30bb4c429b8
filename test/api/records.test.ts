import { beforeAll, describe, expect, it } from 'vitest';
import type { AnyRecord, StageName } from '../../connectors/records.ts';
import { useApi, type Json } from './start-api.ts';

const api = useApi();
let id: string;

async function fill(
  stage: StageName,
  records: AnyRecord[],
  more: { covered?: { from: Date; until: Date; latenessMs: number } } = {},
) {
  await api.store.positions.beginStage(id, stage, 1, { listing: false });
  const { lease } = await api.store.positions.claim(id, 'sweep', stage, 1, 'test', 30_000);
  if (!lease) throw new Error(`nothing to claim in ${stage}`);
  const pages = [{ records, removed: [], observedAt: api.store.now() }];
  const done = await api.store.positions.commit(lease, {
    pages,
    touched: [],
    skipped: 0,
    cursor: 'canary-cursor',
    ...more,
  });
  await api.store.positions.release(done.lease);
}

beforeAll(async () => {
  id = (await api.connect()).id;
  const accounts = Array.from({ length: 7 }, (_, n): AnyRecord => ({
    kind: 'accounts',
    vendorId: n === 0 ? 'team/a b?#%00' : `u${n}`,
    login: `user000${n}@acme.example`,
    type: 'person',
    status: n % 2 ? 'active' : 'suspended',
    mfa: n === 1,
    createdAt: new Date(Date.UTC(2026, n, 1)),
    raw: { id: n, big: 'x'.repeat(50) },
  }));
  const group: AnyRecord = { kind: 'groups', vendorId: 'g1', name: 'All', type: 'everyone', raw: {} };
  await fill('users', [...accounts, group]);
  const activities = [1, 2, 3].map((n): AnyRecord => ({
    kind: 'activities',
    vendorId: `e${n}`,
    receivedAt: new Date(Date.UTC(2026, 0, n)),
    source: 'log',
    event: {
      class_uid: n === 3 ? 3001 : 3002,
      class_name: n === 3 ? 'Account Change' : 'Authentication',
      type_uid: 300201,
      time: Date.UTC(2026, 0, n),
      metadata: {
        event_code: `type-${n > 1 ? 'odd' : 'known'}`,
        ...(n > 1 && { labels: ['castellan-unknown-event'] }),
      },
    },
    raw: {},
  }));
  const covered = { from: new Date(Date.UTC(2026, 0, 1)), until: new Date(Date.UTC(2026, 0, 4)), latenessMs: 0 };
  await fill('activities', activities, { covered });
});

const list = (kind: string, query = '') => api.call('GET', `/v1/connections/${id}/${kind}${query}`, { as: 'viewer' });
const ids = (body: Json) => body.items.map(({ vendorId }: Json) => vendorId);

describe('lists of records', () => {
  it('page through all of them once', async () => {
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages += 1) {
      const { body } = await list('accounts', `?limit=3${cursor && `&cursor=${cursor}`}`);
      seen.push(...ids(body));
      if (!body.next) break;
      cursor = body.next;
    }
    expect(seen.toSorted()).toEqual(['team/a b?#%00', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6']);
  });

  it('have the vendor’s object only when asked, and nothing of the store', async () => {
    const [plain] = (await list('accounts', '?limit=1')).body.items;
    expect(Object.keys(plain)).not.toEqual(expect.arrayContaining(['raw']));
    for (const hidden of ['_id', 'hash', 'seenScan', 'connectionId', 'raw']) expect(plain).not.toHaveProperty(hidden);
    expect((await list('accounts', '?limit=1&raw=true')).body.items[0].raw.big).toHaveLength(50);
  });

  it.each([
    ['?status=active', ['u1', 'u3', 'u5']],
    ['?mfa=true', ['u1']],
    ['?login=user0002@acme.example', ['u2']],
    ['?createdAt.gte=2026-06-01', ['u5', 'u6']],
    ['?createdAt.gte=2026-02-01&createdAt.lt=2026-04-01T00:00:00Z', ['u1', 'u2']],
    ['?status=active&createdAt.lt=2026-03-01', ['u1']],
    ['?status=deleted', []],
  ])('accounts%s', async (query, expected) => {
    const { status, body } = await list('accounts', query);
    expect(status).toBe(200);
    expect(ids(body).toSorted()).toEqual(expected);
  });

  it('activities come newest first, by class and time', async () => {
    expect(ids((await list('activities')).body)).toEqual(['e3', 'e2', 'e1']);
    expect(ids((await list('activities', '?classUid=3002&limit=1')).body)).toEqual(['e2']);
    expect(ids((await list('activities', '?time.gte=2026-01-03')).body)).toEqual(['e3']);
    expect(ids((await list('activities', '?classUid.gte=3002')).body)).toEqual(['e2', 'e1']);
  });

  it.each([
    ['accounts', '?role=admin', 'role'],
    ['accounts', '?status[$gt]=', 'status[$gt]'],
    ['accounts', '?status[$ne]=active', 'status[$ne]'],
    ['accounts', '?$where=1', '$where'],
    ['accounts', '?status=sleeping', 'status'],
    ['accounts', '?mfa=1', 'mfa'],
    ['accounts', '?createdAt=2026-01-01', 'createdAt'],
    ['accounts', '?createdAt.gte=yesterday', 'createdAt.gte'],
    ['accounts', '?createdAt.gt=2026-01-01', 'createdAt.gt'],
    ['accounts', '?status=active&status=deleted', 'status'],
    ['accounts', '?cursor=WzFd', 'cursor'],
    ['accounts', '?cursor=%7B%22$gt%22:%22%22%7D', 'cursor'],
    ['activities', '?classUid={"$gt":""}', 'classUid'],
    ['activities', '?classUid=1&classUid.gte=1', 'classUid.gte'],
    ['files', '?sharing=everyone', 'sharing'],
    ['memberships', '?__proto__=x', '__proto__'],
    ['groups', '?constructor=x', 'constructor'],
  ])('%s%s is refused, naming the parameter', async (kind, query, parameter) => {
    const { status, body } = await list(kind, query);
    expect(status).toBe(400);
    expect(body.code).toBe('invalid-parameter');
    expect(body.errors.map((error: Json) => error.parameter)).toContain(parameter);
  });

  it('an unknown filter is told the known ones', async () => {
    const { body } = await list('memberships', '?who=me');
    expect(body.errors[0].remedy).toMatch(/groupId, accountId/);
  });

  it('say whether an empty list can be believed', async () => {
    expect((await list('files')).body).toEqual({
      items: [],
      stage: 'absent',
      why: 'not applicable: Acme stores no files',
    });
    expect((await list('privileges')).body).toMatchObject({ items: [], stage: 'waiting' });
    const problem = { kind: 'forbidden', what: 'no scope', who: 'tenant-admin', since: 'now' } as const;
    const counts = { added: 0, changed: 0, unchanged: 0, removed: 0, skipped: 0, pages: 0 };
    await api.store.connections.writeState(id, {
      version: 1,
      phase: 'watching',
      scan: { number: 1 },
      rescansServed: 0,
      stages: { users: { phase: 'blind', parts: { total: 1, done: 0, failed: 0 }, counts, trust: 'blind', problem } },
      waits: {},
      watch: { round: 0, changes: 0 },
      actions: { taken: 0, running: 0 },
      runs: 1,
    });
    expect((await list('privileges')).body).toMatchObject({ items: [], stage: 'blind', trust: 'blind', problem });
    expect((await api.call('GET', `/v1/connections/${id}`)).body.trust).toBe('blind');
  });
});

describe('one record', () => {
  it('is found by its encoded id, with the vendor’s object', async () => {
    const { status, body } = await list(`accounts/${encodeURIComponent('team/a b?#%00')}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ vendorId: 'team/a b?#%00', raw: { id: 0 } });
  });

  it.each(['accounts/none', 'groups/u1', 'accounts/%7B%22$gt%22%3A%22%22%7D'])('%s is not known', async (path) => {
    expect((await list(path)).status).toBe(404);
  });

  it('of a badly encoded id is a 400', async () => {
    const { status, body } = await list('accounts/%ff');
    expect([status, body.code]).toEqual([400, 'malformed-url']);
  });
});

describe('how far the reading is', () => {
  it('summary counts kinds and activity classes', async () => {
    const { body } = await list('summary');
    expect(body.records).toMatchObject({ accounts: 7, groups: 1, activities: 3, files: 0 });
    expect(body.activityClasses).toEqual([
      { classUid: 3002, className: 'Authentication', count: 2 },
      { classUid: 3001, className: 'Account Change', count: 1 },
    ]);
    expect(body.unknownEvents).toEqual({ count: 2, types: [{ eventCode: 'type-odd', count: 2 }] });
    expect(ids((await list('activities', '?label=castellan-unknown-event')).body)).toEqual(['e3', 'e2']);
    expect(ids((await list('activities', '?eventCode=type-known')).body)).toEqual(['e1']);
    expect((await list('?counts=true')).body.records.accounts).toBe(7);
  });

  it('positions tell the state of each part, and no place in it', async () => {
    const { body, text } = await list('positions', '?lane=sweep&stage=users');
    expect(body.items).toMatchObject([{ lane: 'sweep', stage: 'users', state: 'open', counts: { added: 8 } }]);
    expect(text).not.toMatch(/canary-cursor|holder|checkpoint/);
    for (const query of ['?lane=x', '?stage[$ne]=x', '?state=x', '?seq=1'])
      expect((await list('positions', query)).status).toBe(400);
  });

  it('coverage tells the intervals read, with their holes', async () => {
    const { body } = await list('coverage');
    expect(body.items).toMatchObject([{ part: '', intervals: [{ until: '2026-01-04T00:00:00.000Z' }], holes: [] }]);
  });

  it('quotas tell what is used of which limit, and why it waits', async () => {
    const { quotas, quotaUses } = api.store;
    const want = { limit: 600, windowMs: 60_000, share: 0.5, cost: 1, urgency: 'sweep' } as const;
    await quotas.take('acme/calls', { kind: 'rate', ...want });
    await quotas.observe('acme/calls', { limit: 300, remaining: 299, resetInMs: 60_000 });
    await quotas.observe('acme/calls', { throttledForMs: 60_000 });
    await quotas.take('acme/day', { kind: 'budget', ...want, windowMs: 86_400_000 });
    await quotas.take('other/calls', { kind: 'rate', ...want });
    await quotaUses.add([
      { connectionId: id, bucket: 'acme/calls', units: 3 },
      { connectionId: 'con_other', bucket: 'acme/calls', units: 4 },
      { connectionId: id, bucket: 'acme/day', units: 1 },
      { connectionId: 'con_other', bucket: 'other/calls', units: 1 },
    ]);
    await quotaUses.add([{ connectionId: id, bucket: 'acme/calls', units: 2 }]);
    const first = await list('quotas', '?limit=1');
    expect(first.body.items).toMatchObject([
      {
        bucket: 'acme/calls',
        kind: 'rate',
        limit: 600,
        share: 0.5,
        learned: { limit: 300, from: 'headers' },
        stoppedUntil: expect.stringMatching(/^20.*Z$/) as string,
      },
    ]);
    const [{ use }] = first.body.items as [{ use: { units: number; ofAll: number }[] }];
    expect(use.reduce((all, { units }) => all + units, 0)).toBe(5);
    expect(use.reduce((all, { ofAll }) => all + ofAll, 0)).toBe(9);
    const second = await list('quotas', `?limit=1&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ bucket: 'acme/day', kind: 'budget', spent: 1 }] });
    expect(second.body.next).toBeUndefined();
    expect((await list('quotas', '?cursor=x')).status).toBe(400);
  });

  it('what a file is opened by, and that it is settling until that has reached it', async () => {
    const folder = {
      kind: 'files',
      vendorId: 'top',
      type: 'folder',
      name: 'top',
      path: '/top',
      trashed: false,
    } as const;
    const below = { ...folder, vendorId: 'f', type: 'file', name: 'f', path: '/top/f', parentId: 'top' } as const;
    const open = { type: 'link', to: '*', role: 'viewer', sharing: 'public', evidence: 'shared link' } as const;
    await fill('files', [
      { ...folder, ancestors: [], shares: [], raw: {} },
      { ...below, ancestors: ['top'], shares: [], raw: {} },
    ]);
    await fill('files', [{ ...folder, ancestors: [], shares: [open], raw: {} }]);
    expect((await list('files/f')).body).toMatchObject({ sharing: 'private', settling: true });
    expect((await list('files')).body.items).toMatchObject([{ vendorId: 'f', settling: true }, { vendorId: 'top' }]);
    expect((await list('')).body.settling).toMatchObject({ folders: 1, since: expect.any(String) as string });
    await api.store.spreads.work(id, { holder: 'test', leaseMs: 30_000, goOn: () => true });
    const { body } = await list('files/f');
    expect(body).toMatchObject({ sharing: 'public', ownSharing: 'private', sharedVia: 'top', shares: [] });
    expect(body).not.toHaveProperty('settling');
    expect(ids((await list('files', '?sharing=public&sharedVia=top')).body)).toEqual(['f']);
    expect((await list('files/top')).body).toMatchObject({ sharing: 'public', shares: [{ evidence: 'shared link' }] });
    expect((await list('')).body).not.toHaveProperty('settling');
  });

  it('scans and permissions', async () => {
    await api.store.scans.start(id, 1);
    expect((await list('scans')).body.items).toMatchObject([{ number: 1 }]);
    expect((await list('permissions')).body).toMatchObject({
      granted: [],
      absent: { files: expect.any(String) as string },
    });
  });

  it('is unknown to keys of other connections', async () => {
    const { secret } = await api.store.apiKeys.create({ name: 'l', role: 'viewer', connectionIds: ['con_other'] });
    for (const path of [
      '',
      '/accounts',
      '/accounts/u1',
      '/summary',
      '/positions',
      '/coverage',
      '/quotas',
      '/scans',
      '/permissions',
      '/actions',
    ])
      expect((await api.call('GET', `/v1/connections/${id}${path}`, { as: { secret } })).status).toBe(404);
    expect((await api.call('GET', '/v1/connections', { as: { secret } })).body.items).toEqual([]);
  });
});
