import { beforeEach, describe, expect, test } from 'vitest';
import { connectionId, done, prepared, useActions } from '../test/support/use-actions.ts';
import { batchIndexes } from './batches.ts';
import type { NewBatch } from './batches-interface.ts';

const { db, clock, actions, batches, requested, step, runnable, examinedBy } = useActions();
const hour = 3_600_000;
const users = (count: number, from = 0) => Array.from({ length: count }, (_, n) => ({ accountId: `u${from + n}` }));
const ask = (over: Partial<NewBatch> = {}) =>
  batches.request({
    connectionId,
    app: 'okta',
    action: 'suspendUser',
    mode: 'apply',
    requestedBy: 'key_a',
    reason: 'left the company',
    targets: users(5),
    asked: 'digest',
    perHour: 3,
    lifeMs: 24 * hour,
    ...over,
  });
const idsOf = async (batchId: string) =>
  (await db.collection('actions').find({ batchId }).sort({ batchIndex: 1 }).toArray()).map(({ _id }) => String(_id));
const statesOf = async (batchId: string) =>
  (await Promise.all((await idsOf(batchId)).map((id) => actions.get(id)))).map((each) => each!.state);

beforeEach(async () => {
  await db.collection('batches').createIndexes(batchIndexes);
  await db.collection<{ _id: string }>('connections').insertOne({ _id: connectionId });
});

describe('asking', () => {
  test('makes an action of each target, the same one once', async () => {
    const { batch, created } = await ask({ targets: [...users(3), ...users(2)], ticket: 'T-1' });
    expect([created, batch.total]).toEqual([true, 3]);
    expect(await actions.list({ connectionId, batchId: batch._id, limit: 9 })).toMatchObject({
      items: [{ reason: 'left the company', ticket: 'T-1', state: 'requested' }, {}, {}],
    });
  });

  test('the same idempotency key answers the first one, also at once, and makes nothing twice', async () => {
    const asked = await Promise.all([1, 2, 3].map(() => ask({ idempotencyKey: 'k' })));
    expect(asked.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(asked.map(({ batch }) => batch._id)).size).toBe(1);
    expect(await db.collection('actions').countDocuments()).toBe(5);
  });

  test('of ten thousand is whole or not there', async () => {
    const { batch } = await ask({ targets: users(10_000), perHour: 500 });
    expect(await db.collection('actions').countDocuments({ batchId: batch._id })).toBe(10_000);
    expect(await runnable()).toHaveLength(6);
    const odd = [...users(1_500), { accountId: Symbol('no BSON') as never }];
    const big = { ...odd[0]!, padding: 'x'.repeat(17_000_000) } as never;
    await expect(ask({ targets: [...odd.slice(0, 1_500), big] })).rejects.toThrow();
    expect(await db.collection('batches').countDocuments()).toBe(1);
    expect(await db.collection('actions').countDocuments()).toBe(10_000);
  });
});

