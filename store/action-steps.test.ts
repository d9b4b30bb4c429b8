import { describe, expect, test } from 'vitest';
import { connectionId, done, prepared, useActions } from '../test/support/use-actions.ts';
import type { PendingDocument } from './documents.ts';
import { LeaseLost } from './lease-lost.ts';
import type { ActionChange } from './actions-interface.ts';

const { db, clock, actions, requested, step, runnable, stateOf } = useActions();

describe('a step', () => {
  test('leaves its history and the time it finished', async () => {
    const { _id } = await requested('a');
    await step(_id, prepared, { state: 'applying', note: 'writing' }, { state: 'done', after: {}, verified: true });
    const action = (await actions.get(_id))!;
    expect(action.history.map(({ state, note }) => note ?? state)).toEqual([
      'requested',
      'prepared',
      'writing',
      'done',
    ]);
    expect(action).toMatchObject({ verified: true, finishedAt: clock.now(), holder: null });
  });

  test.each<[string, ActionChange]>([
    ['before', { before: { status: 'OTHER' } }],
    ['plan', { plan: ['something else'] }],
  ])('never changes a stored `%s`', async (_field, change) => {
    const { _id } = await requested('a');
    await step(_id, prepared);
    const lease = (await actions.claim(_id, 'worker', 1000))!;
    await expect(actions.write(lease, change)).rejects.toThrow(/stored already/);
    await actions.write(lease, { before: { status: 'ACTIVE' }, plan: ['suspend'] });
    expect(await actions.get(_id)).toMatchObject({ before: { status: 'ACTIVE' }, plan: ['suspend'] });
  });

  test('does not apply without a stored `before`, nor from where no step leads', async () => {
    const { _id } = await requested('a');
    const lease = (await actions.claim(_id, 'worker', 1000))!;
    await expect(actions.write(lease, { state: 'applying' })).rejects.toThrow(/cannot go from requested to applying/);
    await expect(actions.write(lease, { state: 'done' })).rejects.toThrow(/without a stored/);
    const over = await actions.write(lease, { state: 'failed' });
    await expect(actions.write(over, { state: 'requested' })).rejects.toThrow(/cannot go/);
    expect(await actions.claim(_id, 'worker', 1000)).toBeNull();
  });

  test('puts what it touched into `pending`, or nothing of both', async () => {
    const { _id } = await requested('a');
    const lease = (await actions.claim(_id, 'worker', 1000))!;
    const touches = [{ kind: 'accounts', vendorId: 'a' }] as const;
    await actions.write(lease, { ...prepared, touches });
    const pending = db.collection<PendingDocument>('pending');
    expect(await pending.findOne()).toMatchObject({ _id: 'con_a/accounts/a', connectionId, tries: 0, notBefore: null });
    expect(await stateOf(_id)).toBe('prepared');
    await pending.deleteMany({});
    await expect(actions.write(lease, { ...prepared, touches })).rejects.toThrow(LeaseLost);
    expect(await pending.countDocuments()).toBe(0);
  });
});

test('a step whose touches cannot be kept is not written either', async () => {
  await db.command({ collMod: 'pending', validator: { vendorId: { $ne: 'refused' } } });
  const { _id } = await requested('a');
  const lease = (await actions.claim(_id, 'worker', 1000))!;
  const touches = [{ kind: 'accounts', vendorId: 'refused' }] as const;
  await expect(actions.write(lease, { ...prepared, touches })).rejects.toThrow(/validation/);
  expect(await actions.get(_id)).toMatchObject({ state: 'requested', seq: lease.action.seq });
  await db.command({ collMod: 'pending', validator: {} });
});

