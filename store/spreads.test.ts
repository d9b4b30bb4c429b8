import { describe, expect, it } from 'vitest';
import type { Share, Sharing } from '../connectors/records.ts';
import { seeded } from '../simulators/kit/seeded.ts';
import { FileTree, type Observation } from '../test/support/file-tree.ts';
import { file, group, later, page, useOpenPositions } from '../test/support/open-positions.ts';
import type { PositionDocument } from './documents.ts';
import { inTransaction } from './in-transaction.ts';
import type { Lease } from './positions-interface.ts';
import { createSpreads } from './spreads.ts';

const at = useOpenPositions();
const { positions } = at;
const spreadsBy = (rowsAtOnce: number) =>
  createSpreads(at.db, at.client, { now: () => new Date() }, positions, { rowsAtOnce });
const spreads = spreadsBy(2);
const work = (connectionId: string, goOn = () => true, leaseMs = 60_000) =>
  spreads.work(connectionId, { holder: 'spreader', leaseMs, goOn });

const link = (sharing: Sharing): Share[] => [{ type: 'link', to: '*', role: 'viewer', sharing }];
const folder = (id: string, more: Parameters<typeof file>[1] = {}) => file(id, { type: 'folder', ...more });
const take = (connectionId: string) => at.take(connectionId, 1, 'worker', 'files');

async function follow(connectionId: string): Promise<Lease> {
  await positions.ensureFeed(connectionId, 'files', { id: '', title: '' });
  const claim = await positions.claimFeed(connectionId, 1, 'watcher', 60_000, { stage: 'files', partId: '' });
  if (!claim.lease) throw new Error('nothing to follow');
  return claim.lease;
}

const sharingOf = async (connectionId: string, id: string) => {
  const row = await at.row('files', connectionId, id);
  return [row?.['sharing'] as unknown, row?.['sharedVia'] as unknown];
};

/** Two folders, one in the other, with six files in the inner one. */
async function nested(connectionId: string): Promise<Lease> {
  const files = Array.from({ length: 6 }, (_, n) =>
    file(`f${n}`, { parentId: 'inner', ancestors: ['outer', 'inner'], path: `/outer/inner/f${n}` }),
  );
  const inner = folder('inner', { parentId: 'outer', ancestors: ['outer'], path: '/outer/inner' });
  const { lease } = await positions.commit(
    await take(connectionId),
    group(page([folder('outer', { path: '/outer' }), inner, ...files])),
  );
  return lease;
}

