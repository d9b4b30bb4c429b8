import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import type { ActionState } from '../../connectors/connector.ts';
import { box } from '../../connectors/box/index.ts';
import { seeded } from '../../simulators/kit/seeded.ts';
import { arrange, keyOf, ofFiles, type Arranged } from './box-arranged.ts';
import type { ItemTruth } from '../../simulators/box/truth.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

/** Random sharing, one action, its undo: afterwards the vendor is as it was, but for what the plan told beforehand. */
const cases = 220;
let enterprise: BoxEnterprise;
const people: string[] = [];
const guests: string[] = [];
const groups: string[] = [];
let keeper: string;

beforeAll(async () => {
  enterprise = await startEnterprise({
    fill: { users: 6, externals: 3, groups: 3, items: 0, events: 0, devicePins: 0 },
  });
  const truth = enterprise.simulator.control.truth({ only: ['users', 'groups'] });
  const users = truth.users as { id: string; kind: string; status: string }[];
  people.push(...users.filter(({ kind, id }) => kind === 'managed' && id !== enterprise.owner).map(({ id }) => id));
  guests.push(...users.filter(({ kind }) => kind === 'external').map(({ id }) => id));
  groups.push(...(truth.groups as { id: string; groupType: string }[]).map(({ id }) => id));
  // The quarantine's own folder stays once it is there.
  const { control } = enterprise.simulator;
  const first = control.createItem({ type: 'file', name: 'first', owner: enterprise.owner, text: '1' }).id;
  await act('quarantineFile', first);
  keeper = control.item({ id: first })!.owner;
}, 30_000);
afterAll(() => enterprise.close());

async function act(name: ActionName, id: string, more: object = {}, type = 'file') {
  const action = box.actions[name]!;
  const target = { fileId: `${type}:${id}`, ...more } as never;
  const roundTrip = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  const before = roundTrip(await action.read(enterprise.open(), target));
  const applied = await action.apply(enterprise.open(), target, before.state);
  if (!('after' in applied)) throw new Error(`${name} is pending`);
  const after: ActionState = roundTrip(applied.after);
  return {
    before,
    after,
    verified: action.verified(before.state, after),
    /** What the engine asks after an undo, when the state is not to the letter the one before. */
    standsStill: async () =>
      action.verified(before.state, roundTrip((await action.read(enterprise.open(), target)).state)),
    undo: () => action.undo!(enterprise.open(), target, before.state, after),
  };
}

