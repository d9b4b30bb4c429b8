import { describe, expect, test } from 'vitest';
import { connectionId, done, prepared, suspend, useActions } from '../test/support/use-actions.ts';
import { LeaseLost } from './lease-lost.ts';
import { BadCursor } from './paging.ts';

const { db, clock, actions, requested, step, runnable, examinedBy } = useActions();

describe('asking', () => {
  test('the same idempotency key answers the first, also at once, a connection each', async () => {
    const all = await Promise.all([1, 2, 3].map(() => actions.request(suspend('u1', { idempotencyKey: 'k' }))));
    expect(all.filter((each) => each.created)).toHaveLength(1);
    expect(new Set(all.map((each) => each.action._id)).size).toBe(1);
    expect((await actions.request(suspend('u1', { idempotencyKey: 'k', connectionId: 'con_b' }))).created).toBe(true);
    expect((await actions.request(suspend('u1'))).created).toBe(true);
    expect((await actions.request(suspend('u1'))).created).toBe(true);
  });

  test('a list pages newest first and filters', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.unshift((await requested(`u${n}`))._id);
    // Three of one millisecond, across the end of a page.
    const same = await Promise.all([1, 2, 3].map(() => actions.request(suspend('u9'))));
    const before = ids.shift()!;
    ids.unshift(...[before, ...same.map((each) => each.action._id)].sort().reverse());
    const other = await requested('u1', { connectionId: 'con_b', action: 'revokeSessions' });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await actions.list({ connectionId, limit: 2, cursor });
      seen.push(...page.items.map((each) => each._id));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
    const idsOf = async (query: object) => (await actions.list({ limit: 9, ...query })).items.map((each) => each._id);
    expect(await idsOf({ action: 'revokeSessions' })).toEqual([other._id]);
    expect(await idsOf({ connectionIds: ['con_b'] })).toEqual([other._id]);
    expect(await idsOf({ connectionId, connectionIds: ['con_b'] })).toEqual([]);
    expect(await idsOf({ state: 'done' })).toEqual([]);
    expect(await idsOf({ state: { $gt: '' } })).toEqual([]);
    await expect(actions.list({ limit: 2, cursor: 'nonsense' })).rejects.toThrow(BadCursor);
  });
});

describe('order', () => {
  test('oldest first, one a target, and the next only when the one before is finished', async () => {
    const a1 = await requested('a');
    const b1 = await requested('b');
    const a2 = await requested('a', { action: 'unsuspendUser' });
    expect(await runnable()).toEqual([a1._id, b1._id]);
    expect(await runnable([], 1)).toEqual([a1._id]);
    expect(await runnable([a1._id])).toEqual([b1._id]);
    await step(a1._id, prepared);
    expect(await runnable()).toEqual([a1._id, b1._id]);
    await step(a1._id, ...done.slice(1));
    expect(await runnable()).toEqual([b1._id, a2._id]);
  });

  test('a target whose members come in another order is the same', async () => {
    const one = await requested('x', { action: 'removeFromGroup', target: { groupId: 'g', accountId: 'x' } });
    const two = await requested('x', { action: 'removeFromGroup', target: { accountId: 'x', groupId: 'g' } });
    expect(two.targetKey).toBe(one.targetKey);
    expect(await runnable()).toEqual([one._id]);
  });

  test('what another holder works on is not runnable until its lease ends', async () => {
    const { _id } = await requested('a');
    await requested('a');
    await actions.claim(_id, 'worker', 1000);
    expect(await runnable()).toEqual([]);
    expect(await actions.waiting(connectionId)).toBe(false);
    expect((await actions.runnable(connectionId, { running: [], limit: 9, held: true })).map((one) => one._id)).toEqual(
      [_id],
    );
    expect(await actions.runnable(connectionId, { running: [_id], limit: 9, held: true })).toEqual([]);
    clock.ms += 1000;
    expect(await runnable()).toEqual([_id]);
    expect(await actions.waiting(connectionId)).toBe(true);
  });

  test('what has begun in the app goes before an older one that comes back', async () => {
    const old = await requested('a');
    await step(old._id, ...done);
    const young = await requested('a', { action: 'unsuspendUser' });
    await step(young._id, prepared, { state: 'applying' }, { state: 'pending', pendingHandle: 'h' });
    clock.ms += 1;
    await actions.requestUndo(old._id, { by: 'key_a', reason: 'mistake', accept: false });
    expect(await runnable()).toEqual([young._id]);
    await step(young._id, { state: 'done', after: {} });
    expect(await runnable()).toEqual([old._id]);
  });

  test('nor before an older plan that is accepted late', async () => {
    const plan = await requested('a', { mode: 'plan' });
    await step(plan._id, { ...prepared, state: 'planned' });
    const young = await requested('a');
    await step(young._id, prepared, { state: 'applying' });
    await actions.acceptPlan(plan._id, 'key_b');
    expect(await runnable()).toEqual([young._id]);
    expect(await runnable([young._id])).toEqual([]);
  });

  test('what somebody works on keeps its target, also before it has begun', async () => {
    const plan = await requested('a', { mode: 'plan' });
    await step(plan._id, { ...prepared, state: 'planned' });
    const young = await requested('a');
    await actions.claim(young._id, 'worker', 1000);
    await actions.acceptPlan(plan._id, 'key_b');
    expect(await runnable()).toEqual([]);
    clock.ms += 1000;
    expect(await runnable([young._id])).toEqual([]);
    expect(await runnable()).toEqual([plan._id]);
  });

  test('an undo comes after what was asked for before it', async () => {
    const old = await requested('a');
    await step(old._id, ...done);
    const young = await requested('a', { action: 'unsuspendUser' });
    clock.ms += 1;
    await actions.requestUndo(old._id, { by: 'key_a', reason: 'mistake', accept: false });
    expect(await runnable()).toEqual([young._id]);
  });

  test('among thousands only the oldest are compared, and an undo still comes after what was asked for before it', async () => {
    const old = await requested('last');
    await step(old._id, ...done);
    const first = await requested('a');
    const more = Array.from({ length: 5_000 }, (_, at) => ({
      ...first,
      _id: `more-${at}`,
      createdAt: new Date(clock.ms + at),
    }));
    await db.collection<{ _id: string }>('actions').insertMany(more);
    clock.ms += more.length;
    const young = await requested('last', { action: 'unsuspendUser' });
    clock.ms += 1;
    await actions.requestUndo(old._id, { by: 'key_a', reason: 'mistake', accept: false });
    const examined = await examinedBy(async () => expect(await runnable()).toEqual([first._id]));
    expect(examined.docs).toBeLessThan(1_100);

    await db.collection<{ _id: string }>('actions').deleteMany({ _id: /^more-/ as never });
    expect(await runnable()).toEqual([first._id, young._id]);
  });

  test('a plan that nobody accepted holds nothing up', async () => {
    const plan = await requested('a', { mode: 'plan' });
    await step(plan._id, { ...prepared, state: 'planned' });
    const next = await requested('a');
    expect(await runnable()).toEqual([next._id]);
  });
});

