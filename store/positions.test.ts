import { MongoClient, MongoNetworkError } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { account, group, later, page, part, useOpenPositions } from '../test/support/open-positions.ts';
import { LeaseLost } from './lease-lost.ts';
import type { Lease } from './positions-interface.ts';
import { createPositions } from './positions.ts';

const at = useOpenPositions();
const { positions } = at;

describe('fencing', () => {
  it('lets the successor win: whoever lost the lease writes nothing', async () => {
    const con = await at.connect();
    await positions.beginStage(con, 'users', 1, { listing: false });
    const old = await positions.claim(con, 'sweep', 'users', 1, 'frozen', 1);
    const successor = await expect
      .poll(() => positions.claim(con, 'sweep', 'users', 1, 'successor', 60_000))
      .toMatchObject({ lease: { holder: 'successor' } })
      .then(() => at.db.collection('positions').findOne({ connectionId: con }));
    expect(successor).toMatchObject({ holder: 'successor' });
    const lease = old.lease!;
    const write = {
      ...group(page([account('a')])),
      touched: [{ kind: 'accounts' as const, vendorId: 'a' }],
      cursor: '9',
    };
    await expect(positions.commit(lease, write)).rejects.toThrow(LeaseLost);
    await expect(positions.renew(lease, 1_000)).rejects.toThrow(LeaseLost);
    await expect(positions.release(lease)).rejects.toThrow(LeaseLost);
    await expect(positions.fail(lease, 'failed', undefined)).rejects.toThrow(LeaseLost);
    await expect(positions.addParts(lease, [part('p')], null, { feeds: true })).rejects.toThrow(LeaseLost);
    await expect(positions.completeRound(lease, 3)).rejects.toThrow(LeaseLost);
    expect(await at.row('accounts', con, 'a')).toBeNull();
    expect(await at.pending.count(con)).toBe(0);
    expect(await at.position(lease)).toEqual(successor);
    expect(await at.db.collection('positions').countDocuments({ connectionId: con })).toBe(1);
  });

  it('fences the holder off when the next scan begins, and when an erase deletes the position', async () => {
    const con = await at.connect();
    const lease = await at.take(con, 1);
    await positions.beginStage(con, 'users', 2, { listing: false });
    await expect(positions.commit(lease, group(page([account('a')])))).rejects.toThrow(LeaseLost);

    const held = await at.take(con, 2);
    await at.db.collection('positions').deleteMany({ connectionId: con });
    await expect(positions.commit(held, group(page([account('a')])))).rejects.toThrow(LeaseLost);
    await expect(positions.complete(held, { kinds: [], suspectShare: 1 })).rejects.toThrow();
    await at.db.collection<{ _id: string }>('connections').updateOne({ _id: con }, { $set: { wanted: 'erased' } });
    await expect(positions.beginStage(con, 'users', 3, { listing: false })).rejects.toThrow(LeaseLost);
    await expect(positions.ensureFeed(con, 'users', part(''))).rejects.toThrow(LeaseLost);
    expect(await at.db.collection('accounts').countDocuments({ connectionId: con })).toBe(0);
    expect(await at.db.collection('positions').countDocuments({ connectionId: con })).toBe(0);
  });

  it('knows its own commit of which it never heard, and no other', async () => {
    const con = await at.connect();
    const lease = await at.take(con, 1);
    const write = group(page([account('a'), account('b')]));
    const first = await positions.commit(lease, write);
    const again = await positions.commit(lease, write);
    expect(again).toEqual(first);
    expect((await at.position(lease))?.counts.added).toBe(2);
    await expect(positions.commit(lease, group(page([account('c')])))).rejects.toThrow(LeaseLost);
    expect(await at.row('accounts', con, 'c')).toBeNull();
  });

  it.each(['UnknownTransactionCommitResult', 'TransientTransactionError'])(
    'writes once when the answer to the commit is lost (%s)',
    async (label) => {
      const con = await at.connect();
      const lease = await at.take(con, 1);
      const client = new MongoClient(at.uri, { ignoreUndefined: true });
      const startSession = client.startSession.bind(client);
      let broken = 0;
      client.startSession = (options) => {
        const session = startSession(options);
        const commit = session.commitTransaction.bind(session);
        session.commitTransaction = async () => {
          await commit();
          broken += 1;
          if (broken > 1) return;
          const error = new MongoNetworkError('the line broke');
          error.addErrorLabel(label);
          throw error;
        };
        return session;
      };
      const over = createPositions(client.db(at.db.databaseName), client, { now: () => new Date() });
      const done = await over.commit(lease, group(page([account('a')])));
      await client.close();
      expect(broken).toBe(2);
      expect(done.counts).toMatchObject({ added: 1, unchanged: 0, pages: 1 });
      expect(await at.position(lease)).toEqual(done.lease.position);
      expect(done.lease.position.seq).toBe(lease.position.seq + 1);
    },
  );

  it('leaves no part of a group behind when a write of it fails', async () => {
    const con = await at.connect();
    const lease = await at.take(con, 1);
    const bad = group(page([account('a')], later(), [{ kind: 'accounts', parent: 'nobody', except: [] }]));
    await expect(positions.commit(lease, { ...bad, cursor: '5' })).rejects.toThrow('no parent');
    expect(await at.row('accounts', con, 'a')).toBeNull();
    expect(await at.position(lease)).toEqual(lease.position);
  });
});

