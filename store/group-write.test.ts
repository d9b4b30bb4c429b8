import { describe, expect, it } from 'vitest';
import { account, activity, file, group, later, page, useOpenPositions } from '../test/support/open-positions.ts';
import { LeaseLost } from './lease-lost.ts';

const at = useOpenPositions();
const { positions } = at;

/** A watch position's lease. */
async function follow(connectionId: string, holder = 'watcher') {
  await positions.ensureFeed(connectionId, 'users', { id: '', title: '' });
  const claim = await positions.claimFeed(connectionId, 1, holder, 60_000, { stage: 'users', partId: '' });
  if (!claim.lease) throw new Error('nothing to follow');
  return claim.lease;
}

describe('what a group writes', () => {
  it('adds, leaves what is unchanged, changes the rest and counts each', async () => {
    const con = await at.connect();
    const first = await positions.commit(
      await at.take(con, 1),
      group(page([account('a', { displayName: 'A', mfa: true }), account('b')])),
    );
    expect(first.counts).toMatchObject({ added: 2, changed: 0, unchanged: 0, pages: 1 });

    const seen = later();
    const second = await positions.commit(await at.take(con, 2), group(page([account('a'), account('b')], seen)));
    expect(second.counts).toMatchObject({ added: 0, changed: 1, unchanged: 1 });
    const a = await at.row('accounts', con, 'a');
    expect(a).not.toHaveProperty('displayName');
    expect(a).not.toHaveProperty('mfa');
    expect(await at.row('accounts', con, 'b')).toMatchObject({ seenScan: 2, observedAt: seen, app: 'okta', part: '' });
  });

  it('takes the newest of several observations in one group, the last of equals', async () => {
    const con = await at.connect();
    const [t1, t2] = [later(), later()];
    const { counts } = await positions.commit(
      await at.take(con, 1),
      group(
        page([account('a', { login: 'new' }), account('b', { login: 'first' })], t2),
        page([account('a', { login: 'old' })], t1),
        page([account('b', { login: 'last' })], t2),
      ),
    );
    expect(counts.added).toBe(2);
    expect(await at.row('accounts', con, 'a')).toMatchObject({ login: 'new', observedAt: t2 });
    expect(await at.row('accounts', con, 'b')).toMatchObject({ login: 'last' });
  });

  it('lets nothing older replace anything newer, whichever lane brings it', async () => {
    const con = await at.connect();
    const [asked, changedAt, gone] = [later(), later(), later()];
    const watch = await positions.commit(await follow(con), {
      ...group(
        page([account('a', { login: 'newer' })], changedAt),
        page([], gone, [{ kind: 'accounts', vendorId: 'b' }]),
      ),
    });
    const sweep = await positions.commit(
      await at.take(con, 1),
      group(page([account('a', { login: 'older' }), account('b')], asked)),
    );
    expect(watch.counts).toMatchObject({ added: 1, removed: 0 });
    expect(sweep.counts).toMatchObject({ added: 0, changed: 0, unchanged: 2 });
    expect(await at.row('accounts', con, 'a')).toMatchObject({ login: 'newer', observedAt: changedAt });
    // It was gone before it was ever stored: neither brought back by the older page, nor shown.
    expect(await at.records.get(con, 'accounts', 'b')).toBeNull();
    expect((await at.records.list(con, 'accounts', { where: {}, removed: true, limit: 9 })).items).toHaveLength(1);
    expect(await at.records.counts(con)).toMatchObject({ accounts: 1 });
  });

  it('keeps what stands as it was recalled, and looks again at what does not', async () => {
    const con = await at.connect();
    await positions.commit(await at.take(con, 1), group(page([account('a'), account('b'), account('c')])));
    const stored = await at.records.recall(con, 'accounts', ['a', 'b', 'c', 'd']);
    expect([...stored.keys()].sort()).toEqual(['a', 'b', 'c']);
    const kept = [...stored].map(([vendorId, { hash }]) => ({ kind: 'accounts' as const, vendorId, hash }));
    const asked = later();
    // Meanwhile the other lane brought something of before the page was asked for.
    await positions.commit(
      await follow(con),
      group(page([account('b', { login: 'changed' })], asked), page([], asked, [{ kind: 'accounts', vendorId: 'c' }])),
    );
    const seen = later();
    const never = { kind: 'accounts' as const, vendorId: 'd', hash: 'x' };
    const { counts } = await positions.commit(
      await at.take(con, 2),
      group({ ...page([], seen), kept: [...kept, never] }),
    );
    expect(counts).toMatchObject({ added: 0, changed: 0, unchanged: 1 });
    expect(await at.row('accounts', con, 'a')).toMatchObject({ seenScan: 2, observedAt: seen });
    expect(await at.row('accounts', con, 'b')).toMatchObject({ login: 'changed', observedAt: asked, seenScan: 1 });
    const pending = await at.db.collection('pending').find({ connectionId: con }).sort({ vendorId: 1 }).toArray();
    expect(pending.map(({ vendorId, part }) => [vendorId, part])).toEqual([
      ['b', ''],
      ['c', ''],
      ['d', ''],
    ]);
  });

  it('brings back what is seen again', async () => {
    const con = await at.connect();
    const lease = (await positions.commit(await at.take(con, 1), group(page([account('a')])))).lease;
    const removed = await positions.commit(lease, group(page([], later(), [{ kind: 'accounts', vendorId: 'a' }])));
    expect(removed.counts.removed).toBe(1);
    expect(await at.row('accounts', con, 'a')).toHaveProperty('removedAt');
    const back = await positions.commit(removed.lease, group(page([account('a')])));
    expect(back.counts.added).toBe(1);
    expect(await at.row('accounts', con, 'a')).not.toHaveProperty('removedAt');
  });

  it('remembers the newest word that something is gone', async () => {
    const con = await at.connect();
    const [first, between, last] = [later(), later(), later()];
    const gone = (when: Date) => page([], when, [{ kind: 'accounts', vendorId: 'a' }]);
    let { lease } = await positions.commit(await at.take(con, 1), group(gone(first)));
    ({ lease } = await positions.commit(lease, group(gone(last))));
    await positions.commit(lease, group(page([account('a')], between)));
    expect(await at.records.get(con, 'accounts', 'a')).toBeNull();
    expect(await at.row('accounts', con, 'a')).toMatchObject({ observedAt: last, removedAt: first });
  });

  it('looks again at what was seen in one part just before it was gone from another', async () => {
    const con = await at.connect();
    const [before, seen, gone, after] = [later(), later(), later(), later()];
    const inPart = (part: string, observedAt: Date) => ({ ...page([file('a'), file('b')], observedAt), part });
    let lease = await at.take(con, 1, 'w', 'files');
    const write = async (...pages: Parameters<typeof group>) => {
      lease = (await positions.commit(lease, group(...pages))).lease;
      return (await at.pending.take(con, 10)).map(({ vendorId, part }) => `${vendorId} in ${part}`);
    };
    await write(inPart('one', before));
    const removed = ['a', 'b'].map((vendorId) => ({ kind: 'files' as const, vendorId, part: 'one' }));
    await write(page([], gone, removed));
    expect(await write(inPart('one', seen))).toEqual([]);
    expect(await write(inPart('two', seen))).toEqual(['a in two', 'b in two']);
    expect(await at.row('files', con, 'a')).toMatchObject({ removedAt: gone });
    await write(inPart('two', after));
    expect(await at.row('files', con, 'a')).not.toHaveProperty('removedAt');
    expect(await at.row('files', con, 'a')).toMatchObject({ part: 'two' });
  });

  it('removes a folder with all below it, by path within the part and by id, and a replaced list', async () => {
    const con = await at.connect();
    let lease = await at.take(con, 1, 'worker', 'files');
    ({ lease } = await positions.commit(
      lease,
      group(
        page([
          file('x', { path: '/a', type: 'folder' }),
          file('y', { path: '/a/b' }),
          file('z', { path: '/ab' }),
          file('f', { type: 'folder', path: '/q' }),
          file('g', { path: '/elsewhere', ancestors: ['f'] }),
          file('p1', { parentId: 'p' }),
          file('p2', { parentId: 'p' }),
          file('q:1', { parentId: 'o' }),
          file('r:1', { parentId: 'o' }),
        ]),
      ),
    ));
    const done = await positions.commit(
      lease,
      group(
        page([], later(), [
          { kind: 'files', under: '/a/' },
          { kind: 'files', under: 'f' },
          { kind: 'files', parent: 'p', except: ['p2'] },
          { kind: 'files', parent: 'o', except: [], prefixes: ['q:'] },
        ]),
      ),
    );
    expect(done.counts.removed).toBe(6);
    const left = await at.records.list(con, 'files', { where: {}, limit: 9 });
    expect(left.items.map(({ vendorId }) => vendorId)).toEqual(['p2', 'r:1', 'z']);
    await expect(
      positions.commit(done.lease, group(page([], later(), [{ kind: 'files', under: '/' }]))),
    ).rejects.toThrow('a whole part');
  });

  it('removes a large folder in steps', async () => {
    const con = await at.connect();
    const many = Array.from({ length: 4_500 }, (_, n) => file(`n${n}`, { path: `/big/${n}` }));
    const { lease } = await positions.commit(await at.take(con, 1, 'worker', 'files'), group(page(many)));
    const done = await positions.commit(lease, group(page([], later(), [{ kind: 'files', under: '/big' }])));
    expect(done.counts.removed).toBe(4_500);
    expect(done.lease.position.seq).toBe(lease.position.seq + 3);
    expect((await at.records.counts(con)).files).toBe(0);
  });

  it('keeps the first of an activity, from whatever source, and never removes one', async () => {
    const con = await at.connect();
    let lease = await at.take(con, 1, 'worker', 'activities');
    ({ lease } = await positions.commit(lease, group(page([activity('e', { receivedAt: new Date(5) })]))));
    const again = await positions.commit(
      lease,
      group(
        page([activity('e', { receivedAt: new Date(9), source: 'other' })], later(), [
          { kind: 'activities', vendorId: 'e' },
        ]),
      ),
    );
    expect(again.counts).toMatchObject({ added: 0, changed: 0, unchanged: 1, removed: 0 });
    expect(await at.row('activities', con, 'e')).toMatchObject({ receivedAt: new Date(5), source: 'log' });
    expect(await at.records.activityClasses(con)).toEqual([{ classUid: 3002, className: 'Authentication', count: 1 }]);
  });

  it('stores any name of a member as it came', async () => {
    const con = await at.connect();
    const text =
      '{"$set":{"$x":1},"a.b":{"..":2},"__proto__":{"x":1},"_bsontype":"ObjectId","r":{"$ref":"c","$id":"i"},"a\\u0000b":"%41","":[{"%24ref":1}]}';
    const raw: unknown = JSON.parse(text);
    const event = { ...activity('e').event, unmapped: { _bsontype: 'Long', 'c%d': 1 } };
    await positions.commit(await at.take(con, 1, 'w', 'activities'), group(page([activity('e', { raw, event })])));
    const stored = await at.records.get(con, 'activities', 'e');
    expect(JSON.stringify(stored?.raw)).toBe(text);
    expect(stored).toMatchObject({ event: { unmapped: { _bsontype: 'Long', 'c%d': 1 } } });

    let lease = (await positions.commit(await at.take(con, 1), group(page([account('a')])))).lease;
    ({ lease } = await positions.commit(lease, group(page([account('a', { raw })]))));
    expect(JSON.stringify((await at.records.get(con, 'accounts', 'a'))?.raw)).toBe(text);
    const third = await positions.commit(lease, group(page([account('a', { raw: JSON.parse(text) as unknown })])));
    expect(third.counts).toMatchObject({ unchanged: 1, changed: 0 });
  });

  it('survives a raw nested as deep as a parser lets it be', async () => {
    const con = await at.connect();
    const raw: unknown = JSON.parse('['.repeat(5_000) + ']'.repeat(5_000));
    await positions.commit(await at.take(con, 1), group(page([account('a', { raw })])));
    expect(JSON.stringify((await at.row('accounts', con, 'a'))?.['raw'])).toContain('nested too deeply');
  });

  it('cuts raw at 16 KB', async () => {
    const con = await at.connect();
    const fits = { text: 'x'.repeat(16 * 1024 - 11) };
    const long = { text: 'é'.repeat(9_000) };
    const { lease } = await positions.commit(
      await at.take(con, 1),
      group(page([account('fits', { raw: fits }), account('long', { raw: long })])),
    );
    expect((await at.row('accounts', con, 'fits'))?.['raw']).toEqual(fits);
    const cut = (await at.row('accounts', con, 'long'))?.['raw'];
    expect(cut).toMatchObject({ truncated: true, bytes: 18_011 });
    expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThanOrEqual(16 * 1024);
    const again = await positions.commit(lease, group(page([account('long', { raw: long })])));
    expect(again.counts.unchanged).toBe(1);
  });

  it('keeps the newest of every record when two lanes write the same ones at once', async () => {
    const con = await at.connect();
    const times = Array.from({ length: 12 }, later);
    let sweep = await at.take(con, 1);
    let watch = await follow(con);
    const write = (label: string, when: Date) =>
      group(
        page(
          Array.from({ length: 60 }, (_, n) => account(`c${n}`, { login: label })),
          when,
        ),
      );
    await Promise.all([
      (async () => {
        for (const when of times.filter((_, n) => n % 2 === 0))
          ({ lease: sweep } = await positions.commit(sweep, write(`sweep ${when.getTime()}`, when)));
      })(),
      (async () => {
        for (const when of times.filter((_, n) => n % 2 === 1).reverse())
          ({ lease: watch } = await positions.commit(watch, write(`watch ${when.getTime()}`, when)));
      })(),
    ]);
    const newest = times.at(-1)!;
    const { items } = await at.records.list(con, 'accounts', { where: {}, limit: 100 });
    expect(items).toHaveLength(60);
    expect(new Set(items.map((item) => 'login' in item && item.login))).toEqual(new Set([`watch ${newest.getTime()}`]));
    expect(sweep.position.counts.added + watch.position.counts.added).toBe(60);
  });

  it('writes nothing for a connection that is not there', async () => {
    await expect(at.take('con_none', 1)).rejects.toThrow(LeaseLost);
  });
});
