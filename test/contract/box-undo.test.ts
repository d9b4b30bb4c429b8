import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import type { ActionState } from '../../connectors/connector.ts';
import { box } from '../../connectors/box/index.ts';
import { pick, seeded, type Random } from '../../simulators/kit/seeded.ts';
import { ROLES } from '../../simulators/box/objects.ts';
import type { ItemTruth } from '../../simulators/box/truth.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

/** Random sharing, one action, its undo: afterwards the vendor is as it was, but for what the plan told beforehand. */
const cases = 240;
const day = 86_400_000;
/** Box writes whole seconds. */
const inDays = (days: number) => Math.floor(Date.now() / 1000) * 1000 + Math.ceil(1 + days) * day;
const ofLinks: ActionName[] = ['removePublicAccess', 'restrictLink', 'removeLink'];
const ofAll: ActionName[] = [
  ...ofLinks,
  'removeExternalAccess',
  'makePrivate',
  'removeCollaborator',
  'trashFile',
  'restoreFile',
];
const ofFolders: ActionName[] = [...ofAll, 'quarantineFile', 'quarantineFile', 'quarantineFile'];
const ofFiles: ActionName[] = [...ofAll, 'quarantineFile', 'quarantineFile', 'overwriteFile'];

let enterprise: BoxEnterprise;
const people: string[] = [];
const guests: string[] = [];
const groups: string[] = [];
let everybody: string[] = [];
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
  everybody = [...people, ...guests];
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

interface Made {
  id: string;
  type: ItemTruth['type'];
}

function randomLink(random: Random, at: number) {
  const access = pick(random, ['open', 'open', 'company', 'collaborators'] as const);
  const own = access !== 'collaborators';
  return {
    access,
    ...(own && random() < 0.3 ? { password: 'made-up-password' } : {}),
    ...(random() < 0.4 ? { unsharedAt: inDays(random() * 60) } : {}),
    ...(own ? { canDownload: random() < 0.6, canEdit: random() < 0.2 } : {}),
    ...(random() < 0.2 ? { vanityName: `a-vanity-name-${at}` } : {}),
  };
}

function share(random: Random, id: string, at: number): void {
  const { control, state } = enterprise.simulator;
  if (random() < 0.7) control.setLink({ id, link: randomLink(random, at) });
  const some = <T>(values: readonly T[], share: number) => values.filter(() => random() < share);
  const whom = [
    ...some(everybody, 0.25).map((user) => ({ user })),
    ...some(groups, 0.3).map((group) => ({ group })),
    ...some(['a', 'b'], 0.15).map((name) => ({ email: `${name}${at}@nowhere.test` })),
  ];
  for (const one of whom) {
    const expiresAt = random() < 0.3 ? inDays(random() * 60) : undefined;
    const made = control.invite({ item: id, ...one, role: pick(random, ROLES), expiresAt }).id;
    if (random() < 0.1) state.collabs.get(made)!.accessOnly = true;
  }
}

/** Folders in folders, a bookmark and something in the trash, each shared by itself or not. */
function fillFolder(random: Random, folder: string, at: number): void {
  const { control } = enterprise.simulator;
  let parent = folder;
  for (let depth = 0; depth < 2; depth++) {
    const made = ['file', 'file', 'folder'].map(
      (type, index) => control.createItem({ type, name: `${type} ${index}`, parent, text: `${depth}` } as never).id,
    );
    made.forEach((id, index) => random() < 0.5 && share(random, id, at * 1000 + depth * 10 + index));
    parent = made.at(-1)!;
  }
  const bookmark = control.createItem({ type: 'web_link', name: 'bookmark', parent, url: 'https://elsewhere.test' }).id;
  control.setLink({ id: bookmark, link: randomLink(random, at * 1000 + 99) });
  control.trash({ id: control.createItem({ type: 'file', name: 'thrown away', parent, text: '1' }).id });
}

function arrange(random: Random, at: number): { top: string; item: Made; name: ActionName; shareTo?: string } {
  const { control } = enterprise.simulator;
  const { owner } = enterprise;
  const top = control.createItem({ type: 'folder', name: `case ${at}`, owner }).id;
  share(random, top, at * 10 + 1);
  const parent = random() < 0.5 ? control.createItem({ type: 'folder', name: 'below', parent: top }).id : top;
  const type = pick(random, ['file', 'file', 'file', 'folder', 'web_link'] as const);
  const name = pick(random, type === 'file' ? ofFiles : type === 'folder' ? ofFolders : ofLinks);
  const url = type === 'web_link' ? { url: 'https://elsewhere.test' } : {};
  const { id } = control.createItem({ type, name: `item ${at}`, parent, text: `first of ${at}`, ...url });
  if (type === 'file')
    for (let more = Math.floor(random() * 4); more > 0; more--) control.addVersion({ id, text: `${at} ${more}` });
  if (type === 'folder') {
    const child = control.createItem({ type: 'file', name: 'child', parent: id, text: 'child' }).id;
    for (const user of people.slice(0, 2)) control.invite({ item: child, user, role: 'viewer' });
  }
  if (type === 'folder' && name === 'quarantineFile') fillFolder(random, id, at);
  const trashed = name === 'restoreFile' || (name === 'quarantineFile' && random() < 0.3);
  if (type === 'web_link') control.setLink({ id, link: randomLink(random, at) });
  else if (!trashed) share(random, id, at * 10 + 2);
  if (trashed) control.trash({ id });
  const shares = control.item({ id })!.collaborations;
  const one = shares.length > 0 ? pick(random, shares) : undefined;
  const login = (user: string) => enterprise.simulator.state.user(user)!.login;
  const grantee = one?.grantee;
  const shareTo = !one
    ? 'nobody@nowhere.test'
    : !grantee
      ? one.inviteEmail!
      : guests.includes(grantee.id)
        ? login(grantee.id)
        : grantee.id;
  return { top, item: { id, type }, name, ...(name === 'removeCollaborator' ? { shareTo } : {}) };
}

