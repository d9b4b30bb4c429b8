import type { ActionName } from '../../connectors/actions.ts';
import { pick, type Random } from '../../simulators/kit/seeded.ts';
import { ROLES } from '../../simulators/box/objects.ts';
import type { ItemTruth } from '../../simulators/box/truth.ts';
import type { BoxEnterprise } from './box-enterprise.ts';

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
const ofFolders: ActionName[] = [...ofAll, 'trashFile', 'quarantineFile', 'quarantineFile', 'quarantineFile'];
export const ofFiles: ActionName[] = [...ofAll, 'quarantineFile', 'quarantineFile', 'overwriteFile', 'overwriteFile'];

export const keyOf = ({
  grantee,
  inviteEmail,
}: Pick<ItemTruth['collaborations'][number], 'grantee' | 'inviteEmail'>) =>
  grantee ? `${grantee.type} ${grantee.id}` : String(inviteEmail);

/** Who there is to share with. */
export interface Cast {
  people: string[];
  guests: string[];
  groups: string[];
}

export interface Arranged {
  top: string;
  item: { id: string; type: ItemTruth['type'] };
  name: ActionName;
  shareTo?: string;
  /** Whose collaboration `shareTo` names. */
  chosen?: string;
  /** Between the action and its undo: an account and a group that are deleted, a folder that is purged. */
  vanishing: { user?: string; group?: string; parent?: string };
  /** The item's folder, which is in the trash when an undo is first tried. */
  thrownAway?: string;
  /** Links below are lost with the trash. */
  linksLost: boolean;
}

function randomLink(random: Random, at: number) {
  const access = pick(random, ['open', 'open', 'company', 'collaborators'] as const);
  const own = access !== 'collaborators';
  return {
    access,
    ...(access === 'open' && random() < 0.4 ? { password: 'made-up-password' } : {}),
    ...(random() < 0.4 ? { unsharedAt: inDays(random() * 60) } : {}),
    ...(own ? { canDownload: random() < 0.6, canEdit: random() < 0.2 } : {}),
    ...(random() < 0.2 ? { vanityName: `a-vanity-name-${at}` } : {}),
  };
}

/** People of the enterprise too may have to accept, or have declined. */
function statusOf(random: Random) {
  const chance = random();
  return chance < 0.12 ? ('rejected' as const) : chance < 0.24 ? ('pending' as const) : ('accepted' as const);
}

function share(
  { simulator }: BoxEnterprise,
  { people, guests, groups }: Cast,
  random: Random,
  id: string,
  at: number,
): void {
  const { control, state } = simulator;
  if (random() < 0.7) control.setLink({ id, link: randomLink(random, at) });
  const some = <T>(values: readonly T[], share: number) => values.filter(() => random() < share);
  const isFolder = control.item({ id })!.type === 'folder';
  const whom = [
    ...some([...people, ...guests], 0.25).map((user) => ({ user, status: statusOf(random) })),
    ...some(groups, 0.3).map((group) => ({ group })),
    ...some(['a', 'b'], 0.15).map((name) => ({ email: `${name}${at}@nowhere.test` })),
  ];
  for (const one of whom) {
    const expiresAt = random() < 0.3 ? inDays(random() * 60) : undefined;
    const made = control.invite({
      item: id,
      ...one,
      role: pick(random, ROLES),
      expiresAt,
      canViewPath: isFolder && random() < 0.2,
    }).id;
    if (random() < 0.1) state.collabs.get(made)!.accessOnly = true;
  }
}