describe('the budget', () => {
  test('lets so many begin in any hour, whoever asks and however many at once', async () => {
    const { batch } = await ask({ targets: users(10) });
    const ids = await idsOf(batch._id);
    const places = await Promise.all(ids.map((id) => batches.start(id)));
    expect(places.filter(({ started }) => started)).toHaveLength(3);
    const begun = ids.filter((_, at) => places[at]!.started);
    // Once and for ever: a step that is repeated after a crash takes no second place.
    for (const id of begun) expect(await batches.start(id)).toEqual({ started: true });
    const waits = ids.find((_, at) => !places[at]!.started)!;
    clock.ms += hour - 1;
    expect(await batches.start(waits)).toMatchObject({ started: false, inMs: 1, of: 'batch' });
    clock.ms += 1;
    expect(await batches.start(waits)).toEqual({ started: true });
  });

  test('slides: a place comes free an hour after it was taken', async () => {
    const { batch } = await ask({ targets: users(10), perHour: 2 });
    const [a, b, c, d] = await idsOf(batch._id);
    await batches.start(a!);
    clock.ms += hour / 2;
    await batches.start(b!);
    expect(await batches.start(c!)).toMatchObject({ started: false, inMs: hour / 2 });
    clock.ms += hour / 2;
    expect(await batches.start(c!)).toEqual({ started: true });
    expect(await batches.start(d!)).toMatchObject({ started: false, inMs: hour / 2 });
  });

  test('of the connection is above those of its batches', async () => {
    await db.collection<{ _id: string }>('connections').updateOne({ _id: connectionId }, { $set: { batchPerHour: 4 } });
    const [one, two] = [await ask(), await ask({ targets: users(5, 100) })];
    const ids = [...(await idsOf(one.batch._id)).slice(0, 3), ...(await idsOf(two.batch._id)).slice(0, 2)];
    const places = [];
    for (const id of ids) places.push(await batches.start(id));
    expect(places.map(({ started }) => started)).toEqual([true, true, true, true, false]);
    expect(places.at(-1)).toMatchObject({ of: 'connection', inMs: hour });
  });

  test('decides what the lane may take; one waits in sight for it', async () => {
    const { batch } = await ask();
    const ids = await idsOf(batch._id);
    expect(await runnable()).toEqual(ids.slice(0, 3));
    // What the lane runs and has not begun yet counts as well.
    expect(await runnable([ids[0]!])).toEqual(ids.slice(1, 3));
    for (const id of ids.slice(0, 3)) {
      await batches.start(id);
      await step(id, ...done);
    }
    expect(await runnable()).toEqual([ids[3]]);
    expect(await runnable([ids[3]!])).toEqual([]);
    expect(await actions.waiting(connectionId)).toBe(true);
    clock.ms += hour;
    expect(await runnable([ids[3]!])).toEqual([ids[4]]);
  });

  test('does not bind plans, nor undoing', async () => {
    const { batch } = await ask({ mode: 'plan', perHour: 1 });
    expect(await runnable()).toEqual(await idsOf(batch._id));
  });
});

describe('in the lane', () => {
  test('what was asked for singly goes first, and always finds room', async () => {
    const { batch } = await ask({ targets: users(20), perHour: 100 });
    const single = await requested('other');
    const [first, ...rest] = await runnable([], 8);
    expect(first).toBe(single._id);
    expect(rest).toEqual((await idsOf(batch._id)).slice(0, 6));
    expect(await runnable(rest, 2)).toEqual([single._id]);
  });

  test('each batch goes in its own order, the older one first, and what needs no place is not behind what does', async () => {
    const older = await ask({ targets: users(4), perHour: 2 });
    clock.ms += 1;
    const newer = await ask({ targets: users(4, 100), perHour: 2 });
    clock.ms += 1;
    const plans = await ask({ targets: users(2, 200), mode: 'plan' });
    const [a, b, c] = await Promise.all([older, newer, plans].map(({ batch }) => idsOf(batch._id)));
    expect(await runnable()).toEqual([...a!.slice(0, 2), ...b!.slice(0, 2), ...c!]);
    // Begun and not advanced yet: it has its place.
    await batches.start(a![1]!);
    await step(a![0]!, ...done);
    await batches.requestUndo(older.batch._id, { by: 'key_b', reason: 'mistake', accept: false });
    expect([...(await runnable())].sort()).toEqual([...a!.slice(0, 3), b![0]!, ...c!].sort());
  });

  test('one call looks at a few, however many wait', async () => {
    await ask({ targets: users(10_000), perHour: 500 });
    const [first] = await runnable();
    const examined = await examinedBy(() => runnable([first!], 4));
    expect(examined.docs).toBeLessThan(100);
    expect(examined.keys).toBeLessThan(200);
  });

  test('an action that waits for its turn holds nobody up; one that has begun does', async () => {
    const { batch } = await ask({ targets: users(3), perHour: 1 });
    const [a, b] = await idsOf(batch._id);
    await batches.start(a!);
    await step(a!, prepared, { state: 'applying' });
    const [onA, onB] = [await requested('u0', { expiresInMs: hour }), await requested('u1', { expiresInMs: hour })];
    expect(await runnable([a!])).toEqual([onB._id]);
    // Also while one of the batch waits in sight for its turn.
    expect(await runnable([a!, b!])).toEqual([onB._id]);
    clock.ms += hour / 2;
    expect(await batches.start(b!)).toMatchObject({ started: false, of: 'target' });
    await step(onB._id, ...done);
    expect(await batches.start(b!)).toMatchObject({ started: false, of: 'batch', inMs: expect.any(Number) });
    await step(a!, { state: 'done', after: {} });
    expect(await runnable([b!])).toContain(onA._id);
  });

  test('nothing expires for having waited for its turn; what nobody could apply in its turn does', async () => {
    const { batch } = await ask({ targets: users(30), perHour: 1 });
    const [first] = await idsOf(batch._id);
    await batches.start(first!);
    await step(first!, ...done);
    clock.ms += 29 * hour;
    expect(await runnable()).toHaveLength(1);
    expect((await statesOf(batch._id)).slice(1)).not.toContain('expired');
    clock.ms += 26 * hour;
    expect(await runnable()).toEqual([]);
    expect(new Set((await statesOf(batch._id)).slice(1))).toEqual(new Set(['expired']));
  });
});

