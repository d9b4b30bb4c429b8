import { expect, test } from 'vitest';
import { connectionId, done, prepared, useActions } from '../test/support/use-actions.ts';

const { clock, actions, requested, step, stateOf } = useActions();

test('the backlog tells of each connection what waits, since when, and when anything moved', async () => {
  const first = await requested('a');
  await requested('b');
  const planned = await requested('c', { mode: 'plan' });
  await step(planned._id, { ...prepared, state: 'planned' });
  const finished = await requested('d');
  await step(finished._id, ...done);
  await requested('a', { connectionId: 'con_b' });
  const backlog = (await actions.backlog()).toSorted((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
  expect(backlog).toMatchObject([
    { connectionId, waiting: 2, oldest: first._id, since: first.createdAt, heldUntil: null },
    { connectionId: 'con_b', waiting: 1 },
  ]);

  clock.ms += 500;
  const lease = (await actions.claim(first._id, 'worker', 1_000))!;
  expect((await actions.backlog()).find((each) => each.connectionId === connectionId)).toMatchObject({
    waiting: 1,
    heldUntil: lease.action.leaseUntil,
  });
  clock.ms += 1_000;
  expect((await actions.backlog()).find((each) => each.connectionId === connectionId)).toMatchObject({ waiting: 2 });
});

test('an accepted plan and an undo that was asked for wait too', async () => {
  const plan = await requested('a', { mode: 'plan' });
  await step(plan._id, { ...prepared, state: 'planned' });
  expect(await actions.backlog()).toEqual([]);
  clock.ms += 5;
  await actions.acceptPlan(plan._id, 'key_b');
  expect(await actions.backlog()).toMatchObject([{ oldest: plan._id, since: clock.now() }]);
  await actions.cancel(plan._id, 'key_b');
  const undone = await requested('b');
  await step(undone._id, ...done);
  expect(await actions.backlog()).toEqual([]);
  await actions.requestUndo(undone._id, { by: 'key_b', reason: 'mistake', accept: false });
  clock.ms += 3_600_000;
  expect(await actions.backlog()).toMatchObject([{ waiting: 1, oldest: undone._id }]);
});

test('what was begun waits too, when who had it was not heard of for a minute', async () => {
  const begun = await requested('a');
  await step(begun._id, prepared, { state: 'applying' });
  clock.ms += 120_000;
  // Let go of: its lane has it in hand, as while the app is still at it.
  expect(await actions.backlog()).toEqual([]);
  const since = clock.now();
  const lease = (await actions.claim(begun._id, 'a worker that dies', 1_000))!;
  clock.ms += 61_000;
  expect(await actions.backlog()).toEqual([]);
  clock.ms += 1;
  expect(await actions.backlog()).toMatchObject([
    {
      waiting: 1,
      oldest: begun._id,
      since: lease.action.history.at(-1)!.at,
      heldUntil: new Date(since.getTime() + 1_000),
    },
  ]);
});

test('what is past its time is expired in every connection, and no longer waits', async () => {
  const late = await requested('a');
  const other = await requested('a', { connectionId: 'con_b' });
  const kept = await requested('b', { expiresInMs: 3_600_000 });
  clock.ms += 60_000;
  expect((await actions.backlog()).map((each) => each.oldest)).toEqual([kept._id]);
  expect((await actions.expireOverdue()).toSorted((a, b) => (a.connectionId < b.connectionId ? -1 : 1))).toEqual([
    { connectionId, expired: 1 },
    { connectionId: 'con_b', expired: 1 },
  ]);
  expect(await Promise.all([late, other, kept].map(({ _id }) => stateOf(_id)))).toEqual([
    'expired',
    'expired',
    'requested',
  ]);
  expect(await actions.expireOverdue()).toEqual([]);
});
