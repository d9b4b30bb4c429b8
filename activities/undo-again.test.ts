import { describe, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
const undo = (id: string, accept = false) =>
  box.store.actions.requestUndo(id, { by: 'a governor', reason: 'mistake', accept });
const invitations = () => box.simulator.control.counters().calls['POST /collaborations'] ?? 0;
let made = 0;

/** Private now, and of its two people the first was refused when that was undone. */
async function undoneInPart() {
  const { control } = box.simulator;
  made += 1;
  const { id } = control.createItem({ type: 'file', name: `plan ${made}`, owner: box.owner, text: 'x' });
  const people = ['one', 'two'].map(
    (name) => control.createUser({ login: `${name}${made}@acme.test`, name: `${name} ${made}` }).id,
  );
  for (const user of people) control.invite({ item: id, user, role: 'editor' });
  control.setLink({ id, link: { access: 'open' } });
  await box.scan();
  const { _id } = await box.ask('makePrivate', { fileId: `file:${id}` });
  await box.lane();
  control.faults({ add: [{ kind: 'status', status: 404, method: 'POST', path: '/collaborations', count: 1 }] });
  await undo(_id);
  await box.lane();
  control.faults({ clear: true });
  const document = await box.get(_id);
  expect([document.state, document.undo!.verified, document.undo!.notRestored!.length]).toEqual(['undone', false, 2]);
  return { _id, id, people };
}

describe('an undo that came back in part', () => {
  it('is asked for again and gives back only what is not back yet', async () => {
    const { control } = box.simulator;
    const { _id, id, people } = await undoneInPart();
    const link = control.item({ id })!.link;
    const [invited, writes] = [invitations(), box.writes()];
    expect(await undo(_id)).toMatchObject({ state: 'undoRequested', undo: { verified: false } });
    await box.lane();
    const { state, undo: told, problem } = await box.get(_id);
    expect([state, told!.verified, told!.notRestored, problem]).toEqual(['undone', true, [], undefined]);
    expect(told).not.toHaveProperty('left');
    expect([invitations() - invited, box.writes() - writes]).toEqual([1, 1]);
    const shown = control.item({ id })!;
    expect(shown.link).toEqual(link);
    expect(shown.collaborations.map(({ grantee }) => grantee!.id).sort()).toEqual([...people].sort());
    // What is back is not asked for a third time.
    expect(await undo(_id)).toBeNull();
  });

  it('asks first when somebody changed the object after it', async () => {
    const { control } = box.simulator;
    const { _id, id } = await undoneInPart();
    const [shared] = control.item({ id })!.collaborations;
    control.updateCollaboration({ id: shared!.id, role: 'viewer' });
    const writes = box.writes();
    await undo(_id);
    await box.lane();
    const asking = await box.get(_id);
    expect([asking.state, box.writes() - writes]).toEqual(['undoNeedsAcceptance', 0]);
    expect(asking.undo!.plan!.join()).toMatch(/after the undo; .* new two\d+@acme.test \(viewer\)/);
    await undo(_id, true);
    await box.lane();
    expect((await box.get(_id)).undo).toMatchObject({ verified: true, notRestored: [] });
  });

  it('tells of what still does not come back', async () => {
    const { control } = box.simulator;
    const { _id, id, people } = await undoneInPart();
    control.deleteUser({ user: people[0]! });
    await undo(_id);
    await box.lane();
    const { state, undo: told } = await box.get(_id);
    expect([state, told!.verified]).toEqual(['undone', false]);
    expect(told!.notRestored!.join()).toMatch(/did not get access back/);
    expect(control.item({ id })!.collaborations).toHaveLength(1);
  });

  it('of a quarantine comes back into its folder once that is out of the trash', async () => {
    const { control } = box.simulator;
    const parent = control.createItem({ type: 'folder', name: 'for a while in the trash', owner: box.owner }).id;
    const { id } = control.createItem({ type: 'file', name: 'in it', parent, text: 'x' });
    await box.scan();
    const { _id } = await box.ask('quarantineFile', { fileId: `file:${id}` });
    await box.lane();
    control.trash({ id: parent });
    await undo(_id);
    await box.lane();
    const { state, undo: told } = await box.get(_id);
    expect([state, told!.notRestored![0]]).toEqual([
      'undone',
      expect.stringContaining('it lies in the root of its owner'),
    ]);
    control.restore({ id: parent });
    await undo(_id);
    await box.lane();
    expect([(await box.get(_id)).undo!.verified, control.item({ id })!.parent]).toEqual([true, parent]);
  });
});

it.each(['removeLink', 'trashFile', 'overwriteFile'] as const)(
  'an undo of %s tells that the folder is in the trash, and gives all back once that is restored',
  async (action) => {
    const { control } = box.simulator;
    const parent = control.createItem({ type: 'folder', name: `of ${action}`, owner: box.owner }).id;
    const { id } = control.createItem({ type: 'file', name: 'below', parent, text: 'x' });
    control.setLink({ id, link: { access: 'open' } });
    await box.scan();
    const { _id } = await box.ask(action, { fileId: `file:${id}` });
    await box.lane();
    const why = new RegExp(`^below cannot be reached while its folder of ${action} \\(folder:\\d+\\) is in the trash$`);
    control.trash({ id: parent });
    await undo(_id);
    await box.lane();
    const asking = await box.get(_id);
    expect([asking.state, asking.undo!.plan![1]]).toEqual(['undoNeedsAcceptance', expect.stringMatching(why)]);
    await undo(_id, true);
    await box.lane();
    const { state, problem } = await box.get(_id);
    expect([state, problem!.what]).toEqual(['undoFailed', expect.stringMatching(why)]);
    control.restore({ id: parent });
    await undo(_id);
    await box.lane();
    expect((await box.get(_id)).undo).toMatchObject({ verified: true });
    const shown = control.item({ id })!;
    expect([shown.trashed, shown.link?.access]).toEqual([false, 'open']);
  },
);