const key = ({ grantee, inviteEmail }: Pick<ItemTruth['collaborations'][number], 'grantee' | 'inviteEmail'>) =>
  grantee ? `${grantee.type} ${grantee.id}` : String(inviteEmail);

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
      .map(({ id: _id, ...one }) => ({ ...one, key: key(one) }))
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
function allowed(state: Shown, { item, name }: ReturnType<typeof arrange>, told: readonly string[]): Shown {
  const items = new Map(state.items);
  const said = (pattern: RegExp) => told.some((sentence) => pattern.test(sentence));
  const guest = (id: string | undefined) => id !== undefined && guests.includes(id);
  const outOfTrash = name === 'quarantineFile' && items.get(item.id)!.trashed;
  for (const shown of within(state, item.id)) {
    const top = shown.id === item.id;
    const bare = outOfTrash && !top && said(/of what is in it, are removed for good/);
    items.set(shown.id, {
      ...shown,
      ...(outOfTrash && top && said(/does not tell from which folder/) ? { parent: '?' } : {}),
      ...(bare ? { link: null } : {}),
      collaborations: bare
        ? []
        : shown.collaborations.map((one) =>
            guest(one.grantee?.id) && said(/accept the invitation again/)
              ? { ...one, status: 'pending' as const }
              : one,
          ),
    });
  }
  return { ...state, items };
}

describe('an action and its undo', () => {
  const done = new Map<string, number>();

  it(`leave the enterprise as it was, in ${cases} random sharings`, { timeout: 240_000 }, async () => {
    for (let at = 0; at < cases; at++) {
      const given = arrange(seeded(7_000 + at), at);
      const { item, name, shareTo } = given;
      const before = wholeState();
      const acted = await act(name, item.id, shareTo === undefined ? {} : { shareTo }, item.type);
      const told = acted.before.irreversible;
      const about = `case ${at}: ${name} of ${JSON.stringify(item)}`;
      expect([about, acted.verified]).toEqual([about, true]);
      const shown = enterprise.simulator.control.item({ id: item.id })!;
      const remains = [
        shown.link?.access,
        shown.collaborations.length,
        shown.trashed,
        shown.owner === enterprise.owner,
      ];
      expect([about, ...remains]).toEqual([about, ...expectedAfter(name, remains)]);
      if (name === 'quarantineFile')
        for (const { link, collaborations, owner, trashed } of within(wholeState(), item.id))
          if (!trashed) expect([about, link, collaborations, owner]).toEqual([about, null, [], keeper]);
      await acted.undo();
      expect([about, allowed(wholeState(), given, told)]).toEqual([about, allowed(before, given, told)]);
      expect([about, acted.before.done === true || !(await acted.standsStill())]).toEqual([about, true]);
      // Once more does no harm.
      await acted.undo();
      expect([about, allowed(wholeState(), given, told)]).toEqual([about, allowed(before, given, told)]);
      const passwordLost = before.items.get(item.id)!.link?.password === true && !acted.before.done;
      if (
        passwordLost &&
        !['removeCollaborator', 'overwriteFile', 'removeExternalAccess', 'removePublicAccess'].includes(name)
      )
        expect([about, told.some((sentence) => /password/.test(sentence))]).toEqual([about, true]);
      const trashed = before.items.get(item.id)!.trashed ? 'trashed ' : '';
      for (const tried of [name, `${item.type}: ${name}`, `${trashed}${item.type}: ${name}`])
        done.set(tried, (done.get(tried) ?? 0) + 1);
      enterprise.simulator.control.purge({ id: given.top });
    }
  });

  it('was tried for every action on files', () => {
    for (const name of [...ofFiles, 'folder: quarantineFile', 'trashed folder: quarantineFile'])
      expect([name, (done.get(name) ?? 0) >= 8]).toEqual([name, true]);
  });
});

/** What must be so after each, where it was otherwise before; the rest as it is. */
function expectedAfter(name: ActionName, [access, shares, trashed, owned]: unknown[]): unknown[] {
  switch (name) {
    case 'removePublicAccess':
      return [access === 'open' ? 'company' : access, shares, false, true];
    case 'restrictLink':
      return [access === undefined ? undefined : 'collaborators', shares, false, true];
    case 'removeLink':
      return [undefined, shares, false, true];
    case 'makePrivate':
      return [undefined, 0, false, true];
    case 'quarantineFile':
      return [undefined, 0, false, false];
    case 'trashFile':
      return [undefined, shares, true, true];
    case 'restoreFile':
      return [access, shares, false, true];
    default:
      return [access, shares, trashed, owned];
  }
}