describe('as a whole', () => {
  test('tells how far it is, and when the last one may begin', async () => {
    const { batch } = await ask({ targets: users(8) });
    const ids = await idsOf(batch._id);
    expect(await batches.progress(batch)).toEqual({
      counts: { requested: 8 },
      waiting: 8,
      startedLastHour: 0,
      etaAt: new Date(clock.ms + 2 * hour),
    });
    for (const id of ids.slice(0, 3)) {
      await batches.start(id);
      await step(id, ...done);
    }
    expect(await batches.progress(batch)).toEqual({
      counts: { done: 3, requested: 5 },
      waiting: 5,
      startedLastHour: 3,
      budgetFreeAt: new Date(clock.ms + hour),
      budgetOf: 'batch',
      etaAt: new Date(clock.ms + 2 * hour),
    });
  });

  test('a higher budget lets more begin', async () => {
    const { batch } = await ask();
    for (const id of (await idsOf(batch._id)).slice(0, 3)) await batches.start(id);
    expect((await batches.setBudget(batch._id, 4))!.perHour).toBe(4);
    const [, , , fourth, fifth] = await idsOf(batch._id);
    expect(await batches.start(fourth!)).toEqual({ started: true });
    expect((await batches.start(fifth!)).started).toBe(false);
  });

  test('is cancelled: what has not begun', async () => {
    const { batch } = await ask();
    const [first] = await idsOf(batch._id);
    await step(first!, ...done);
    expect(await batches.cancel(batch._id, 'key_b')).toBe(4);
    expect(await statesOf(batch._id)).toEqual(['done', 'cancelled', 'cancelled', 'cancelled', 'cancelled']);
    expect((await batches.get(batch._id))!.cancelledBy).toBe('key_b');
    expect(await runnable()).toEqual([]);
  });

  test('its plans are accepted together, and then begin by the budget', async () => {
    const { batch } = await ask({ mode: 'plan' });
    const ids = await idsOf(batch._id);
    for (const id of ids.slice(0, 4)) await step(id, { ...prepared, state: 'planned' });
    expect(await batches.acceptPlans(batch._id, 'key_b')).toBe(4);
    expect(await statesOf(batch._id)).toEqual([...Array<string>(4).fill('prepared'), 'requested']);
    expect((await actions.get(ids[0]!))!.history.at(-1)!.note).toMatch(/accepted by key_b/);
    expect((await runnable()).sort()).toEqual([...ids.slice(0, 3), ids[4]!].sort());
  });

  test('is undone together: what was done', async () => {
    const { batch } = await ask();
    const ids = await idsOf(batch._id);
    await step(ids[0]!, ...done);
    await step(ids[1]!, { state: 'refused' });
    expect(await batches.requestUndo(batch._id, { by: 'key_b', reason: 'mistake', accept: false })).toBe(1);
    expect((await actions.get(ids[0]!))!).toMatchObject({ state: 'undoRequested', undo: { reason: 'mistake' } });
    await step(ids[0]!, { state: 'undoNeedsAcceptance' });
    expect(await batches.requestUndo(batch._id, { by: 'key_b', reason: 'mistake', accept: false })).toBe(0);
    expect(await batches.requestUndo(batch._id, { by: 'key_b', reason: 'mistake', accept: true })).toBe(1);
    expect((await actions.get(ids[0]!))!.undo!.accepted).toBe(true);
  });
});
