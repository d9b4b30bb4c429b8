import { beforeAll, describe, expect, it } from 'vitest';
import { recordKinds, recordSchemas } from '../connectors/records.ts';
import { account, activity, group, later, page, useOpenPositions } from '../test/support/open-positions.ts';
import { BadCursor } from './paging.ts';
import { recordFilters } from './record-filters.ts';
import { canonicalJson } from './record-hash.ts';
import { prepareRecord } from './record-rows.ts';
import { BadFilter, recordIndexes } from './records.ts';

const at = useOpenPositions();
let con = '';

beforeAll(async () => {
  con = await at.connect();
  const other = await at.connect();
  await at.positions.commit(await at.take(other, 1), group(page([account('x', { status: 'active' })])));
  const { lease } = await at.positions.commit(
    await at.take(con, 1),
    group(
      page([
        account('a', { createdAt: new Date(1_000), mfa: true }),
        account('b', { createdAt: new Date(2_000), status: 'suspended', mfa: false }),
        account('c', { createdAt: new Date(3_000) }),
      ]),
    ),
  );
  await at.positions.commit(lease, group(page([], later(), [{ kind: 'accounts', vendorId: 'c' }])));
  const event = (time: number) => ({ class_uid: 3002, type_uid: 300201, time });
  await at.positions.commit(
    await at.take(con, 1, 'w', 'activities'),
    group(page([3, 1, 2, 2, 5].map((time, n) => activity(`e${n}`, { event: event(time) })))),
  );
});

const ids = async (where: object, more: object = {}) =>
  (await at.records.list(con, 'accounts', { where: where as never, limit: 10, ...more })).items.map((r) => r.vendorId);

describe('lists of records', () => {
  it('filter by equality and ranges, and leave out what is gone', async () => {
    expect(await ids({})).toEqual(['a', 'b']);
    expect(await ids({}, { removed: true })).toEqual(['a', 'b', 'c']);
    expect(await ids({ status: 'suspended' })).toEqual(['b']);
    expect(await ids({ mfa: true })).toEqual(['a']);
    expect(await ids({ createdAt: { gte: new Date(1_500), lt: new Date(2_500) } })).toEqual(['b']);
    const times = await at.records.list(con, 'activities', { where: { time: { gte: new Date(3) } }, limit: 9 });
    expect(times.items.map((r) => r.vendorId)).toEqual(['e0', 'e4']);
  });

  it.each([
    [{ nothing: 1 }, 'no such filter'],
    [{ toString: 'x' }, 'no such filter'],
    [{ status: { $gt: '' } }, 'takes no range'],
    [{ status: 'awake' }, 'wants one of'],
    [{ mfa: 'true' }, 'wants a boolean'],
    [{ createdAt: { $gt: new Date() } }, 'gte and lt'],
    [{ createdAt: {} }, 'empty'],
    [{ createdAt: '2026' }, 'wants a date'],
  ])('refuse the filter %j', async (where, why) => {
    const refused = await ids(where).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BadFilter);
    expect(String(refused)).toContain(why);
  });

  it('go on page by page, by id or newest first', async () => {
    const pages = async (order: 'newest' | 'id'): Promise<string[]> => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const { items, next } = await at.records.list(con, 'activities', { where: {}, limit: 2, cursor, order });
        expect(items.length).toBeLessThanOrEqual(2);
        seen.push(...items.map((item) => item.vendorId));
        cursor = next;
      } while (cursor !== undefined);
      return seen;
    };
    expect(await pages('newest')).toEqual(['e4', 'e0', 'e3', 'e2', 'e1']);
    expect(await pages('id')).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    await expect(at.records.list(con, 'accounts', { where: {}, limit: 2, cursor: 'x' })).rejects.toThrow(BadCursor);
  });

  it('count what is there', async () => {
    expect(await at.records.counts(con)).toMatchObject({ accounts: 2, activities: 5, files: 0 });
  });
});

it('tells which logins an account has that is there, in this connection', async () => {
  const [a, c] = [account('a'), account('c')].map(({ login }) => login);
  expect(await at.records.haveLogin(con, [a!, c!, account('x').login, 'nobody'])).toEqual(new Set([a]));
});

describe('filters', () => {
  it('name only fields that the kind has', () => {
    const stored = ['vendorId', 'part', 'observedAt', 'event', 'ownSharing', 'sharing', 'sharedVia', 'content'];
    for (const kind of recordKinds) {
      const fields = [...Object.keys(recordSchemas[kind].shape), ...stored];
      for (const { path } of Object.values(recordFilters[kind])) expect(fields).toContain(path.split('.')[0]);
    }
  });
});

describe('the hash of a record', () => {
  it('does not depend on the order of members, and does on every value', () => {
    const hashOf = (raw: unknown, more = {}) => prepareRecord(account('a', { raw, ...more })).hash;
    expect(hashOf({ a: 1, b: { c: [1, 2], d: null } })).toBe(hashOf({ b: { d: null, c: [1, 2] }, a: 1 }));
    expect(hashOf({})).toHaveLength(22);
    const others = [
      hashOf({ a: [1, 2] }),
      hashOf({ a: [2, 1] }),
      hashOf({ a: '1' }),
      hashOf({ a: 1 }),
      hashOf({ a: 1 }, { mfa: true }),
      hashOf({ a: 1 }, { createdAt: new Date(1) }),
      hashOf({ a: 1 }, { createdAt: new Date(2) }),
    ];
    expect(new Set(others).size).toBe(others.length);
    expect(canonicalJson({ b: undefined, a: [undefined, Infinity], c: '"' }).text).toBe('{"a":[null,null],"c":"\\""}');
  });
});

describe('the indexes of records', () => {
  it.each(recordKinds)('of %s have nothing that a sweep writes of every record', (kind) => {
    const keys = recordIndexes[kind].flatMap(({ key }) => Object.keys(key));
    expect(keys).toContain('connectionId');
    for (const field of ['observedAt', 'seenScan', 'missingSince']) expect(keys).not.toContain(field);
  });
});