describe('expiry', () => {
  test('marks what nobody applied in time, with its history', async () => {
    const { _id } = await requested('a', { expiresInMs: 1000 });
    const other = await requested('a');
    clock.ms += 1000;
    expect(await actions.waiting(connectionId)).toBe(true);
    expect(await runnable()).toEqual([other._id]);
    expect(await actions.get(_id)).toMatchObject({ state: 'expired', finishedAt: clock.now(), seq: 1 });
    expect((await actions.get(_id))!.history.map((each) => each.state)).toEqual(['requested', 'expired']);
  });

  test('fences off the step that was about to apply it', async () => {
    const { _id } = await requested('a', { expiresInMs: 1000 });
    await step(_id, prepared);
    const lease = (await actions.claim(_id, 'worker', 60_000))!;
    clock.ms += 1000;
    expect(await runnable()).toEqual([]);
    await expect(actions.write(lease, { state: 'applying' })).rejects.toThrow(LeaseLost);
    expect(await actions.claim(_id, 'worker', 1000)).toBeNull();
  });

  test('comes too late once apply has begun', async () => {
    const { _id } = await requested('a', { expiresInMs: 1000 });
    await step(_id, prepared, { state: 'applying' });
    clock.ms += 5000;
    expect(await runnable()).toEqual([_id]);
  });

  test('an overdue one waits for nobody and cannot be claimed, even before it is marked', async () => {
    const { _id } = await requested('a', { expiresInMs: 1000 });
    expect(await actions.waiting(connectionId)).toBe(true);
    clock.ms += 1000;
    expect(await actions.waiting(connectionId)).toBe(false);
    expect(await actions.claim(_id, 'worker', 1000)).toBeNull();
  });
});

describe('a lease', () => {
  test('is one at a time, until it runs out', async () => {
    const { _id } = await requested('a');
    const first = (await actions.claim(_id, 'one', 1000))!;
    expect(await actions.claim(_id, 'two', 1000)).toBeNull();
    await actions.renew(first, 5000);
    clock.ms += 4000;
    expect(await actions.claim(_id, 'two', 1000)).toBeNull();
    clock.ms += 1000;
    const second = (await actions.claim(_id, 'two', 1000))!;
    await expect(actions.write(first, prepared)).rejects.toThrow(LeaseLost);
    await expect(actions.renew(first, 1000)).rejects.toThrow(LeaseLost);
    await actions.release(first);
    expect(await actions.get(_id)).toMatchObject({ holder: 'two', state: 'requested' });
    await actions.write(second, prepared);
  });

  test('of before a write still heartbeats, but writes no more', async () => {
    const { _id } = await requested('a');
    const first = (await actions.claim(_id, 'one', 1000))!;
    const second = await actions.write(first, prepared);
    await actions.renew(first, 9000);
    expect((await actions.get(_id))!.leaseUntil).toEqual(new Date(clock.ms + 9000));
    await expect(actions.write(first, { note: 'late' })).rejects.toThrow(LeaseLost);
    await actions.write(second, { state: 'applying' });
  });

  test('is taken again by the same holder, whose earlier try is fenced off', async () => {
    const { _id } = await requested('a');
    const first = (await actions.claim(_id, 'one', 1000))!;
    expect(await actions.claim(_id, 'one', 1000)).not.toBeNull();
    await expect(actions.write(first, { ...prepared, touches: [{ kind: 'accounts', vendorId: 'a' }] })).rejects.toThrow(
      LeaseLost,
    );
    expect(await db.collection('pending').countDocuments()).toBe(0);
  });
});
