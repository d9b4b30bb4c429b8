import type { Collab, CollabRole, Item, User } from './objects.ts';
import type { BoxState } from './state.ts';

export type Role = CollabRole | 'owner';
export type Right = 'see' | 'preview' | 'download' | 'upload' | 'edit' | 'delete' | 'share' | 'invite' | 'own';

const RIGHTS: Record<Role, readonly Right[]> = {
  owner: ['see', 'preview', 'download', 'upload', 'edit', 'delete', 'share', 'invite', 'own'],
  'co-owner': ['see', 'preview', 'download', 'upload', 'edit', 'delete', 'share', 'invite', 'own'],
  editor: ['see', 'preview', 'download', 'upload', 'edit', 'delete', 'share', 'invite'],
  'viewer uploader': ['see', 'preview', 'download', 'upload', 'share'],
  'previewer uploader': ['see', 'preview', 'upload'],
  viewer: ['see', 'preview', 'download', 'share'],
  previewer: ['see', 'preview'],
  uploader: ['see', 'upload'],
};
/** From the weakest to the strongest. */
const STRENGTH: readonly Role[] = [
  'uploader',
  'previewer',
  'viewer',
  'previewer uploader',
  'viewer uploader',
  'editor',
  'co-owner',
  'owner',
];

export const holds = (role: Role | undefined, right: Right): boolean =>
  role !== undefined && RIGHTS[role].includes(right);
export const stronger = (a: Role | undefined, b: Role | undefined): Role | undefined =>
  STRENGTH.indexOf(a as Role) >= STRENGTH.indexOf(b as Role) ? a : b;

export const ownerOf = (state: BoxState, id: number): User => state.userByNumber.get(-state.items.rootOf(id)) as User;

/** The folders above an item, the topmost first. */
export function ancestors(state: BoxState, id: number): number[] {
  const above: number[] = [];
  for (let at = state.items.parentOf(id); at >= 0; at = state.items.parentOf(at)) above.unshift(at);
  return above;
}

/** False for what is in the trash or below something that is. */
export function isLive(state: BoxState, id: number): boolean {
  if (!state.items.has(id)) return false;
  for (let at = id; at >= 0; at = state.items.parentOf(at)) if (state.items.isTrashed(at)) return false;
  return true;
}

export function collabsOn(state: BoxState, id: number): Collab[] {
  const ids = state.collabsOfItem.get(id);
  return ids ? [...ids].map((one) => state.collabs.get(one) as Collab) : [];
}

/** The role that a user has on exactly this item, not counting what is inherited. */
export function directRole(state: BoxState, userId: string, id: number): Role | undefined {
  const ids = state.collabsOfItem.get(id);
  if (!ids) return undefined;
  let best: Role | undefined;
  for (const one of ids) {
    const { grantee, status, role } = state.collabs.get(one) as Collab;
    if (status !== 'accepted' || !grantee) continue;
    const mine =
      grantee.type === 'user' ? grantee.id === userId : state.groupsOfUser.get(userId)?.has(grantee.id) === true;
    if (mine) best = stronger(role, best);
  }
  return best;
}

/** What a user may do with an item: as owner of the tree, or by the strongest share on it or above it. */
export function roleOf(state: BoxState, user: User, id: number): Role | undefined {
  if (state.items.rootOf(id) === -user.number) return 'owner';
  let best: Role | undefined;
  for (let at = id; at >= 0; at = state.items.parentOf(at)) best = stronger(directRole(state, user.id, at), best);
  return best;
}

/** The folders above an item that this user sees, the topmost first; the user's root is left out. */
export function visibleAncestors(state: BoxState, user: User, id: number): number[] {
  const above = ancestors(state, id);
  if (state.items.rootOf(id) === -user.number) return above;
  const from = above.findIndex((one) => directRole(state, user.id, one) !== undefined);
  return from < 0 ? [] : above.slice(from);
}

/** Items of others that appear in a user's root: shared ones below nothing that is shared with the user too. */
export function sharedIntoRoot(state: BoxState, user: User): number[] {
  const items = new Set<number>();
  const keys = [`user ${user.id}`, ...[...(state.groupsOfUser.get(user.id) ?? [])].map((id) => `group ${id}`)];
  for (const key of keys) {
    for (const id of state.collabsOfGrantee.get(key) ?? []) {
      const collab = state.collabs.get(id) as Collab;
      if (collab.status === 'accepted' && !collab.accessOnly) items.add(collab.item);
    }
  }
  return [...items]
    .filter((id) => state.items.rootOf(id) !== -user.number && isLive(state, id))
    .filter((id) => visibleAncestors(state, user, id).length === 0)
    .sort((a, b) => a - b);
}

/** Whether anybody but the owner was invited, to it or to a folder above. */
export function hasCollaborations(state: BoxState, item: Item): boolean {
  for (let at = item.id; at >= 0; at = state.items.parentOf(at)) {
    if ((state.collabsOfItem.get(at)?.size ?? 0) > 0) return true;
  }
  return false;
}

/** Users who see an item, the owner first. */
export function audience(state: BoxState, id: number): Set<string> {
  const users = new Set([ownerOf(state, id).id]);
  for (let at = id; at >= 0; at = state.items.parentOf(at)) {
    for (const { grantee, status } of collabsOn(state, at)) {
      if (status !== 'accepted' || !grantee) continue;
      if (grantee.type === 'user') users.add(grantee.id);
      else for (const userId of state.groups.get(grantee.id)?.members.keys() ?? []) users.add(userId);
    }
  }
  return users;
}
