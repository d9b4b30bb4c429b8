import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectCost } from '../test/support/expect-cost.ts';
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
  control.setLink({ id: file, link: { access: 'open' } });
  await box.scan();
});

const login = (id: string) => box.simulator.state.user(id)!.login;
const planned = async (action: Parameters<typeof box.ask>[0], more: object = {}) => {
  const { _id } = await box.ask(action, { fileId: `file:${file}`, ...more }, { mode: 'plan' });
  await box.lane();
  return box.get(_id);
};

describe('a plan', () => {
  it('names objects, who loses access, calls, quota and what cannot be undone, and writes nothing', async () => {
    const before = box.writes();
    const plan = await planned('makePrivate');
    expect(plan.state).toBe('planned');
    expect(plan.objects).toMatchObject([
      { kind: 'files', vendorId: `file:${file}`, name: expect.stringContaining('file') },
    ]);
    expect(plan.losesAccess).toEqual([
      { who: 'whoever has the link', how: 'the shared link (open)' },
      { who: login(guest), how: 'invited as editor' },
    ]);
    expect(plan.plan!.join()).toContain('Stay, through the folder');
    expect(plan.irreversible!.join()).toContain('accept the invitation again');
    expect(plan.calls).toBeGreaterThan(2);
    expect(plan.spent!.map(({ bucket }) => bucket)).toContain(`box/${box.simulator.enterpriseId}/user/${box.owner}`);
    expect(box.writes()).toBe(before);
  });

  it('of what moves the item tells who had it by the folders above', async () => {
    const { losesAccess } = await planned('quarantineFile');
    expect(losesAccess!.map(({ who }) => who)).toEqual([
      `user ${box.owner}`,
      'whoever has the link',
      login(guest),
      login(person),
    ]);
  });

  it('is applied when accepted, at about the cost it said', async () => {
    const plan = await planned('makePrivate');
    await box.store.actions.acceptPlan(plan._id, 'a governor');
    await box.lane();
    const done = await box.get(plan._id);
    expect(done).toMatchObject({ state: 'done', verified: true });
    // A call of no user is the service account's own; one as a user is charged to both.
    const calls = (those: typeof done.spent) => Math.max(...those!.map((each) => each.calls));
    expectCost('makePrivate', calls(done.spent) - calls(plan.spent), done.calls!);
  });

  it('is refused with what differs when the object changed meanwhile, and nothing is written', async () => {
    const plan = await planned('makePrivate');
    box.simulator.control.invite({ item: file, user: person, role: 'editor' });
    box.simulator.control.setLink({ id: file, link: { access: 'company' } });
    const before = box.writes();
    await box.store.actions.acceptPlan(plan._id, 'a governor');
    await box.lane();
    const refused = await box.get(plan._id);
    expect(refused.state).toBe('refused');
    expect(refused.problem).toMatchObject({
      who: 'operator',
      what: expect.stringMatching(/changed since .* when it was planned/),
      remedy: expect.stringContaining('plan it anew'),
    });
    expect(refused.problem!.what).toContain('link.access: was "open", is "company"');
    expect(refused.problem!.what).toContain(`collaborations: new ${login(person)} (editor)`);
    expect(box.writes()).toBe(before);
  });

  it('of a folder is refused when files came into it meanwhile, and nothing is written', async () => {
    const { _id } = await box.ask('trashFile', { fileId: `folder:${folder}` }, { mode: 'plan' });
    await box.lane();
    for (let at = 0; at < 5; at += 1)
      box.simulator.control.createItem({ type: 'file', name: `late ${at}`, parent: folder, text: 'x' });
    const before = box.writes();
    await box.store.actions.acceptPlan(_id, 'a governor');
    await box.lane();
    const refused = await box.get(_id);
    expect([refused.state, box.writes()]).toEqual(['refused', before]);
    expect(refused.problem!.what).toContain('contents.items: was 1, is 6');
  });

  it.each(['id', 'login'] as const)('is refused where it takes access from somebody protected by %s', async (by) => {
    const name = by === 'id' ? guest : login(guest);
    await box.store.connections.update(box.connectionId, { protected: [name] });
    const refused = await planned('removeCollaborator', { shareTo: login(guest) });
    await box.store.connections.update(box.connectionId, { protected: [] });
    expect([refused.state, refused.problem!.what]).toEqual(['refused', expect.stringContaining('protected principal')]);
  });
});
