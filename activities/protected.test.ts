import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionName } from '../connectors/actions.ts';
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

  it.each(['quarantineFile', 'trashFile'] as const)('who gets in by a folder above refuses %s', async (action) => {
    await protect(login(person));
    expect(await outcome(action)).toEqual(['refused', expect.stringMatching(/would lose access: through the folder/)]);
    expect(await outcome('makePrivate')).toEqual(['planned', '']);
  });

  it('who was named after the plan refuses its application too, and nothing is written', async () => {
    const plan = await planned('trashFile');
    expect(plan.state).toBe('planned');
    await protect(login(person).toUpperCase());
    const before = box.writes();
    await box.store.actions.acceptPlan(plan._id, 'a governor');
    await box.lane();
    expect([(await box.get(plan._id)).state, box.writes()]).toEqual(['refused', before]);
  });
});
