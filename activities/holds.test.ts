import { beforeEach, describe, expect, it } from 'vitest';
import type { ActionDocument } from '../store/action-documents.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
let file: string;
let count = 0;
const hour = 3_600_000;

beforeEach(async () => {
  const { control } = box.simulator;
  count += 1;
  file = control.createItem({ type: 'file', name: `held ${count}`, owner: box.owner, text: 'x' }).id;
  control.setLink({ id: file, link: { access: 'open' } });
  await box.scan();
});

const hold = (more: object = {}) => ({ onRevert: 'report', forMs: hour, repeated: 0, mostRepeats: 0, ...more });
async function held(more: object = {}): Promise<ActionDocument> {
  const { _id } = await box.ask('removeLink', { fileId: `file:${file}` }, { hold: hold(more) });
  await box.lane();
  await heard();
  const document = await box.get(_id);
  expect(document).toMatchObject({ state: 'done', hold: { stands: true } });
  return document;
}
/** The file is named to the watch lane, as the event stream or a webhook names it, which then has its round. */
async function heard() {
  await box.store.pending.add(box.connectionId, [{ kind: 'files', vendorId: `file:${file}`, part: box.owner }]);
  return box.watch('pending');
}
const revert = (user = box.owner) => box.simulator.control.setLink({ id: file, link: { access: 'company' }, user });
const link = () => box.simulator.control.item({ id: file })!.link?.access;
const repeats = async (id: string) =>
  (await box.db.collection('actions').find({ repeats: id }).toArray()) as unknown as ActionDocument[];

describe('a hold that reports', () => {
  it('notices that somebody reverted the outcome, and says so once', async () => {
    const { _id } = await held();
    revert();
    await heard();
    await heard();
    const document = await box.get(_id);
    expect(document.reverted).toHaveLength(1);
    expect(document.reverted![0]!.what).toMatch(/^link: was nothing, is .*company/);
    expect(document).toMatchObject({ state: 'done', hold: { stands: false, repeated: 0 } });
    expect(document.history.at(-1)!.note).toMatch(/^reverted.*reported$/);
    expect(await box.store.holds.counts(box.connectionId)).toMatchObject({ reverted: 1 });
    const { items } = await box.store.actions.list({ connectionId: box.connectionId, reverted: true, limit: 9 });
    expect(items.map((each) => each._id)).toContain(_id);
    expect(link()).toBe('company');
    box.simulator.control.setLink({ id: file, link: null });
    await heard();
    expect((await box.get(_id)).hold!.stands).toBe(true);
    revert();
    await heard();
    expect((await box.get(_id)).reverted).toHaveLength(2);
  });

  it('names who did it as soon as the audit trail tells', async () => {
    const login = `somebody${count}@acme.test`;
    const somebody = box.simulator.control.createUser({ login, name: 'Somebody' });
    const { _id } = await held();
    // What was done as the owner is told there as the owner's doing.
    await box.watch();
    revert(somebody.id);
    await heard();
    expect((await box.get(_id)).reverted).toMatchObject([{ what: expect.stringContaining('link') }]);
    expect((await box.get(_id)).reverted![0]!.by).toBeUndefined();
    await box.watch();
    await heard();
    expect((await box.get(_id)).reverted).toMatchObject([{ by: { id: somebody.id, name: login } }]);
  });

  it('names the one as whom it was done, unless it was in the same moment', async () => {
    const { _id, history } = await held();
    const long = new Date(Date.now() - 60_000);
    await box.db
      .collection<ActionDocument>('actions')
      .updateOne({ _id }, { $set: { history: history.map((each) => ({ ...each, at: long })), finishedAt: long } });
    revert();
    await box.watch();
    await heard();
    const login = box.simulator.state.user(box.owner)!.login;
    expect((await box.get(_id)).reverted).toMatchObject([{ by: { id: box.owner, name: login } }]);
  });

  it('does not take for it what it did itself when it did it again', async () => {
    const { _id } = await held({ onRevert: 'again', mostRepeats: 1 });
    const somebody = box.simulator.control.createUser({ login: `another${count}@acme.test`, name: 'Another' });
    revert(somebody.id);
    await heard();
    await box.lane();
    expect(link()).toBeUndefined();
    const away = new Date(Date.now() - 60_000);
    await box.db.collection<ActionDocument>('actions').updateOne({ _id }, { $set: { finishedAt: away } });
    await box.watch();
    await heard();
    revert(somebody.id);
    await heard();
    expect((await box.get(_id)).reverted!.map(({ by }) => by?.id)).not.toContain(box.owner);
  });

  it('reads nothing while nothing is heard, and nothing when its time is over', async () => {
    const { _id } = await held();
    const calls = () => Object.values(box.simulator.control.counters().calls).reduce((a, b) => a + b, 0);
    const before = calls();
    await box.watch('pending');
    expect(calls()).toBe(before);
    await box.db
      .collection<{ _id: string }>('actions')
      .updateOne({ _id }, { $set: { 'hold.until': new Date(Date.now() - 1) } });
    revert();
    await heard();
    expect((await box.get(_id)).reverted).toBeUndefined();
  });

  it('ends with its undo, and with a newer action on the same target', async () => {
    const first = await held();
    await box.store.actions.requestUndo(first._id, { by: 'a governor', reason: 'enough', accept: false });
    await box.lane();
    await heard();
    expect(await box.get(first._id)).toMatchObject({ state: 'undone' });
    expect((await box.get(first._id)).reverted).toBeUndefined();

    const second = await held();
    const newer = await box.ask('trashFile', { fileId: `file:${file}` });
    await box.lane();
    await heard();
    const { hold: ended, reverted } = await box.get(second._id);
    expect([ended!.endedBy, reverted]).toEqual([`action ${newer._id}`, undefined]);
  });

  it('ends when the object is gone', async () => {
    const { _id } = await held();
    box.simulator.control.purge({ id: file });
    await heard();
    const { hold: ended, reverted } = await box.get(_id);
    expect([ended!.endedBy, reverted]).toEqual(['the object is gone', undefined]);
  });
});