/** Folders in folders, a bookmark and something in the trash, each shared by itself or not. */
function fillFolder(enterprise: BoxEnterprise, cast: Cast, random: Random, folder: string, at: number): void {
  const { control } = enterprise.simulator;
  let parent = folder;
  for (let depth = 0; depth < 2; depth++) {
    const made = ['file', 'file', 'folder'].map(
      (type, index) => control.createItem({ type, name: `${type} ${index}`, parent, text: `${depth}` } as never).id,
    );
    made.forEach((id, index) => random() < 0.5 && share(enterprise, cast, random, id, at * 1000 + depth * 10 + index));
    parent = made.at(-1)!;
  }
  const bookmark = control.createItem({ type: 'web_link', name: 'bookmark', parent, url: 'https://elsewhere.test' }).id;
  control.setLink({ id: bookmark, link: randomLink(random, at * 1000 + 99) });
  control.trash({ id: control.createItem({ type: 'file', name: 'thrown away', parent, text: '1' }).id });
}

export function arrange(enterprise: BoxEnterprise, cast: Cast, random: Random, at: number): Arranged {
  const { control } = enterprise.simulator;
  const { owner } = enterprise;
  const top = control.createItem({ type: 'folder', name: `case ${at}`, owner }).id;
  share(enterprise, cast, random, top, at * 10 + 1);
  const parent = random() < 0.5 ? control.createItem({ type: 'folder', name: 'below', parent: top }).id : top;
  const type = pick(random, ['file', 'file', 'file', 'folder', 'folder', 'web_link'] as const);
  const name = pick(random, type === 'file' ? ofFiles : type === 'folder' ? ofFolders : ofLinks);
  const url = type === 'web_link' ? { url: 'https://elsewhere.test' } : {};
  const { id } = control.createItem({ type, name: `item ${at}`, parent, text: `first of ${at}`, ...url });
  if (type === 'file')
    for (let more = Math.floor(random() * 4); more > 0; more--) control.addVersion({ id, text: `${at} ${more}` });
  if (type === 'folder') {
    const child = control.createItem({ type: 'file', name: 'child', parent: id, text: 'child' }).id;
    if (random() < 0.5) control.setLink({ id: child, link: { access: 'open' } });
    for (const user of cast.people.slice(0, 2)) control.invite({ item: child, user, role: 'viewer' });
  }
  if (type === 'folder' && name === 'quarantineFile') fillFolder(enterprise, cast, random, id, at);
  const trashed = name === 'restoreFile' || (name === 'quarantineFile' && random() < 0.4);
  if (type === 'web_link') control.setLink({ id, link: randomLink(random, at) });
  else if (!trashed) share(enterprise, cast, random, id, at * 10 + 2);
  const vanishing: Arranged['vanishing'] = {};
  const leaves = ['makePrivate', 'quarantineFile', 'trashFile'].includes(name) && !trashed;
  if (leaves && random() < 0.3) {
    vanishing.user = control.createUser({ login: `leaver${at}@acme.test`, name: 'Leaver' }).id;
    vanishing.group = control.createGroup({ name: `leaving ${at}` }).id;
    control.invite({ item: id, user: vanishing.user, role: 'editor' });
    control.invite({ item: id, group: vanishing.group, role: 'viewer' });
  }
  if (leaves && name !== 'makePrivate' && parent !== top && random() < 0.4) vanishing.parent = parent;
  if (trashed) control.trash({ id });
  const shares = control.item({ id })!.collaborations.filter(({ status }) => status !== 'rejected');
  const one = shares.length > 0 ? pick(random, shares) : undefined;
  const linksLost = name === 'trashFile' && random() < 0.6;
  const mayBeThrownAway = !trashed && parent !== top && vanishing.parent === undefined && !linksLost;
  const login = (user: string) => enterprise.simulator.state.user(user)!.login;
  const grantee = one?.grantee;
  const shareTo = !one
    ? 'nobody@nowhere.test'
    : !grantee
      ? one.inviteEmail!
      : cast.guests.includes(grantee.id)
        ? login(grantee.id)
        : grantee.id;
  return {
    top,
    item: { id, type },
    name,
    ...(name === 'removeCollaborator' ? { shareTo, chosen: one && keyOf(one) } : {}),
    vanishing,
    linksLost,
    ...(mayBeThrownAway && random() < 0.4 ? { thrownAway: parent } : {}),
  };
}
