import { describe, expect, it } from 'vitest';
import type { AnyRecord, FileRecord } from '../connectors/records.ts';
import type { Ref } from '../connectors/pages.ts';
import { account, activity, file, group, later, page, part, useOpenPositions } from '../test/support/open-positions.ts';

const at = useOpenPositions();
const { positions } = at;
const rule = { kinds: ['accounts' as const, 'groups' as const], suspectShare: 0.5 };

const accounts = (...ids: string[]): AnyRecord[] => ids.map((id) => account(id));
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);

async function read(con: string, scan: number, records: readonly AnyRecord[]) {
  return (await positions.commit(await at.take(con, scan), group(page(records)))).lease;
}
async function sweep(con: string, scan: number, records: readonly AnyRecord[], more: object = {}) {
  return positions.complete(await read(con, scan, records), { ...rule, ...more });
}
const shown = async (con: string): Promise<string[]> =>
  (await at.records.list(con, 'accounts', { where: {}, limit: 100 })).items.map(({ vendorId }) => vendorId);

describe('the end of a sweep', () => {
  it('removes what two complete sweeps missed, and unmarks what is seen again', async () => {
    const con = await at.connect();
    expect(await sweep(con, 1, accounts('a', 'b', 'c'))).toEqual({ removed: 0, missing: 0, suspect: false });
    expect(await sweep(con, 2, accounts('a'))).toEqual({ removed: 0, missing: 2, suspect: false });
    expect(await shown(con)).toEqual(['a', 'b', 'c']);
    expect(await at.row('accounts', con, 'b')).toHaveProperty('missingSince');
    expect(await sweep(con, 3, accounts('a', 'b'))).toEqual({ removed: 1, missing: 0, suspect: false });
    expect(await at.row('accounts', con, 'b')).not.toHaveProperty('missingSince');
    expect(await at.row('accounts', con, 'c')).toHaveProperty('removedAt');
    expect(await shown(con)).toEqual(['a', 'b']);
    expect(await sweep(con, 4, accounts('a', 'b', 'c'))).toEqual({ removed: 0, missing: 0, suspect: false });
    expect(await shown(con)).toEqual(['a', 'b', 'c']);
    const summary = await positions.summary(con, 'sweep', 'users', 4);
    expect(summary).toMatchObject({ total: 1, done: 1, open: 0, trust: 'trusted', counts: { added: 1, unchanged: 2 } });
  });

  it('counts one sweep once, however often it is completed', async () => {
    const con = await at.connect();
    await sweep(con, 1, accounts('a', 'b'));
    let lease = await read(con, 2, accounts('a'));
    const startedAt = lease.position.startedAt;
    await positions.complete(lease, rule);
    // As after a crash before the position was complete: the part is read again in the same scan.
    await at.db
      .collection<{ _id: string }>('positions')
      .updateOne({ _id: lease.position._id }, { $set: { state: 'open', startedAt } });
    lease = await read(con, 2, accounts('a'));
    expect(await positions.complete(lease, rule)).toMatchObject({ removed: 0, missing: 0 });
    expect(await shown(con)).toEqual(['a', 'b']);
  });

  it('removes at once what a lookup confirms, keeps what it finds, and asks for at most 1,000', async () => {
    const con = await at.connect();
    await sweep(con, 1, accounts('a', 'found', 'gone', 'unknown', ...numbered(1_100)));
    const asked: Ref[] = [];
    const lookup = async (refs: readonly Ref[]) => {
      asked.push(...refs);
      const observedAt = new Date();
      const found = refs.some((ref) => ref.vendorId === 'found') ? [account('found', { login: 'changed' })] : [];
      return [
        { records: found, removed: [], observedAt, part: 'elsewhere' },
        { records: [], removed: refs.filter((ref) => ref.vendorId === 'gone'), observedAt },
      ];
    };
    const lease = await read(con, 2, accounts('a'));
    const done = await positions.complete(lease, { ...rule, suspectShare: 1, lookup });
    expect(asked).toHaveLength(1_000);
    expect(new Set(asked.map((ref) => ref.vendorId)).size).toBe(1_000);
    expect(done).toEqual({ removed: 1, missing: 1_101, suspect: false });
    expect(await at.row('accounts', con, 'gone')).toHaveProperty('removedAt');
    expect(await at.row('accounts', con, 'found')).toMatchObject({
      login: 'changed',
      seenScan: 2,
      part: 'elsewhere',
    });
    expect(await at.row('accounts', con, 'found')).not.toHaveProperty('missingSince');
    expect(await at.row('accounts', con, 'unknown')).toHaveProperty('missingSince');
  });

  it('has a folder listed that a lookup finds out of the trash: the sweep has gone past what it holds', async () => {
    const con = await at.connect();
    const folder = (id: string, more: Partial<FileRecord> = {}) => file(id, { type: 'folder', ...more });
    const files = { kinds: ['files' as const], suspectShare: 1 };
    await sweepOf(con, 1, [folder('back', { trashed: true }), folder('there')]);
    const lookup = async () => [{ records: [folder('back')], removed: [], observedAt: new Date() }];
    const lease = (await positions.commit(await at.take(con, 2, 'w', 'files'), group(page([folder('there')])))).lease;
    expect(await positions.complete(lease, { ...files, lookup })).toMatchObject({ removed: 0, missing: 0 });
    expect(await at.pending.take(con, 10)).toMatchObject([
      { kind: 'files', vendorId: 'back', children: true, fromTrash: true },
    ]);

    async function sweepOf(con: string, scan: number, records: readonly AnyRecord[]) {
      const { lease } = await positions.commit(await at.take(con, scan, 'w', 'files'), group(page(records)));
      return positions.complete(lease, files);
    }
  });

  it('has nothing left to read when a lookup was interrupted', async () => {
    const con = await at.connect();
    await sweep(con, 1, accounts('a', 'b'));
    const lease = await read(con, 2, accounts('a'));
    const lookup = () => Promise.reject(new Error('throttled'));
    await expect(positions.complete(lease, { ...rule, lookup })).rejects.toThrow('throttled');
    expect(await at.position(lease)).toMatchObject({ ended: true, state: 'open' });
    expect(await at.row('accounts', con, 'b')).not.toHaveProperty('missingSince');
  });

  it('marks nothing where too much would vanish, until an operator accepts it', async () => {
    const con = await at.connect();
    const all = numbered(30);
    await sweep(con, 1, accounts(...all));
    const few = accounts(...all.slice(0, 14));
    expect(await sweep(con, 2, few)).toEqual({ removed: 0, missing: 0, suspect: true });
    expect(await sweep(con, 3, few)).toEqual({ removed: 0, missing: 0, suspect: true });
    expect((await positions.summary(con, 'sweep', 'users', 3)).trust).toBe('suspect');
    expect(
      await at.db.collection('accounts').countDocuments({ connectionId: con, missingSince: { $exists: true } }),
    ).toBe(0);
    expect(await sweep(con, 4, few, { accept: true })).toEqual({ removed: 16, missing: 0, suspect: false });
    expect(await shown(con)).toHaveLength(14);
    expect((await positions.summary(con, 'sweep', 'users', 4)).trust).toBe('trusted');
  });

  it('of 20 records or fewer no share is suspect', async () => {
    const con = await at.connect();
    await sweep(con, 1, accounts(...numbered(20)));
    expect(await sweep(con, 2, accounts('n0'))).toEqual({ removed: 0, missing: 19, suspect: false });
  });

  it('leaves alone what the watch lane saw since, what failed parts have, and activities', async () => {
    const con = await at.connect();
    await sweep(con, 1, accounts('a', 'b'));
    const lease = await read(con, 2, accounts('a'));
    await positions.ensureFeed(con, 'users', part(''));
    const feed = (await positions.claimFeed(con, 1, 'watch', 60_000)).lease!;
    await positions.commit(feed, group(page(accounts('b', 'new'))));
    expect(await positions.complete(lease, rule)).toEqual({ removed: 0, missing: 0, suspect: false });

    await positions.fail(await read(con, 3, []), 'failed', undefined);
    expect(
      await at.db.collection('accounts').countDocuments({ connectionId: con, missingSince: { $exists: true } }),
    ).toBe(0);

    const log = await at.take(con, 1, 'w', 'activities');
    await positions.commit(log, group(page([activity('e')])));
    const next = (await positions.commit(await at.take(con, 2, 'w', 'activities'), group(page([])))).lease;
    expect(await positions.complete(next, { kinds: ['activities'], suspectShare: 1 })).toMatchObject({ missing: 0 });
  });

  it('takes nothing for gone that it could not read, nor what lies below it, and nothing at all where that is much', async () => {
    const con = await at.connect();
    const files = { kinds: ['files' as const], suspectShare: 1 };
    const below = file('below', { ancestors: ['top', 'refused'] });
    const commit = async (scan: number, records: readonly AnyRecord[], unread: { vendorId: string; why: string }[]) =>
      (await positions.commit(await at.take(con, scan, 'w', 'files'), { ...group(page(records)), unread })).lease;
    await positions.complete(await commit(1, [file('there'), file('refused'), below, file('gone')], []), files);
    const refused = [{ vendorId: 'refused', why: '403' }];
    const lease = await commit(2, [file('there')], refused);
    expect(lease.position.unread).toEqual(refused);
    expect(await positions.complete(lease, files)).toMatchObject({ missing: 1 });
    expect(await at.row('files', con, 'gone')).toHaveProperty('missingSince');
    const much = Array.from({ length: 300 }, (_, n) => ({ vendorId: `r${n}`, why: '403' }));
    expect(await positions.complete(await commit(3, [file('there')], much), files)).toMatchObject({
      removed: 0,
      missing: 0,
    });
    expect(await positions.complete(await commit(4, [file('there')], []), files)).toMatchObject({
      removed: 1,
      missing: 2,
    });
  });

  it('takes no member for gone of a group whose list the app cut short', async () => {
    const con = await at.connect();
    const member = (groupId: string) => ({
      kind: 'memberships' as const,
      vendorId: `${groupId}:u`,
      groupId,
      accountId: 'u',
      raw: {},
    });
    const first = await positions.commit(await at.take(con, 1), group(page([member('large'), member('small')])));
    await positions.complete(first.lease, { kinds: ['memberships'], suspectShare: 1 });
    const unread = [{ vendorId: 'large', why: '20 more' }];
    const { lease } = await positions.commit(await at.take(con, 2), { ...group(page([])), unread });
    expect(await positions.complete(lease, { kinds: ['memberships'], suspectShare: 1 })).toMatchObject({ missing: 1 });
    expect(await at.row('memberships', con, 'small:u')).toHaveProperty('missingSince');
  });

  it('refuses to judge a part of which no page was read', async () => {
    const con = await at.connect();
    await expect(positions.complete(await at.take(con, 1), rule)).rejects.toThrow('no page of it was read');
  });
});