describe('what a folder opens', () => {
  it('opens all below it in groups, settling until it is done, and closes it again', async () => {
    const con = await at.connect();
    let lease = await nested(con);
    expect(await spreads.waiting(con)).toEqual({ count: 0 });
    ({ lease } = await positions.commit(
      lease,
      group(page([folder('outer', { path: '/outer', shares: link('public') })])),
    ));
    expect(await sharingOf(con, 'outer')).toEqual(['public', undefined]);
    expect(await sharingOf(con, 'f5')).toEqual(['private', undefined]);
    expect(await spreads.waiting(con)).toMatchObject({ count: 1 });
    const asked = [
      { vendorId: 'outer', ancestors: [] },
      { vendorId: 'f5', ancestors: ['outer', 'inner'] },
      { vendorId: 'other', ancestors: ['elsewhere'] },
    ];
    expect(await spreads.unsettled(con, asked)).toEqual(new Set(['f5']));
    // The barrier, then one group of two: what is done stays done, and the next goes on from there.
    let steps = 0;
    await work(con, () => (steps += 1) <= 2);
    const open = () => at.db.collection('files').countDocuments({ connectionId: con, sharedVia: 'outer' });
    expect(await open()).toBe(2);
    await work(con);
    expect(await open()).toBe(7);
    expect(await sharingOf(con, 'f5')).toEqual(['public', 'outer']);
    expect(await spreads.waiting(con)).toEqual({ count: 0 });
    await positions.commit(lease, group(page([folder('outer', { path: '/outer' })])));
    await work(con);
    expect(await open()).toBe(0);
    expect(await sharingOf(con, 'f5')).toEqual(['private', undefined]);
  });

  it('is counted in when a file is written, and a file keeps what it opens itself', async () => {
    const con = await at.connect();
    const lease = await nested(con);
    const inner = { parentId: 'inner', ancestors: ['outer', 'inner'] };
    const { lease: next } = await positions.commit(
      lease,
      group(
        page([folder('outer', { path: '/outer', shares: link('external') }), file('new', inner)]),
        page([file('f0', { ...inner, shares: link('public') }), file('f1', { ...inner, inherits: false })]),
      ),
    );
    expect(await sharingOf(con, 'new')).toEqual(['external', 'outer']);
    await work(con);
    expect(await sharingOf(con, 'f0')).toEqual(['public', undefined]);
    expect(await sharingOf(con, 'f1')).toEqual(['private', undefined]);
    expect(await sharingOf(con, 'f2')).toEqual(['external', 'outer']);
    await positions.commit(next, group(page([file('f2', { ...inner, size: 9 })])));
    expect(await sharingOf(con, 'f2')).toEqual(['external', 'outer']);
    expect(await spreads.waiting(con)).toEqual({ count: 0 });
  });

  it('puts no task for what an unchanged or a first scan brings, nor for a file', async () => {
    const con = await at.connect();
    const lease = await nested(con);
    const shared = folder('inner', { parentId: 'outer', ancestors: ['outer'], path: '/outer/inner' });
    const { lease: next } = await positions.commit(lease, group(page([shared, file('x', { shares: link('public') })])));
    await positions.commit(next, group(page([file('x', { shares: [] })])));
    expect(await spreads.waiting(con)).toEqual({ count: 0 });
    // What a folder holds the sweep comes to by itself.
    expect(await at.pending.count(con)).toBe(0);
  });

  it('goes with a folder that is moved, and with one that is gone', async () => {
    const con = await at.connect();
    let lease = await nested(con);
    ({ lease } = await positions.commit(
      lease,
      group(
        page([
          folder('open', { path: '/open', shares: link('public') }),
          folder('inner', { parentId: 'open', ancestors: ['open'], path: '/open/inner' }),
        ]),
      ),
    ));
    await work(con);
    expect(await at.row('files', con, 'f3')).toMatchObject({
      ancestors: ['open', 'inner'],
      path: '/open/inner/f3',
      sharing: 'public',
      sharedVia: 'open',
    });
    await positions.commit(lease, group(page([], later(), [{ kind: 'files', vendorId: 'open' }])));
    await work(con);
    expect(await sharingOf(con, 'f3')).toEqual(['private', undefined]);
  });

  it('waits for who began to write before it, and does not wait for ever', async () => {
    const con = await at.connect();
    const lease = await nested(con);
    const feed = await follow(con);
    const late = await inTransaction(at.client, async (session) => {
      // A commit of the watch lane has begun, and seen the folder closed.
      await at.db
        .collection<PositionDocument>('positions')
        .findOneAndUpdate({ _id: feed.position._id }, { $inc: { seq: 1 } }, { session });
      await at.db.collection('files').findOne({ vendorId: 'outer', connectionId: con }, { session });
      await positions.commit(lease, group(page([folder('outer', { path: '/outer', shares: link('public') })])));
      await work(con);
      const before = await spreads.waiting(con);
      await at.db.collection<{ _id: string }>('files').insertOne(
        {
          _id: `${con}/late`,
          connectionId: con,
          kind: 'files',
          vendorId: 'late',
          type: 'file',
          hash: 'x',
          path: '/outer/late',
          ancestors: ['outer'],
          ownSharing: 'private',
          sharing: 'private',
        } as never,
        { session },
      );
      return before;
    });
    expect(late).toMatchObject({ count: 1 });
    await work(con);
    expect(await sharingOf(con, 'late')).toEqual(['public', 'outer']);
  });

  it('has looked at again what a page brings that was asked for before its folder went', async () => {
    const con = await at.connect();
    const lease = await nested(con);
    const before = later();
    const late = (id: string, folder: string, more = {}) =>
      file(id, { parentId: folder, ancestors: [folder], path: `/${folder}/${id}`, ...more });
    const gone = page([folder('bin', { trashed: true })], later(), [{ kind: 'files', vendorId: 'inner' }]);
    const { lease: next } = await positions.commit(lease, group(gone));
    const pages = ['inner', 'bin', 'outer'].map((id) => late(`in ${id}`, id));
    await positions.commit(
      next,
      group(page([...pages, late('thrown away', 'bin', { trashed: true })], before), page([late('new', 'bin')])),
    );
    const waiting = await at.pending.take(con, 10);
    expect(waiting.map(({ vendorId }) => vendorId).sort()).toEqual(['in bin', 'in inner']);
  });

  it('reaches a file that was written while its folder was', async () => {
    const con = await at.connect();
    const lease = await nested(con);
    const row = { connectionId: con, kind: 'files', vendorId: 'new', type: 'folder', hash: 'x', path: '/outer/new' };
    const facts = { ancestors: ['outer'], ownSharing: 'public', sharing: 'public' };
    await inTransaction(at.client, async (session) => {
      // Neither sees the other: the folder no file below it, the file no folder above it.
      await at.db
        .collection<{ _id: string }>('files')
        .insertOne({ _id: `${con}/new`, ...row, ...facts } as never, { session });
      await positions.commit(lease, group(page([file('f', { parentId: 'new', ancestors: ['new'], path: '/new/f' })])));
    });
    expect(await sharingOf(con, 'f')).toEqual(['private', undefined]);
    expect(await spreads.unsettled(con, [{ vendorId: 'f', ancestors: ['new'] }])).toEqual(new Set(['f']));
    await work(con);
    expect(await sharingOf(con, 'f')).toEqual(['public', 'new']);
    expect(await at.row('files', con, 'f')).toMatchObject({ ancestors: ['outer', 'new'], path: '/outer/new/f' });
  });
});

