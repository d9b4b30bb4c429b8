import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionName } from '../connectors/actions.ts';
import { box as connector } from '../connectors/box/index.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
let guest: string;
let person: string;
let folder: string;
let file: string;
let count = 0;

beforeAll(() => {
  const users = box.simulator.control.truth({ only: ['users'] }).users as { id: string; kind: string }[];
  guest = users.find(({ kind }) => kind === 'external')!.id;
  person = users.find(({ kind, id }) => kind === 'managed' && id !== box.owner)!.id;
});
beforeEach(async () => {
  const { control } = box.simulator;
  count += 1;
  folder = control.createItem({ type: 'folder', name: `folder ${count}`, owner: box.owner }).id;
  file = control.createItem({ type: 'file', name: `file ${count}`, parent: folder, text: 'x' }).id;
  control.invite({ item: folder, user: person, role: 'viewer' });
  control.invite({ item: file, user: guest, role: 'editor' });
  await box.scan();
});
afterEach(() => protect());

const login = (id: string) => box.simulator.state.user(id)!.login;
const protect = (...names: string[]) => box.store.connections.update(box.connectionId, { protected: names });
async function planned(action: ActionName) {
  const { _id } = await box.ask(action, { fileId: `file:${file}` }, { mode: 'plan' });
  await box.lane();
  return box.get(_id);
}
const outcome = async (action: ActionName) => {
  const { state, problem } = await planned(action);
  return [state, problem?.what ?? ''];
};

describe('a protected principal', () => {
  it.each(['makePrivate', 'removeExternalAccess', 'quarantineFile', 'trashFile', 'overwriteFile'] as const)(
    'who would lose access by %s among others refuses it, by name, however the address is written',
    async (action) => {
      for (const name of [guest, login(guest).toUpperCase()]) {
        await protect(name);
        expect(await outcome(action)).toEqual(['refused', expect.stringContaining(login(guest))]);
      }
    },
  );

  it.each(['quarantineFile', 'trashFile', 'overwriteFile'] as const)('whose file it is refuses %s', async (action) => {
    for (const name of [box.owner, login(box.owner).toUpperCase()]) {
      await protect(name);
      expect(await outcome(action)).toEqual(['refused', expect.stringContaining('whose it is')]);
    }
  });

  it('whose file it is keeps it when others lose it', async () => {
    await protect(box.owner);
    expect(await outcome('makePrivate')).toEqual(['planned', '']);
  });

  it.each(['quarantineFile', 'trashFile', 'overwriteFile'] as const)(
    'who gets in by a folder above refuses %s',
    async (action) => {
      await protect(login(person));
      expect(await outcome(action)).toEqual([
        'refused',
        expect.stringMatching(/would lose access: (finds the notice.*, )?through the folder/),
      ]);
      expect(await outcome('makePrivate')).toEqual(['planned', '']);
    },
  );

  it('who was named after the plan refuses its application too, and nothing is written', async () => {
    const plan = await planned('trashFile');
    expect(plan.state).toBe('planned');
    await protect(login(person).toUpperCase());
    const before = box.writes();
    await box.store.actions.acceptPlan(plan._id, 'a governor');
    await box.lane();
    expect([(await box.get(plan._id)).state, box.writes()]).toEqual(['refused', before]);
  });

  it.each(['makePrivate', 'quarantineFile', 'trashFile', 'overwriteFile'] as const)(
    'in a group that would lose access refuses %s, as Box tells the members now',
    async (action) => {
      const { control } = box.simulator;
      const group = control.createGroup({ name: `group ${action}` }).id;
      control.invite({ item: file, group, role: 'viewer' });
      control.removeCollaboration({ id: control.item({ id: folder })!.collaborations[0]!.id });
      await protect(login(person).toUpperCase(), 'nobody@acme.test');
      expect(await outcome('removeLink')).toEqual(['planned', '']);
      const [before] = await outcome('makePrivate');
      expect(before).toBe('planned');
      control.addMember({ group, user: person });
      const [state, what] = await outcome(action);
      expect([state, what]).toEqual([
        'refused',
        expect.stringMatching(
          new RegExp(`${login(person)} is a protected principal.*member of group group ${action}`, 'i'),
        ),
      ]);
    },
  );

  it('who came into the group after the plan refuses its application too, also by a folder above', async () => {
    const { control } = box.simulator;
    const group = control.createGroup({ name: `late ${count}` }).id;
    control.invite({ item: folder, group, role: 'viewer' });
    await protect(login(guest));
    control.removeCollaboration({ id: control.item({ id: file })!.collaborations[0]!.id });
    const plan = await planned('trashFile');
    expect([plan.state, plan.losesAccess]).toEqual([
      'planned',
      expect.arrayContaining([expect.objectContaining({ group })]),
    ]);
    control.addMember({ group, user: guest });
    const before = box.writes();
    await box.store.actions.acceptPlan(plan._id, 'a governor');
    await box.lane();
    const { state, problem } = await box.get(plan._id);
    expect([state, problem!.what, box.writes()]).toEqual(['refused', expect.stringContaining(login(guest)), before]);
  });

  it('in such a group is known by the stored memberships where the app has no way to ask', async () => {
    const { control } = box.simulator;
    const group = control.createGroup({ name: `stored ${count}` }).id;
    control.invite({ item: file, group, role: 'viewer' });
    control.addMember({ group, user: person });
    await box.scan();
    await protect(login(person).toUpperCase());
    const { connectionId } = box;
    const others = box.activitiesOf({ ...connector, membersAmong: undefined });
    const { _id: actionId } = await box.ask('makePrivate', { fileId: `file:${file}` }, { mode: 'plan' });
    await others.prepareAction({ connectionId, actionId });
    const { state, problem } = await box.get(actionId);
    expect([state, problem!.what]).toEqual(['refused', expect.stringContaining(`member of group stored ${count}`)]);
  });
});
