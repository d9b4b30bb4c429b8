import { describe, expect, it } from 'vitest';
import type { AnyRecord } from '../connectors/records.ts';
import { account, group, later, page, useOpenPositions } from '../test/support/open-positions.ts';
import { inTransaction } from './in-transaction.ts';
import type { Lease } from './positions-interface.ts';
import { createSpreads } from './spreads.ts';

const at = useOpenPositions();
const { positions } = at;
const spreads = createSpreads(at.db, at.client, { now: () => new Date() }, positions, { rowsAtOnce: 2 });
const work = (connectionId: string, goOn = () => true) =>
  spreads.work(connectionId, { holder: 'spreader', leaseMs: 60_000, goOn });

async function follow(connectionId: string): Promise<Lease> {
  await positions.ensureFeed(connectionId, 'users', { id: '', title: '' });
  const claim = await positions.claimFeed(connectionId, 1, 'watcher', 60_000, { stage: 'users', partId: '' });
  if (!claim.lease) throw new Error('nothing to follow');
  return claim.lease;
}

describe('what belonged to who is gone', () => {
  const member = (groupId: string, accountId: string): AnyRecord => ({
    kind: 'memberships',
    vendorId: `${groupId}:${accountId}`,
    groupId,
    accountId,
    raw: {},
  });
  const role = (holderKind: 'accounts' | 'groups', holderId: string): AnyRecord => ({
    kind: 'privileges',
    vendorId: `${holderKind}:${holderId}`,
    holderKind,
    holderId,
    name: 'ADMIN',
    admin: true,
    origin: 'direct',
    raw: {},
  });
  const permission = (accountId: string): AnyRecord => ({
    kind: 'appPermissions',
    vendorId: `token of ${accountId}`,
    accountId,
    appId: 'app',
    type: 'grant',
    scopes: [],
    status: 'active',
    raw: {},
  });
  const ofGroup: AnyRecord = { kind: 'groups', vendorId: 'u1', name: 'of the same id', type: 'normal', raw: {} };
  const all = () => [
    account('u1'),
    account('u2'),
    ofGroup,
    ...['g1', 'g2', 'g3'].flatMap((id) => [member(id, 'u1'), member(id, 'u2')]),
    member('u1', 'u2'),
    role('accounts', 'u1'),
    role('accounts', 'u2'),
    role('groups', 'u1'),
    permission('u1'),
    permission('u2'),
  ];
  const present = async (connectionId: string) => {
    const rows = await Promise.all(
      (['memberships', 'privileges', 'appPermissions'] as const).map((kind) =>
        at.db
          .collection(kind)
          .find({ connectionId, removedAt: { $exists: false } })
          .toArray(),
      ),
    );
    return rows
      .flat()
      .map(({ vendorId }) => String(vendorId))
      .sort();
  };
  const ofOthers = ['accounts:u2', 'g1:u2', 'g2:u2', 'g3:u2', 'groups:u1', 'token of u2', 'u1:u2'];
  const ofU1 = ['accounts:u1', 'g1:u1', 'g2:u1', 'g3:u1', 'token of u1'];
  const gone = (kind: 'accounts' | 'groups', vendorId: string, observedAt = later()) =>
    group(page([], observedAt, [{ kind, vendorId }]));

  it('goes with an account, in groups, and with a group of the same id only what was its own', async () => {
    const con = await at.connect();
    let { lease } = await positions.commit(await at.take(con, 1), group(page(all())));
    ({ lease } = await positions.commit(lease, gone('accounts', 'u1')));
    expect(await spreads.waiting(con)).toEqual({ count: 0 });
    // The barrier and one group of two; another goes on from there.
    let steps = 0;
    await work(con, () => (steps += 1) <= 2);
    expect(await present(con)).toHaveLength(10);
    await work(con);
    expect(await present(con)).toEqual(ofOthers);
    await positions.commit(lease, gone('groups', 'u1'));
    await work(con);
    expect(await present(con)).toEqual(ofOthers.filter((id) => !['groups:u1', 'u1:u2'].includes(id)));
  });

  it('goes with the group that it is a right over, and does not come by a page that was asked for before', async () => {
    const con = await at.connect();
    const over = (groupId: string, accountId: string): AnyRecord =>
      ({ ...role('accounts', accountId), vendorId: `${groupId} admin ${accountId}`, groupId }) as AnyRecord;
    const before = later();
    const rows = [account('u1'), ofGroup, over('u1', 'u2'), over('g1', 'u1')];
    let { lease } = await positions.commit(await at.take(con, 1), group(page(rows, before)));
    ({ lease } = await positions.commit(lease, gone('groups', 'u1')));
    await work(con);
    expect(await present(con)).toEqual(['g1 admin u1']);
    await positions.commit(lease, group(page([over('u1', 'u2'), over('u1', 'u3')], before)));
    await work(con);
    expect(await present(con)).toEqual(['g1 admin u1']);
  });

  it('does not come by a page that was asked for before, and does by one that was asked for after', async () => {
    const con = await at.connect();
    const before = later();
    const first = page([account('u1'), member('g0', 'never seen')], before);
    let { lease } = await positions.commit(await at.take(con, 1), group(first));
    ({ lease } = await positions.commit(lease, gone('accounts', 'u1')));
    ({ lease } = await positions.commit(lease, gone('accounts', 'never seen')));
    ({ lease } = await positions.commit(
      lease,
      group(page([member('g', 'u1'), member('g', 'never seen'), permission('u1'), member('g', 'u2')], before)),
    ));
    expect(await present(con)).toEqual(['g0:never seen', 'g:u2']);
    await positions.commit(lease, group(page([member('g', 'u1')])));
    await work(con);
    expect(await present(con)).toEqual(['g:u1', 'g:u2']);
  });

  it('goes too when it is written while its account is found gone', async () => {
    const con = await at.connect();
    const { lease } = await positions.commit(await at.take(con, 1), group(page([account('u1')])));
    const row = { connectionId: con, kind: 'memberships', vendorId: 'g:u1', groupId: 'g', accountId: 'u1', hash: 'x' };
    await inTransaction(at.client, async (session) => {
      // Neither sees the other.
      await at.db
        .collection<{ _id: string }>('memberships')
        .insertOne({ _id: `${con}/g:u1`, ...row, observedAt: later() } as never, { session });
      await positions.commit(lease, gone('accounts', 'u1'));
    });
    expect(await present(con)).toEqual(['g:u1']);
    await work(con);
    expect(await present(con)).toEqual([]);
  });

  it('is looked at again when a look finds that the account is there after all', async () => {
    const con = await at.connect();
    await positions.commit(await at.take(con, 1), group(page(all())));
    const feed = await follow(con);
    const { lease } = await positions.commit(feed, gone('accounts', 'u1'));
    await work(con);
    const back = group(page([account('u1')]));
    await positions.commit(lease, back);
    const waiting = await at.pending.take(con, 100);
    expect(waiting.map(({ vendorId }) => vendorId).sort()).toEqual(ofU1);
    // Found gone and back before anything was done of it: nothing goes.
    const soon = await at.connect();
    await positions.commit(await at.take(soon, 1), group(page(all())));
    const watcher = await follow(soon);
    const { lease: next } = await positions.commit(watcher, gone('accounts', 'u1'));
    await positions.commit(next, group(page([account('u1')])));
    await work(soon);
    expect(await present(soon)).toEqual([...ofOthers, ...ofU1].sort());
  });
});