describe('a part that is listed no longer', () => {
  const files = { kinds: ['files' as const], suspectShare: 0.5 };

  async function scan(
    con: string,
    number: number,
    listed: readonly string[],
    records: Record<string, AnyRecord[]> = {},
  ) {
    await positions.beginStage(con, 'files', number, { listing: true });
    const listing = (await positions.claim(con, 'sweep', 'files', number, 'w', 60_000)).lease!;
    const lease = await positions.addParts(
      listing,
      listed.map((id) => part(id)),
      null,
      { feeds: true },
    );
    const done = await positions.complete(lease, files);
    for (;;) {
      const claim = await positions.claim(con, 'sweep', 'files', number, 'w', 60_000);
      if (!claim.lease) return done;
      const read = await positions.commit(
        claim.lease,
        group(page(records[claim.lease.position.part.id] ?? [], new Date())),
      );
      await positions.complete(read.lease, files);
    }
  }
  const all = { p: [file('p1')], q: [file('q1'), file('q2')] };

  it('loses its records after two listings, its positions with them, but not what moved', async () => {
    const con = await at.connect();
    await scan(con, 1, ['p', 'q'], all);
    expect(await scan(con, 2, ['p'], { p: [file('p1'), file('q2')] })).toEqual({
      removed: 0,
      missing: 2,
      suspect: false,
    });
    expect(await positions.summary(con, 'sweep', 'files', 2)).toMatchObject({ total: 1, done: 1 });
    expect(await positions.feed(con, 'files', 'q')).not.toBeNull();
    expect(await scan(con, 3, ['p'], { p: [file('p1'), file('q2')] })).toEqual({
      removed: 1,
      missing: 0,
      suspect: false,
    });
    const { items } = await at.records.list(con, 'files', { where: {}, limit: 9 });
    expect(items.map(({ vendorId, part: home }) => [vendorId, home])).toEqual([
      ['p1', 'p'],
      ['q2', 'p'],
    ]);
    expect(await positions.feed(con, 'files', 'q')).toBeNull();
    expect(await at.db.collection('positions').countDocuments({ connectionId: con, 'part.id': 'q' })).toBe(0);
  });

  it('is suspect where it had too much', async () => {
    const con = await at.connect();
    const many = numbered(30).map((id) => file(id));
    await scan(con, 1, ['p', 'q'], { ...all, q: many });
    expect(await scan(con, 2, ['p'], all)).toEqual({ removed: 0, missing: 0, suspect: true });
    expect(await at.db.collection('files').countDocuments({ connectionId: con, missingSince: { $exists: true } })).toBe(
      0,
    );
    expect((await positions.summary(con, 'sweep', 'files', 2)).trust).toBe('suspect');
  });

  it('many small parts that are empty together are suspect, one among many is not', { timeout: 60_000 }, async () => {
    const names = numbered(30).map((name) => `d-${name}`);
    const full = Object.fromEntries(names.map((name) => [name, numbered(10).map((n) => file(`${name}-${n}`))]));
    const left = (con: string) =>
      at.db.collection('files').countDocuments({ connectionId: con, removedAt: { $exists: false } });
    const con = await at.connect();
    await scan(con, 1, names, full);
    // The first two say nothing yet; they are only marked.
    await scan(con, 2, names);
    await scan(con, 3, names);
    expect(await left(con)).toBe(280);
    expect((await positions.summary(con, 'sweep', 'files', 3)).trust).toBe('suspect');

    const other = await at.connect();
    await scan(other, 1, names, full);
    for (const number of [2, 3]) await scan(other, number, names, { ...full, 'd-n20': [] });
    expect(await left(other)).toBe(290);
    expect((await positions.summary(other, 'sweep', 'files', 3)).trust).toBe('trusted');
  });

  it('keeps a known record where it was when a feed that is no part brings it', async () => {
    const con = await at.connect();
    await scan(con, 1, ['p'], all);
    await positions.ensureFeed(con, 'files', part('queue'));
    const feed = (await positions.claimFeed(con, 1, 'w', 60_000, { stage: 'files', partId: 'queue' })).lease!;
    await positions.commit(
      feed,
      group(page([file('p1', { size: 3 })], later(), []), page([file('p1', { size: 4 })], new Date())),
    );
    expect(await at.row('files', con, 'p1')).toMatchObject({ part: 'p', size: 4, seenScan: 1 });
  });
});
