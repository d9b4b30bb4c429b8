import { afterEach, describe, expect, it, vi } from 'vitest';
import { box as connector } from '../connectors/box/index.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { Connector } from '../connectors/connector.ts';
import type { ActionDocument } from '../store/action-documents.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
let count = 0;

const { removeLink } = connector.actions;
/** Box's connector, whose way to remove a link is another in part. */
const removing = (change: Partial<typeof removeLink>): Connector => ({
  ...connector,
  actions: { ...connector.actions, removeLink: { ...removeLink!, ...change } as typeof removeLink },
});
const ids = ({ _id: actionId }: ActionDocument) => ({ connectionId: box.connectionId, actionId });

async function asked(): Promise<ActionDocument> {
  const { control } = box.simulator;
  const { id } = control.createItem({ type: 'file', name: `file ${(count += 1)}`, owner: box.owner, text: 'x' });
  control.setLink({ id, link: { access: 'open' } });
  await box.scan();
  return box.ask('removeLink', { fileId: `file:${id}` });
}
async function prepared(): Promise<ActionDocument> {
  const action = await asked();
  expect(await box.activities.prepareAction(ids(action))).toMatchObject({ next: 'applyAction' });
  return action;
}
const taken = (action: ActionDocument, leaseMs = 20_000) => box.store.actions.claim(action._id, 'another try', leaseMs);

afterEach(() => vi.restoreAllMocks());

describe('a step of an action that another try holds', () => {
  it('waits for the end of its lease, then goes on', async () => {
    const action = await prepared();
    const { leaseUntil } = (await taken(action))!.action;
    const { next, delay } = await box.activities.applyAction(ids(action));
    expect([next, delay]).toMatchObject(['applyAction', { reason: 'lease', why: expect.stringContaining(action._id) }]);
    expect(delay!.ms).toBeGreaterThan(5_000);
    expect(delay!.ms).toBeLessThanOrEqual(20_000);
    expect((await box.get(action._id)).leaseUntil).toEqual(leaseUntil);
  });

  it('is in the hand of the lane that finds it, as of one that another run left behind, and of no lane twice', async () => {
    const action = await prepared();
    await taken(action);
    const found = async (running: string[]) =>
      (await box.activities.nextActions({ connectionId: box.connectionId, running, limit: 8 }))
        .filter(({ actionId }) => actionId === action._id)
        .map(({ step }) => step);
    expect(await found([])).toEqual(['applyAction']);
    expect(await found([action._id])).toEqual([]);
    const waits = (await box.lane()).filter(({ why }) => why.includes(action._id));
    expect(waits).toMatchObject([{ reason: 'lease' }]);
    await box.db.collection('actions').updateOne({ _id: action._id as never }, { $set: { leaseUntil: new Date(0) } });
    expect(await box.activities.applyAction(ids(action))).toEqual({ touched: true });
  });

  it('goes on with the step that the other left it at', async () => {
    const action = await asked();
    const lease = (await taken(action))!;
    await box.store.actions.write(lease, { state: 'prepared', before: { link: { access: 'open' } }, plan: [] });
    expect(await box.activities.prepareAction(ids(action))).toMatchObject({ next: 'applyAction', delay: {} });
    await box.store.actions.release({ ...lease, action: await box.get(action._id) });
    expect(await box.activities.prepareAction(ids(action))).toEqual({ next: 'applyAction', touched: false });
    expect((await box.get(action._id)).holder).toBeNull();
  });

  it('is left alone where there is nothing to go on with', async () => {
    const action = await asked();
    await box.store.actions.cancel(action._id, 'key_b');
    expect(await box.activities.prepareAction(ids(action))).toEqual({ touched: false });
  });
});

it('a step that our own side fails lets go of the action for the next try', async () => {
  const action = await prepared();
  const away = Object.assign(new Error('away'), { name: 'MongoNetworkError' });
  const { applyAction } = box.activitiesOf(removing({ read: () => Promise.reject(away) }));
  await expect(applyAction(ids(action))).rejects.toThrow('away');
  expect(await box.get(action._id)).toMatchObject({ state: 'prepared', holder: null });
  expect(await box.activities.applyAction(ids(action))).toEqual({ touched: true });
});

it('an undo has its own tries, however many applying took', async () => {
  const action = await prepared();
  const unavailable = () => Promise.reject(new Failure('unavailable', 'torn'));
  const torn = box.activitiesOf(removing({ read: unavailable }));
  for (let tries = 0; tries < 5; tries += 1)
    expect(await torn.applyAction(ids(action))).toMatchObject({ next: 'applyAction', delay: {} });
  await box.activities.applyAction(ids(action));
  await box.store.actions.requestUndo(action._id, { by: 'a governor', reason: 'mistake', accept: false });
  const waits = [];
  for (let tries = 0; tries < 5; tries += 1) waits.push((await torn.undoAction(ids(action))).delay?.reason);
  expect(waits).toEqual(Array(5).fill('unavailable'));
  expect((await torn.undoAction(ids(action))).next).toBeUndefined();
  expect((await box.get(action._id)).state).toBe('undoFailed');
});

it('a worker that was frozen for longer than its lease asks nothing of the app', async () => {
  const action = await prepared();
  const before = box.writes();
  let successor: ActionDocument | undefined;
  const { applyAction } = box.activitiesOf(
    removing({
      async apply(...given) {
        const { now } = performance;
        vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 60_000);
        await box.db
          .collection('actions')
          .updateOne({ _id: action._id as never }, { $set: { leaseUntil: new Date(0) } });
        successor = (await taken(action))!.action;
        return removeLink!.apply(...given);
      },
    }),
  );
  expect(await applyAction(ids(action))).toMatchObject({ next: 'applyAction', delay: { reason: 'lease' } });
  expect(box.writes()).toBe(before);
  expect(await box.get(action._id)).toEqual(successor);
});
