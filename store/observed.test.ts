import { describe, expect, it } from 'vitest';
import type { AppPermissionRecord } from '../connectors/records.ts';
import { account, group, later, page, useOpenPositions } from '../test/support/open-positions.ts';
import { mergeObserved } from './observed.ts';

const at = useOpenPositions();
const { positions } = at;
const day = 86_400_000;
const now = Math.floor(Date.now() / 1000) * 1000;
const days = (ago: number) => new Date(now - ago * day);

function token(ago: number, more: Partial<AppPermissionRecord> = {}): AppPermissionRecord {
  const when = days(ago);
  return {
    kind: 'appPermissions',
    vendorId: 'token:u:app',
    accountId: 'u',
    appId: 'app',
    type: 'grant',
    scopes: [],
    status: 'observed',
    issuedAt: when,
    lastUsedAt: when,
    expiresAt: days(ago - 60),
    changedAt: when,
    raw: { ago },
    ...more,
  };
}
const revoked = (ago: number) => token(ago, { status: 'revoked', issuedAt: undefined, lastUsedAt: undefined });
const observed = (...records: AppPermissionRecord[]) => ({ ...page([]), observed: records });
async function follow(con: string) {
  await positions.ensureFeed(con, 'activities', { id: '', title: '' });
  const claim = await positions.claimFeed(con, 1, 'watcher', 60_000, { stage: 'activities', partId: '' });
  return claim.lease!;
}
const row = (con: string) => at.row('appPermissions', con, 'token:u:app');
const sweepPermissions = async (con: string, scan: number) => {
  const lease = await at.take(con, scan, 'sweeper', 'permissions');
  const { lease: read } = await positions.commit(lease, { ...group(page([])), cursor: null });
  return positions.complete(read, { kinds: ['appPermissions'], suspectShare: 1, lookup: async () => [] });
};

describe('what only events tell of', () => {
  it('is the same in whatever order they come, and when they come again', async () => {
    const words = [token(40), token(10), revoked(10), token(3)];
    const orders = words.flatMap((_, from) => [
      [...words.slice(from), ...words.slice(0, from)],
      [...words.slice(from), ...words.slice(0, from)].reverse(),
    ]);
    for (const order of orders) {
      const merged = [...order, ...order].reduce(mergeObserved);
      expect(merged).toEqual({ ...token(3), issuedAt: days(40) });
    }
    expect([token(10), revoked(10)].reduce(mergeObserved).status).toBe('revoked');
    expect([revoked(10), token(10)].reduce(mergeObserved).status).toBe('revoked');

    const con = await at.connect();
    const first = await positions.commit(await follow(con), group(observed(token(10), token(3)), observed(token(40))));
    expect(first.counts).toMatchObject({ added: 1, changed: 0 });
    const second = await positions.commit(first.lease, group(observed(token(3)), observed(revoked(10))));
    expect(second.counts).toMatchObject({ added: 0, changed: 0, unchanged: 1 });
    expect(await row(con)).toMatchObject({
      part: 'observed',
      status: 'observed',
      issuedAt: days(40),
      lastUsedAt: days(3),
      expiresAt: days(-57),
    });
    await positions.commit(second.lease, group(observed(revoked(1))));
    expect(await row(con)).toMatchObject({ status: 'revoked', lastUsedAt: days(3), raw: { ago: 1 } });
  });

  it('stays when sweeps of the permissions miss it, and goes when it has run out', async () => {
    const con = await at.connect();
    const old = token(61, { vendorId: 'token:u:old', expiresAt: days(1) });
    await positions.commit(await follow(con), group(observed(token(3), old)));
    for (const scan of [1, 2, 3]) await sweepPermissions(con, scan);
    expect((await row(con))!.removedAt).toBeUndefined();
    expect((await row(con))!.missingSince).toBeUndefined();
    expect((await at.row('appPermissions', con, 'token:u:old'))!.removedAt).toBeInstanceOf(Date);
  });

  it('stays where the stage has parts, of which it is none', async () => {
    const con = await at.connect();
    await positions.commit(await follow(con), group(observed(token(3))));
    for (const scan of [1, 2, 3]) {
      await positions.beginStage(con, 'permissions', scan, { listing: true });
      const { lease } = await positions.claim(con, 'sweep', 'permissions', scan, 'sweeper', 60_000);
      const listed = await positions.addParts(lease!, [{ id: 'grants', title: '' }], null, { feeds: false });
      await positions.complete(listed, { kinds: ['appPermissions'], suspectShare: 1 });
    }
    expect((await row(con))!.removedAt).toBeUndefined();
    expect((await row(con))!.missingSince).toBeUndefined();
  });

  it('comes back by an event of after it had run out, and by none of before', async () => {
    const con = await at.connect();
    const lease = await follow(con);
    const first = await positions.commit(lease, group(observed(token(61, { expiresAt: days(1) }))));
    await sweepPermissions(con, 1);
    const second = await positions.commit(first.lease, group(observed(token(50))));
    expect((await row(con))!.removedAt).toBeInstanceOf(Date);
    await positions.commit(second.lease, group(observed(token(-1))));
    expect(await row(con)).toMatchObject({ issuedAt: days(-1), status: 'observed' });
    expect((await row(con))!.removedAt).toBeUndefined();
  });

  it('is not brought back by what happened before its account was found gone', async () => {
    const con = await at.connect();
    const users = await at.take(con, 1);
    const there = await positions.commit(users, group(page([account('u')])));
    await positions.commit(there.lease, group(page([], later(), [{ kind: 'accounts', vendorId: 'u' }])));
    const first = await positions.commit(await follow(con), group(observed(token(3))));
    expect([first.counts.added, await row(con)]).toEqual([0, null]);
  });

  it('says nothing of what a list shows', async () => {
    const con = await at.connect();
    const listed = token(9, { status: 'active', raw: 'listed' });
    await positions.commit(await at.take(con, 1, 'sweeper', 'permissions'), group(page([listed])));
    await positions.commit(await follow(con), group(observed(revoked(1))));
    expect(await row(con)).toMatchObject({ status: 'active', part: '' });
  });
});