describe('cancelling', () => {
  test('works until apply starts, and fences off who prepares', async () => {
    const { _id } = await requested('a');
    const lease = (await actions.claim(_id, 'worker', 1000))!;
    expect(await actions.cancel(_id, 'key_b')).toMatchObject({
      state: 'cancelled',
      holder: null,
      seq: lease.action.seq + 1,
    });
    await expect(actions.write(lease, prepared)).rejects.toThrow(LeaseLost);
    expect((await actions.get(_id))!.history.at(-1)).toMatchObject({ state: 'cancelled', note: 'cancelled by key_b' });
  });

  test('is too late afterwards', async () => {
    const { _id } = await requested('a');
    await step(_id, prepared, { state: 'applying' });
    expect(await actions.cancel(_id, 'key_b')).toBeNull();
    expect(await stateOf(_id)).toBe('applying');
    expect(await actions.cancel('act_unknown', 'key_b')).toBeNull();
  });

  test('against a step that starts to apply: one of them wins', async () => {
    for (let n = 0; n < 10; n += 1) {
      const { _id } = await requested(`u${n}`);
      await step(_id, prepared);
      const lease = (await actions.claim(_id, 'worker', 1000))!;
      const [cancelled, applying] = await Promise.allSettled([
        actions.cancel(_id, 'key_b'),
        actions.write(lease, { state: 'applying' }),
      ]);
      const wasCancelled = cancelled.status === 'fulfilled' && cancelled.value !== null;
      expect(wasCancelled).toBe(applying.status === 'rejected');
      expect(await stateOf(_id)).toBe(wasCancelled ? 'cancelled' : 'applying');
    }
  });
});

describe('a plan', () => {
  test('becomes an action when it is accepted in time', async () => {
    const { _id } = await requested('a', { mode: 'plan', expiresInMs: 1000 });
    expect(await actions.acceptPlan(_id, 'key_b')).toBeNull();
    await step(_id, { ...prepared, state: 'planned' });
    expect(await runnable()).toEqual([]);
    expect(await actions.acceptPlan(_id, 'key_b')).toMatchObject({ state: 'prepared', mode: 'apply' });
    expect(await actions.acceptPlan(_id, 'key_b')).toBeNull();
    expect(await runnable()).toEqual([_id]);
  });

  test('is not accepted when it is overdue', async () => {
    const { _id } = await requested('a', { mode: 'plan', expiresInMs: 1000 });
    await step(_id, { ...prepared, state: 'planned' });
    clock.ms += 1000;
    expect(await actions.acceptPlan(_id, 'key_b')).toBeNull();
    await runnable();
    expect(await stateOf(_id)).toBe('expired');
  });
});

describe('an undo', () => {
  const undo = { by: 'key_b', reason: 'mistake', accept: false };

  test('is asked for only when it is done', async () => {
    const { _id } = await requested('a');
    expect(await actions.requestUndo(_id, undo)).toBeNull();
    await step(_id, ...done);
    const asked = (await actions.requestUndo(_id, undo))!;
    expect(asked).toMatchObject({ state: 'undoRequested', undo: { requestedBy: 'key_b', accepted: false } });
    expect(asked).not.toHaveProperty('finishedAt');
    expect(await actions.requestUndo(_id, undo)).toBeNull();
    expect(await runnable()).toEqual([_id]);
    await step(_id, { state: 'undoing' }, { state: 'undone' });
    expect(await actions.get(_id)).toMatchObject({ state: 'undone', finishedAt: clock.now() });
  });

  test('that needs acceptance waits for it, and keeps the plan that was accepted', async () => {
    const { _id } = await requested('a');
    await step(_id, ...done);
    const { undo: first } = (await actions.requestUndo(_id, undo))!;
    await step(_id, { state: 'undoNeedsAcceptance', undo: { ...first!, plan: ['would reactivate'] } });
    expect(await runnable()).toEqual([]);
    expect(await actions.requestUndo(_id, undo)).toBeNull();
    expect(await actions.requestUndo(_id, { ...undo, accept: true })).toMatchObject({
      state: 'undoRequested',
      undo: { accepted: true, plan: ['would reactivate'], requestedBy: 'key_b' },
    });
  });
});