describe('a hold that acts again', () => {
  it('does so by an action of its own, and keeps the first `before` for the undo', async () => {
    const { _id, before } = await held({ onRevert: 'again', mostRepeats: 2 });
    revert();
    expect((await heard()).actionsWaiting).toBe(true);
    const [again] = await repeats(_id);
    expect(again!.reason).toMatch(/done again \(1 of 2\)/);
    // Not twice while it is under way.
    await heard();
    expect(await repeats(_id)).toHaveLength(1);
    await box.lane();
    await heard();
    expect(link()).toBeUndefined();
    expect((await box.get(again!._id)).state).toBe('done');
    const document = await box.get(_id);
    expect(document).toMatchObject({
      before,
      hold: { stands: true, repeated: 1 },
      reverted: [{ repeatedBy: again!._id }],
    });
    expect(document.history.at(-1)!.note).toContain(`done again by ${again!._id}`);

    await box.store.actions.requestUndo(_id, { by: 'a governor', reason: 'enough', accept: false });
    await box.lane();
    expect([(await box.get(_id)).state, link()]).toEqual(['undone', 'open']);
  });

  it('only so often, then reports', async () => {
    const { _id } = await held({ onRevert: 'again', mostRepeats: 2 });
    for (let time = 0; time < 3; time += 1) {
      revert();
      await heard();
      await box.lane();
      await heard();
    }
    expect(await repeats(_id)).toHaveLength(2);
    const { reverted } = await box.get(_id);
    expect(reverted!.map(({ repeatedBy }) => repeatedBy !== undefined)).toEqual([true, true, false]);
    expect(link()).toBe('company');
  });

  it('not while governance is off: then it is reported', async () => {
    const { _id } = await held({ onRevert: 'again', mostRepeats: 2 });
    await box.store.connections.update(box.connectionId, { governance: 'off' });
    revert();
    await heard();
    await box.store.connections.update(box.connectionId, { governance: 'on' });
    expect([await repeats(_id), (await box.get(_id)).reverted!.length]).toEqual([[], 1]);
  });

  it('asks once, also when it dies before it could write that it asked', async () => {
    const { _id } = await held({ onRevert: 'again', mostRepeats: 2 });
    revert();
    const { record } = box.store.holds;
    box.store.holds.record = () => Promise.reject(Object.assign(new Error('died'), { name: 'MongoNetworkError' }));
    await expect(heard()).rejects.toThrow('died');
    box.store.holds.record = record;
    await box.db.collection('actions').updateMany({ repeats: _id }, { $set: { state: 'cancelled' } });
    await heard();
    expect(await repeats(_id)).toHaveLength(1);
  });
});
