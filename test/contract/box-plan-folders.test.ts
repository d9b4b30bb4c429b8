import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import { box } from '../../connectors/box/index.ts';
import { mostOfOneAction } from '../../connectors/box/shared-below.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let person: string;
let guest: string;
let folder: string;
let deep: string;
let count = 0;
const control = () => enterprise.simulator.control;
const login = (id: string) => enterprise.simulator.state.user(id)!.login;
const create = (given: object) => control().createItem(given as never).id;
const read = (name: ActionName, more: object = {}) =>
  box.actions[name]!.read(enterprise.open(), { fileId: `folder:${folder}`, ...more } as never);

beforeAll(async () => {
  enterprise = await startEnterprise({ fill: { users: 3, externals: 1, groups: 1, items: 0, events: 0 } });
  const users = control().truth({ only: ['users'] }).users as { id: string; kind: string }[];
  person = users.find(({ kind, id }) => kind === 'managed' && id !== enterprise.owner)!.id;
  guest = users.find(({ kind }) => kind === 'external')!.id;
});
afterAll(() => enterprise.close());
beforeEach(() => {
  count += 1;
  folder = create({ type: 'folder', name: `folder ${count}`, owner: enterprise.owner });
  const inner = create({ type: 'folder', name: 'inner', parent: folder });
  deep = create({ type: 'file', name: 'deep', parent: inner, text: 'x' });
  control().invite({ item: deep, user: guest, role: 'editor' });
  control().invite({ item: deep, user: person, role: 'viewer' });
  control().setLink({ id: deep, link: { access: 'open' } });
});

describe('the plan to trash a folder', () => {
  it('names who loses access to what is in it, and what ends', async () => {
    const { losesAccess, plan, irreversible, touches } = await read('trashFile');
    const of = `of deep (file:${deep})`;
    expect(losesAccess).toHaveLength(3);
    expect(losesAccess).toMatchObject([
      { who: 'whoever has the link', how: `the shared link (open), ${of}` },
      ...[guest, person].sort().map((id) => ({ who: login(id), how: expect.stringContaining(of) })),
    ]);
    expect(plan).toEqual([
      expect.stringContaining('with all that is in it (2 items)'),
      `With it end 1 shared links and 2 collaborations of what is in it: deep (file:${deep}).`,
    ]);
    expect(irreversible.join()).toContain('An undo makes a new link');
    expect(touches.map(({ vendorId }) => vendorId)).toEqual([`folder:${folder}`, `file:${deep}`]);
  });

  it('is of another state once anything in it came, went or was changed', async () => {
    const states = [(await read('trashFile')).state];
    const added = create({ type: 'file', name: 'added', parent: folder, text: 'y' });
    states.push((await read('trashFile')).state);
    control().addVersion({ id: added, text: 'z' });
    states.push((await read('trashFile')).state);
    control().trash({ id: added, user: enterprise.owner });
    expect((await read('trashFile')).state).toEqual(states[0]);
    expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(3);
  });

  it('says where it stopped looking, and goes on all the same', async () => {
    for (let at = 0; at <= mostOfOneAction.items; at += 1)
      create({ type: 'file', name: `f${at}`, parent: folder, size: 1 });
    const { plan, irreversible, done } = await read('trashFile');
    expect(plan.at(-1)).toMatch(/^Not all that is in it was looked at \(more than 1000 items\)/);
    expect(irreversible.join()).toContain('Links of what was not looked at do not come back');
    expect(done).toBe(false);
  });

  it('is undone with the shares of what is in it', async () => {
    const action = box.actions.trashFile!;
    const target = { fileId: `folder:${folder}` };
    const before = await read('trashFile');
    const applied = await action.apply(enterprise.open(), target, before.state);
    if (!('after' in applied)) throw new Error('pending');
    expect(action.verified(before.state, applied.after)).toBe(true);
    // Whether Box keeps the links of what was in it through the trash, it does not say: here it did not.
    control().restore({ id: folder });
    control().setLink({ id: deep, link: null });
    for (let time = 0; time < 2; time += 1) await action.undo!(enterprise.open(), target, before.state, applied.after);
    expect((await read('trashFile')).state).toEqual(before.state);
    expect(control().item({ id: deep })!.link).toMatchObject({ access: 'open' });
  });
});

describe('the plan to close a folder', () => {
  const below = (what: string) =>
    `Stays open below: ${what} of what is in it: deep (file:${deep}). Act on those to change it.`;

  it.each<[ActionName, string]>([
    ['makePrivate', '1 shared links and 2 collaborations'],
    ['removeExternalAccess', '1 shared links and 1 collaborations'],
    ['removePublicAccess', '1 shared links and 0 collaborations'],
    ['restrictLink', '1 shared links and 0 collaborations'],
    ['removeLink', '1 shared links and 0 collaborations'],
  ])('%s tells what stays open below', async (name, what) => {
    const { plan, done } = await read(name);
    expect([plan, done]).toEqual([[expect.stringMatching(/^Nothing is to be done on folder/), below(what)], true]);
  });

  it('for one collaborator tells what is theirs', async () => {
    const { plan } = await read('removeCollaborator', { shareTo: login(guest) });
    expect(plan).toContain(below('0 shared links and 1 collaborations'));
  });

  it('tells nothing of what it would not take', async () => {
    control().setLink({ id: deep, link: { access: 'collaborators' } });
    expect((await read('restrictLink')).plan).toHaveLength(1);
  });
});