describe('trees that change at random', () => {
  const cases = Array.from({ length: 220 }, (_, n) => n + 1);
  const atOnce = 20;
  const batches = Array.from({ length: Math.ceil(cases.length / atOnce) }, (_, n) =>
    cases.slice(n * atOnce, (n + 1) * atOnce),
  );

  it.each(batches.map((seeds) => ({ seeds })))('come out as they are, told in any order: $seeds', async ({ seeds }) => {
    await Promise.all(seeds.map(oneCase));
  });

  async function oneCase(seed: number): Promise<void> {
    const random = seeded(seed);
    const tree = new FileTree(random, 12);
    for (let n = 0; n < 18; n += 1) tree.change();
    const con = await at.connect();
    const leases = [await take(con), await follow(con)];
    const order = new Map(tree.observations.map((one) => [one, random()]));
    const told = [...tree.observations].sort((a, b) => order.get(a)! - order.get(b)!);
    const pending: Promise<unknown>[] = [];
    while (told.length > 0) {
      await Promise.all(
        leases.map(async (lease, lane) => {
          const pages = told.splice(0, 3 + Math.floor(random() * 9));
          leases[lane] = (await positions.commit(lease, group(...pages.map(pageOf)))).lease;
        }),
      );
      // Sometimes the spreader dies in the middle; its lease runs out and another goes on.
      let left = Math.floor(random() * 6);
      const dies = random() < 0.3;
      const busy = work(
        con,
        () => {
          if (left-- > 0) return true;
          if (dies) throw new Error('died');
          return false;
        },
        dies ? 1 : 60_000,
      ).catch((error: Error) => expect(error.message).toBe('died'));
      if (random() < 0.5 || dies) await busy;
      else pending.push(busy);
    }
    await Promise.all(pending.splice(0));
    await work(con);
    // What the watch lane heard of new folders makes it list them; here is no app to ask.
    await at.db.collection('pending').deleteMany({ connectionId: con, children: true });
    expect(await spreads.waiting(con)).toEqual({ count: 0 });
    const rows = await at.db
      .collection('files')
      .find({ connectionId: con, removedAt: { $exists: false } })
      .toArray();
    const found = new Map(
      rows.map(({ vendorId, ancestors, path, sharing, sharedVia }) => [
        String(vendorId),
        { ancestors, path, sharing, sharedVia } as unknown,
      ]),
    );
    expect(found, `seed ${seed}`).toEqual(tree.expected());
  }
  const pageOf = ({ records, removed, observedAt }: Observation) => page(records, observedAt, removed);
});
