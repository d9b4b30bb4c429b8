import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { ActionState, Before } from '../../connectors/connector.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let person: string;
let guest: string;
let folder: string;
let deep: string;
let count = 0;
const action = box.actions.quarantineFile!;
const control = () => enterprise.simulator.control;
const item = (id: string) => control().item({ id })!;
const login = (id: string) => enterprise.simulator.state.user(id)!.login;
const target = (id = folder) => ({ fileId: `folder:${id}` });
const create = (given: object) => control().createItem(given as never).id;
const read = (id?: string) => action.read(enterprise.open(), target(id));
const apply = async (before: Before<ActionState>, id?: string) => {
  const applied = await action.apply(enterprise.open(), target(id), before.state);
  if (!('after' in applied)) throw new Error('pending');
  return applied.after;
};
const callsSoFar = () => Object.values(control().counters().calls).reduce((sum, calls) => sum + calls, 0);

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
  create({ type: 'file', name: 'unshared', parent: inner, text: 'x' });
  control().invite({ item: folder, user: person, role: 'editor' });
  control().invite({ item: deep, user: guest, role: 'viewer' });
  control().setLink({ id: deep, link: { access: 'open', password: 'made-up-password' } });
});
afterEach(() => control().faults({ clear: true }));

describe('the quarantine of a folder', () => {
  it('tells in its plan what in it is shared, who loses access, its calls and what does not come back', async () => {
    const plan = await read();
    expect(plan.plan).toEqual([
      expect.stringContaining(`${login(person)} (editor)`),
      `Remove 1 shared links and 1 collaborations of what is in it: deep (file:${deep}).`,
      expect.stringContaining('with all that is in it into "Castellan quarantine"'),
    ]);
    expect(plan.losesAccess).toMatchObject([
      { who: `user ${enterprise.owner}`, how: 'owns it' },
      { who: login(person), how: 'invited as editor' },
      { who: 'whoever has the link', how: `the shared link (open), of deep (file:${deep})` },
      { who: login(guest), how: `invited as viewer, of deep (file:${deep})` },
    ]);
    expect(plan.touches.map(({ vendorId }) => vendorId)).toEqual([`folder:${folder}`, `file:${deep}`]);
    expect(plan.irreversible.join()).toMatch(/password of the link.*accept the invitation again.*in the trash already/);
  });

  it('costs about the calls that its plan told', async () => {
    const plan = await read();
    const before = callsSoFar();
    await apply(plan);
    const spent = callsSoFar() - before;
    expect(spent).toBeGreaterThan(plan.calls * 0.6);
    expect(spent).toBeLessThan(plan.calls * 1.6);
  });

  it('takes a share that was made since for a change of the object', async () => {
    const planned = await read();
    control().invite({ item: deep, user: person, role: 'viewer' });
    expect((await read()).state).not.toEqual(planned.state);
  });

  it('that was broken off in the middle is found not done, and is gone on with', async () => {
    const planned = await read();
    control().faults({
      add: [{ kind: 'status', status: 500, path: `^/2.0/folders/${folder}$`, method: 'PUT' }],
    } as never);
    await expect(apply(planned)).rejects.toThrow();
    control().faults({ clear: true });
    const halfway = await read();
    expect(item(deep)).toMatchObject({ link: null, collaborations: [], owner: enterprise.owner });
    expect(action.verified(planned.state, halfway.state)).toBe(false);
    const after = await apply(planned);
    expect(action.verified(planned.state, after)).toBe(true);
    await action.undo!(enterprise.open(), target(), planned.state, after);
    expect(item(deep).link).toMatchObject({ access: 'open' });
    expect(item(deep).collaborations).toMatchObject([{ role: 'viewer' }]);
    expect(item(folder).collaborations).toMatchObject([{ role: 'editor', status: 'accepted' }]);
  });

  it('is not done while its owner is still let in, as for the move', async () => {
    const planned = await read();
    const after = await apply(planned);
    expect(action.verified(planned.state, after)).toBe(true);
    const place = item(folder).parent;
    control().invite({ item: place, user: enterprise.owner, role: 'editor' });
    const leftIn = await read();
    expect(action.verified(planned.state, leftIn.state)).toBe(false);
    expect(action.verified(planned.state, await apply(planned))).toBe(true);
    expect(item(place).collaborations).toEqual([]);
  });

  it('closes what somebody shared in it meanwhile', async () => {
    const planned = await read();
    await apply(planned);
    control().setLink({ id: deep, link: { access: 'open' } });
    expect(action.verified(planned.state, (await read()).state)).toBe(false);
    expect(action.verified(planned.state, await apply(planned))).toBe(true);
    expect(item(deep).link).toBeNull();
  });

  it('reaches into the trash, and tells what it costs there', async () => {
    control().trash({ id: folder });
    const planned = await read();
    expect(planned.plan).toEqual([
      expect.stringContaining('from the trash into "Castellan quarantine"'),
      expect.stringContaining('Remove every link and collaboration of what is in it'),
    ]);
    expect(planned.irreversible.join()).toMatch(/what is in it, are removed for good.*moments after it left the trash/);
    const after = await apply(planned);
    expect(action.verified(planned.state, after)).toBe(true);
    expect(item(folder)).toMatchObject({ trashed: false, collaborations: [] });
    expect(item(deep)).toMatchObject({ link: null, collaborations: [] });
    expect(item(folder).owner).not.toBe(enterprise.owner);
    await action.undo!(enterprise.open(), target(), planned.state, after);
    expect(item(folder)).toMatchObject({ trashed: true, owner: enterprise.owner });
    expect((await read()).state).toEqual(planned.state);
  });

  it('puts back into the trash what turns out to be too much', { timeout: 30_000 }, async () => {
    const shared = create({ type: 'folder', name: `shared ${count}`, owner: enterprise.owner });
    control().invite({ item: shared, user: person, role: 'viewer' });
    for (let at = 0; at < 260; at += 1) create({ type: 'file', name: `${at}`, parent: shared, text: '' });
    control().trash({ id: shared });
    const planned = await read(shared);
    await expect(apply(planned, shared)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('it is in the trash again'),
    });
    expect(item(shared)).toMatchObject({ trashed: true, owner: enterprise.owner });
    expect((await read(shared)).state).toEqual(planned.state);
  });

  it('is refused where too much is in it, with another way', { timeout: 30_000 }, async () => {
    const wide = create({ type: 'folder', name: `wide ${count}`, owner: enterprise.owner });
    for (let of = 0; of < 10; of += 1) {
      const parent = create({ type: 'folder', name: `${of}`, parent: wide });
      for (let at = 0; at < 100; at += 1) create({ type: 'file', name: `${at}`, parent, text: '' });
    }
    await expect(read(wide)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('more than 1000 items'),
      details: { remedy: expect.stringContaining(`{"ancestor":"folder:${wide}","type":"file"}`) },
    });
    const shared = create({ type: 'folder', name: `shared ${count}`, owner: enterprise.owner });
    control().invite({ item: shared, user: person, role: 'viewer' });
    for (let at = 0; at < 260; at += 1) create({ type: 'file', name: `${at}`, parent: shared, text: '' });
    await expect(read(shared)).rejects.toThrow('260 items that Box must be asked about one by one');
  });

  it('of a bookmark is refused', async () => {
    const id = create({ type: 'web_link', name: 'bookmark', owner: enterprise.owner, url: 'https://elsewhere.test' });
    await expect(action.read(enterprise.open(), { fileId: `web_link:${id}` })).rejects.toThrow('is a bookmark');
  });
});