describe('stages and parts', () => {
  it('takes the listing first, then parts by weight; skips what waits or is held', async () => {
    const con = await at.connect();
    await positions.beginStage(con, 'files', 1, { listing: true });
    await positions.beginStage(con, 'files', 1, { listing: true });
    const listing = (await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease!;
    expect(listing.position).toMatchObject({ role: 'listing', state: 'open', seq: 1 });
    const parts = [part('light', { weight: 1 }), part('heavy', { weight: 9 }), part('waits', { weight: 99 })];
    const moved = await positions.addParts(listing, parts, 'next', { feeds: true });
    expect(moved.position).toMatchObject({ cursor: 'next', seq: 2 });
    const last = await positions.addParts(moved, [part('light')], null, { feeds: true });
    expect(last.position.cursor).toBeUndefined();
    await positions.complete(last, { kinds: ['files'], suspectShare: 0.3 });

    const waits = (await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease!;
    expect(waits.position.part.id).toBe('waits');
    await positions.release(waits, 50_000);
    const heavy = (await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease!;
    const light = (await positions.claim(con, 'sweep', 'files', 1, 'w', 20_000)).lease!;
    expect([heavy.position.part.id, light.position.part.id]).toEqual(['heavy', 'light']);
    const none = await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000);
    expect(none).toMatchObject({ lease: null, open: 3, waiting: { part: { id: 'light' } } });
    expect(none.lease === null && none.inMs).toBeGreaterThan(15_000);

    const problem = { kind: 'unavailable', what: 'torn', who: 'vendor' as const, since: '2026-01-01' };
    await positions.fail(light, 'failed', problem, 40_000);
    await positions.fail(heavy, 'blind', problem);
    const summary = await positions.summary(con, 'sweep', 'files', 1);
    expect(summary).toMatchObject({ total: 3, done: 0, open: 1, failed: 1, blind: 1, trust: 'blind' });
    expect(summary.example).toMatchObject({ failures: 1, failure: problem });
    expect(summary.sizes).toEqual({
      listing: false,
      unestimated: 1,
      openPages: 0,
      complete: 0,
      mean: 0,
      deviation: 0,
    });
    expect(await at.db.collection('positions').countDocuments({ connectionId: con, lane: 'watch' })).toBe(3);
    expect((await positions.list(con, { state: 'failed', limit: 9 })).items.map((item) => item.part.id)).toEqual([
      'light',
    ]);
  });

  it('gives out another part while a frozen transaction locks the first', async () => {
    const con = await at.connect();
    await positions.beginStage(con, 'files', 1, { listing: true });
    const listing = (await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease!;
    await positions.addParts(listing, [part('a'), part('b')], null, { feeds: false });
    const session = at.client.startSession();
    session.startTransaction();
    const locked = { connectionId: con, 'part.id': 'a' };
    await at.db.collection('positions').updateOne(locked, { $set: { write: 'frozen' } }, { session });
    const claim = await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000);
    const none = await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000);
    await session.abortTransaction();
    await session.endSession();
    expect(claim.lease?.position.part.id).toBe('b');
    expect(none).toMatchObject({ lease: null, open: 3, inMs: 5_000 });
    expect((await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease?.position.part.id).toBe('a');
  });

  it('a failed part is due again, and what the app lost begins again', async () => {
    const con = await at.connect();
    let lease = await at.take(con, 1);
    ({ lease } = await positions.commit(lease, { ...group(page([account('a')])), cursor: 'c', checkpoint: 'k' }));
    await positions.fail(lease, 'failed', undefined, 0, 'checkpoint');
    const again = (await positions.claim(con, 'sweep', 'users', 1, 'w', 1_000)).lease!;
    expect(again.position).toMatchObject({ state: 'open', failures: 1, startedAt: null });
    expect(again.position).not.toHaveProperty('cursor');
    expect(again.position).not.toHaveProperty('checkpoint');
    await positions.fail(again, 'failed', undefined);
    expect(await positions.claim(con, 'sweep', 'users', 1, 'w', 1_000)).toMatchObject({ lease: null, open: 0 });
  });

  it('forgets with the cursor what was marked on the way, however that goes, and counts loops as failures', async () => {
    const con = await at.connect();
    const marked = { cursor: 'c', loopMarker: { hash: 'h', power: 4, count: 1, loops: 2 } };
    const reach = async (lease: Lease) => (await positions.commit(lease, { ...group(page([])), ...marked })).lease;
    const claimed = async (scan: number) => (await positions.claim(con, 'sweep', 'users', scan, 'w', 60_000)).lease!;
    const expectForgotten = async (lease: Lease) => {
      expect(await at.position(lease)).not.toHaveProperty('cursor');
      expect(await at.position(lease)).not.toHaveProperty('loopMarker');
    };
    let lease = await reach(await at.take(con, 1));
    expect(lease.position).toMatchObject({ ...marked, failures: 2 });
    ({ lease } = await positions.commit(lease, { ...group(page([])), cursor: null }));
    expect(lease.position.failures).toBe(0);
    await expectForgotten(lease);

    await positions.fail(await reach(lease), 'open', undefined, 0);
    lease = await claimed(1);
    expect(lease.position).toMatchObject({ ...marked, failures: 3 });
    await positions.fail(lease, 'open', undefined, 0, 'cursor');
    await expectForgotten(lease);
    lease = await reach(await claimed(1));
    await positions.complete(lease, { kinds: [], suspectShare: 1 });
    await expectForgotten(lease);

    lease = await reach(await at.take(con, 2));
    await positions.beginStage(con, 'users', 3, { listing: false });
    await expectForgotten(lease);

    await positions.beginStage(con, 'files', 1, { listing: true });
    let listing = (await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease!;
    listing = await positions.addParts(listing, [], 'c', { feeds: false, loopMarker: marked.loopMarker });
    expect(listing.position).toMatchObject(marked);
    await expectForgotten(await positions.addParts(listing, [], null, { feeds: false }));
  });

  it('begins the next scan anew and keeps the trust; counts only listed parts', async () => {
    const con = await at.connect();
    const range = { from: new Date(1), until: new Date(2) };
    await positions.beginStage(con, 'activities', 1, { listing: true, range });
    let listing = (await positions.claim(con, 'sweep', 'activities', 1, 'w', 60_000)).lease!;
    listing = await positions.addParts(listing, [part('p'), part('q')], null, { feeds: false });
    const p = (await positions.claim(con, 'sweep', 'activities', 1, 'w2', 60_000)).lease!;
    expect(p.position).toMatchObject({ part: { id: 'p' }, ...range });
    const { lease } = await positions.commit(p, { ...group(page([])), cursor: 'c', estimate: 7 });
    await positions.fail(lease, 'blind', undefined);
    const before = await at.position(listing);
    await positions.beginStage(con, 'activities', 1, { listing: true });
    expect(await at.position(listing)).toEqual(before);

    await positions.beginStage(con, 'activities', 2, { listing: true });
    listing = (await positions.claim(con, 'sweep', 'activities', 2, 'w', 60_000)).lease!;
    await positions.addParts(listing, [part('p', { title: 'new name' })], null, { feeds: false });
    const next = (await positions.claim(con, 'sweep', 'activities', 2, 'w', 60_000)).lease!;
    expect(next.position).toMatchObject({
      scan: 2,
      trust: 'blind',
      failures: 0,
      startedAt: null,
      part: { title: 'new name' },
      counts: { pages: 0 },
    });
    expect(next.position).not.toHaveProperty('cursor');
    expect(next.position).not.toHaveProperty('from');
    expect(await positions.summary(con, 'sweep', 'activities', 2)).toMatchObject({ total: 2, open: 2 });
  });

  it('gives out feeds once a round, or one of them at any time', async () => {
    const con = await at.connect();
    await positions.ensureFeed(con, 'users', part(''));
    await positions.ensureFeed(con, 'users', part(''));
    await positions.ensureFeed(con, 'files', part(''));
    await positions.ensureFeed(con, 'pending', part(''));
    const one = (await positions.claimFeed(con, 5, 'w', 60_000)).lease!;
    expect(await positions.lookedAt(con)).toBeNull();
    await positions.completeRound(one, 5);
    const { finishedAt } = (await positions.feed(con, one.position.stage as 'users', ''))!;
    expect(await positions.lookedAt(con)).toEqual(finishedAt);
    expect(finishedAt).toBeInstanceOf(Date);
    const two = (await positions.claimFeed(con, 5, 'w', 60_000)).lease!;
    expect(two.position._id).not.toBe(one.position._id);
    await positions.completeRound(two, 5);
    expect(await positions.claimFeed(con, 5, 'w', 60_000)).toMatchObject({ lease: null });
    const users = { stage: 'users' as const, partId: '' };
    const only = (await positions.claimFeed(con, 5, 'w', 60_000, users)).lease!;
    expect(only.position.stage).toBe('users');
    const { lease } = await positions.commit(only, { ...group(page([])), checkpoint: 'k' });
    await positions.renew(only, 90_000);
    expect(await positions.feed(con, 'users', '')).toMatchObject({ checkpoint: 'k', seq: lease.position.seq });
    expect(await positions.claimFeed(con, 5, 'other', 60_000, users)).toMatchObject({ lease: null });
    await positions.release(lease);
    expect(await positions.claimFeed(con, 5, 'w', 60_000, { stage: 'pending', partId: '' })).toHaveProperty(
      'lease.position.stage',
      'pending',
    );
  });

  it('gives a feed up with the last page of its round, whatever that brought', async () => {
    const con = await at.connect();
    await positions.ensureFeed(con, 'users', part(''));
    for (const [round, records] of [[], [account('a')]].entries()) {
      const { lease } = await positions.claimFeed(con, round + 1, 'w', 60_000);
      const write = { ...group(page(records)), checkpoint: `after ${round}`, round: round + 1 };
      const first = await positions.commit(lease!, write);
      expect(first.counts).toMatchObject({ pages: 1, added: records.length });
      expect(await positions.commit(lease!, write)).toEqual(first);
      await expect(positions.commit(lease!, { ...write })).rejects.toThrow(LeaseLost);
      expect(await at.position(lease!)).toMatchObject({
        checkpoint: `after ${round}`,
        scan: round + 1,
        state: 'open',
        holder: null,
        leaseUntil: null,
        finishedAt: write.pages[0]!.observedAt,
        counts: { pages: round + 1 },
      });
      expect(await positions.claimFeed(con, round + 1, 'w', 60_000)).toMatchObject({ lease: null });
    }
    expect(await at.row('accounts', con, 'a')).toMatchObject({ vendorId: 'a' });
  });
});