/** The whole enterprise, without what no undo gives back and every plan tells: ids, dates, counts, the password itself. */
function wholeState() {
  const {
    items,
    users,
    memberships,
    groups: all,
  } = enterprise.simulator.control.truth({
    only: ['items', 'users', 'memberships', 'groups'],
  });
  const shown = items!.map(({ etag: _, collaborations, link, versions, ...rest }) => ({
    ...rest,
    link: link && { ...link, password: link.password !== null },
    collaborations: collaborations
      .map(({ id: _id, ...one }) => ({ ...one, key: keyOf(one) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    versions: versions.filter(({ trashed }) => !trashed).map(({ sha1, size }) => `${sha1} ${size}`),
  }));
  return { items: new Map(shown.map((item) => [item.id, item])), users, memberships, groups: all };
}
type Shown = ReturnType<typeof wholeState>;

/** An item and what is below it. */
function within(state: Shown, id: string) {
  const isBelow = (at: string | undefined): boolean =>
    at !== undefined && (at === id || isBelow(state.items.get(at)?.parent));
  return [...state.items.values()].filter((item) => isBelow(item.id));
}

/** What may differ, if the plan said so. */
function allowed(state: Shown, { item, name, vanishing, linksLost }: Arranged, told: readonly string[]): Shown {
  const items = new Map(state.items);
  const { user, group, parent } = vanishing;
  if (parent !== undefined) items.delete(parent);
  const stays = ({ grantee }: { grantee: { id: string } | null }) =>
    grantee === null || (grantee.id !== user && grantee.id !== group);
  const said = (pattern: RegExp) => told.some((sentence) => pattern.test(sentence));
  const guest = (id: string | undefined) => id !== undefined && guests.includes(id);
  const outOfTrash = name === 'quarantineFile' && items.get(item.id)!.trashed;
  for (const shown of within(state, item.id)) {
    const top = shown.id === item.id;
    const bare = outOfTrash && !top && said(/of what is in it, are removed for good/);
    items.set(shown.id, {
      ...shown,
      ...(outOfTrash && top && said(/does not tell from which folder/) ? { parent: '?' } : {}),
      ...(top && parent !== undefined ? { parent: '?' } : {}),
      ...(bare || (linksLost && !top && said(/^Links of what is in the folder may not come back/))
        ? { link: null }
        : {}),
      collaborations: bare
        ? []
        : shown.collaborations.filter(stays).map((one) => {
            if (one.status === 'rejected') return one;
            if (guest(one.grantee?.id) && said(/accept the invitation again/))
              return { ...one, status: 'pending' as const };
            if (one.grantee && one.status === 'pending' && said(/had not accepted yet/))
              return { ...one, status: 'accepted' as const };
            return one;
          }),
    });
  }
  const others = <T extends Record<string, unknown>>(rows: T[] | undefined) =>
    rows?.filter(({ id }) => id !== user && id !== group);
  return { ...state, items, users: others(state.users), groups: others(state.groups) };
}

describe('an action and its undo', () => {
  const done = new Map<string, number>();

  it(`leave the enterprise as it was, in ${cases} random sharings`, { timeout: 240_000 }, async () => {
    for (let at = 0; at < cases; at++) {
      const given = arrange(enterprise, { people, guests, groups }, seeded(7_000 + at), at);
      const { item, name, shareTo, vanishing } = given;
      const { control } = enterprise.simulator;
      control.knobs({ linksBelowTrash: given.linksLost ? 'lost' : 'kept' });
      const before = wholeState();
      const acted = await act(name, item.id, shareTo === undefined ? {} : { shareTo }, item.type);
      const told = acted.before.irreversible;
      const about = `case ${at}: ${name} of ${JSON.stringify(item)}`;
      expect([about, acted.verified]).toEqual([about, true]);
      const shown = control.item({ id: item.id })!;
      const remains = {
        access: shown.link?.access,
        shares: letIn(shown),
        trashed: shown.trashed,
        owned: shown.owner === enterprise.owner,
        versions: shown.versions.filter(({ trashed }) => !trashed).length,
      };
      expect([about, remains]).toEqual([about, expectedAfter(given, before.items.get(item.id)!)]);
      if (name === 'quarantineFile')
        for (const held of within(wholeState(), item.id))
          if (!held.trashed) expect([about, held.link, letIn(held), held.owner]).toEqual([about, null, [], keeper]);
      if (vanishing.user !== undefined) control.deleteUser({ user: vanishing.user });
      if (vanishing.group !== undefined) control.deleteGroup({ group: vanishing.group });
      if (vanishing.parent !== undefined) control.purge({ id: vanishing.parent });
      if (given.thrownAway !== undefined) await undoneInTrash(given.thrownAway, name, acted.undo);
      const missing = ((await acted.undo()) ?? []).join('\n');
      if (vanishing.user !== undefined)
        expect(missing).toMatch(/leaver\d+@acme.test \(editor\) did not get access back/);
      if (vanishing.group !== undefined)
        expect(missing).toMatch(/group leaving \d+ \(viewer\) did not get access back/);
      if (vanishing.parent !== undefined) expect(missing).toContain('it lies in the root of its owner');
      expect([about, allowed(wholeState(), given, told)]).toEqual([about, allowed(before, given, told)]);
      const nothingLeft = acted.before.done === true || vanishing.user !== undefined;
      expect([about, nothingLeft || !(await acted.standsStill())]).toEqual([about, true]);
      // Once more does no harm.
      await acted.undo();
      expect([about, allowed(wholeState(), given, told)]).toEqual([about, allowed(before, given, told)]);
      const passwordLost = before.items.get(item.id)!.link?.password === true && !acted.before.done;
      if (passwordLost && !['removeCollaborator', 'overwriteFile'].includes(name))
        expect([about, told.some((sentence) => /password/.test(sentence))]).toEqual([about, true]);
      const trashed = before.items.get(item.id)!.trashed ? 'trashed ' : '';
      for (const tried of [name, `${item.type}: ${name}`, `${trashed}${item.type}: ${name}`])
        done.set(tried, (done.get(tried) ?? 0) + 1);
      for (const [kind, id] of Object.entries(vanishing)) done.set(kind, (done.get(kind) ?? 0) + (id ? 1 : 0));
      if (given.thrownAway !== undefined) done.set('thrown away', (done.get('thrown away') ?? 0) + 1);
      if (given.linksLost && item.type === 'folder') done.set('links lost', (done.get('links lost') ?? 0) + 1);
      if (vanishing.parent !== undefined) control.purge({ id: item.id });
      control.purge({ id: given.top });
    }
  });

  it('was tried for every action on files', () => {
    for (const name of [...ofFiles, 'folder: quarantineFile', 'trashed folder: quarantineFile'])
      expect([name, (done.get(name) ?? 0) >= 8]).toEqual([name, true]);
    for (const name of ['user', 'group', 'parent', 'links lost', 'thrown away'])
      expect([name, (done.get(name) ?? 0) >= 3]).toEqual([name, true]);
  });
});

/**
 * As long as its folder is in the trash Box does not show the item: told, and nothing is done by halves. What is in
 * quarantine comes back at once, into the root, and into the folder once that is back.
 */
async function undoneInTrash(folder: string, name: ActionName, undo: () => Promise<readonly string[] | void>) {
  const { control } = enterprise.simulator;
  control.trash({ id: folder });
  if (name === 'quarantineFile') expect((await undo())!.join()).toContain('it lies in the root of its owner');
  else
    await expect(undo()).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringMatching(/cannot be reached while its folder below \(folder:\d+\) is in the trash/),
    });
  control.restore({ id: folder });
}

const letIn = ({ collaborations }: { collaborations: Omit<ItemTruth['collaborations'][number], 'id'>[] }) =>
  collaborations
    .filter(({ status }) => status !== 'rejected')
    .map(keyOf)
    .sort();

/** What must be so after each, by what was before; each is told of its own. */
function expectedAfter({ name, chosen }: Arranged, before: NonNullable<ReturnType<Shown['items']['get']>>) {
  const access = before.link?.access;
  const shares = letIn(before);
  const as = { access, shares, trashed: before.trashed, owned: true, versions: before.versions.length };
  const closed = access === 'open' ? 'company' : access;
  switch (name) {
    case 'removePublicAccess':
      return { ...as, access: closed };
    case 'restrictLink':
      return { ...as, access: access && 'collaborators' };
    case 'removeLink':
      return { ...as, access: undefined };
    case 'makePrivate':
      return { ...as, access: undefined, shares: [] };
    case 'quarantineFile':
      return { ...as, access: undefined, shares: [], trashed: false, owned: false };
    case 'trashFile':
      return { ...as, access: undefined, trashed: true };
    case 'restoreFile':
      return { ...as, trashed: false };
    case 'removeCollaborator':
      return { ...as, shares: shares.filter((share) => share !== chosen) };
    case 'removeExternalAccess': {
      const inside = (share: string) => !share.includes('@') && !guests.some((guest) => share === `user ${guest}`);
      return { ...as, access: closed, shares: shares.filter(inside) };
    }
    case 'overwriteFile':
      return { ...as, versions: 1 };
    default:
      throw new Error(`no expectation of ${name}`);
  }
}
