import { ownerOf } from './access.ts';
import { countExecuted } from '../kit/counters.ts';
import { recordItem } from './record.ts';
import type { By } from './record.ts';
import { collabSource } from './render-collab.ts';
import { userMini } from './render-user.ts';
import type { Collab, CollabRole, Item, User } from './objects.ts';
import type { BoxState } from './state.ts';

export interface NewCollab {
  item: number;
  grantee: Collab['grantee'];
  inviteEmail?: string;
  role: CollabRole;
  status?: Collab['status'];
  expiresAt?: number | null;
  accessOnly?: boolean;
  canViewPath?: boolean;
  createdAt?: number;
}

const FIRST = 14_000_000_000;

export const keyOf = (collab: Pick<Collab, 'grantee' | 'inviteEmail'>): string =>
  collab.grantee ? `${collab.grantee.type} ${collab.grantee.id}` : `email ${collab.inviteEmail?.toLowerCase()}`;

function into<K>(index: Map<K, Set<string>>, key: K, id: string): void {
  const held = index.get(key);
  if (held) held.add(id);
  else index.set(key, new Set([id]));
}

/** Adds a share without an event; filling uses it too. */
export function putCollab(state: BoxState, userId: string, given: NewCollab): Collab {
  const seq = state.seq();
  const now = given.createdAt ?? state.now();
  const status = given.status ?? 'accepted';
  const collab = state.collabs.add({
    id: String(FIRST + seq),
    seq,
    item: given.item,
    grantee: given.grantee,
    inviteEmail: given.inviteEmail ?? null,
    role: given.role,
    status,
    expiresAt: given.expiresAt ?? null,
    accessOnly: given.accessOnly ?? false,
    canViewPath: given.canViewPath ?? false,
    createdBy: userId,
    createdAt: now,
    modifiedAt: now,
    acknowledgedAt: status === 'accepted' ? now : null,
  });
  into(state.collabsOfItem, collab.item, collab.id);
  into(state.collabsOfGrantee, keyOf(collab), collab.id);
  watchExpiry(state, collab);
  return collab;
}

function watchExpiry(state: BoxState, collab: Collab): void {
  const at = collab.expiresAt;
  if (at === null) return;
  state.due.add(at, () => {
    const item = state.items.get(collab.item);
    if (!item || state.collabs.get(collab.id) !== collab || collab.expiresAt !== at) return;
    recordItem(
      state,
      { type: 'COLLABORATION_EXPIRATION', by: { userId: collab.createdBy }, ...told(state, collab) },
      item,
    );
    dropCollab(state, collab);
  });
}

const WORDS: Record<string, string> = {
  'co-owner': 'Co-owner',
  editor: 'Editor',
  viewer: 'Viewer',
  previewer: 'Previewer',
};

function told(state: BoxState, collab: Collab) {
  const { grantee, role } = collab;
  return {
    source: collabSource(state, collab),
    accessibleBy:
      grantee?.type === 'user'
        ? userMini(state, grantee.id)
        : grantee
          ? { type: 'group', id: grantee.id, name: state.groups.get(grantee.id)?.name }
          : null,
    details: {
      type: 'box://event/additional_details/collaboration',
      collab_id: collab.id,
      role: WORDS[role] ?? role,
      is_performed_by_admin: false,
    },
  };
}

export function invite(state: BoxState, by: By, given: NewCollab): Collab {
  const collab = putCollab(state, by.userId, given);
  const item = state.items.get(collab.item) as Item;
  countExecuted(state.counters, 'invite', collab.id);
  recordItem(state, { type: 'COLLABORATION_INVITE', by, ...told(state, collab) }, item);
  if (collab.status === 'accepted')
    recordItem(state, { type: 'COLLABORATION_ACCEPT', by, ...told(state, collab) }, item);
  if (collab.grantee?.type === 'group') recordItem(state, { type: 'GROUP_ADD_ITEM', by, ...told(state, collab) }, item);
  return collab;
}

export interface CollabPatch {
  role?: CollabRole;
  status?: Collab['status'];
  expiresAt?: number | null;
  canViewPath?: boolean;
}

export function updateCollab(state: BoxState, by: By, collab: Collab, patch: CollabPatch): void {
  const item = state.items.get(collab.item) as Item;
  const before = { ...collab };
  Object.assign(collab, patch, { modifiedAt: state.now() });
  if (patch.status === 'accepted' && collab.acknowledgedAt === null) collab.acknowledgedAt = state.now();
  countExecuted(state.counters, 'updateCollaboration', collab.id);
  if (before.role !== collab.role)
    recordItem(state, { type: 'COLLABORATION_ROLE_CHANGE', by, ...told(state, collab) }, item);
  if (before.status !== collab.status && collab.status === 'accepted') {
    recordItem(state, { type: 'COLLABORATION_ACCEPT', by, ...told(state, collab) }, item);
  }
  if (before.expiresAt !== collab.expiresAt) {
    watchExpiry(state, collab);
    recordItem(state, { type: 'UPDATE_COLLABORATION_EXPIRATION', by, ...told(state, collab) }, item);
  }
}

export function removeCollab(state: BoxState, by: By, collab: Collab): void {
  const item = state.items.get(collab.item) as Item;
  countExecuted(state.counters, 'removeCollaboration', collab.id);
  recordItem(state, { type: 'COLLABORATION_REMOVE', by, ...told(state, collab) }, item);
  if (collab.grantee?.type === 'group')
    recordItem(state, { type: 'GROUP_REMOVE_ITEM', by, ...told(state, collab) }, item);
  dropCollab(state, collab);
}

/**
 * The collaborator becomes the owner: the item goes to that user's root, the former owner keeps it as an editor by a
 * new collaboration. Box names no way to ask for its id but the list.
 */
export function makeOwner(state: BoxState, by: By, collab: Collab, user: User): void {
  const item = state.items.edit(collab.item);
  const former = ownerOf(state, item.id);
  dropCollab(state, collab);
  state.items.move(item, -user.number);
  const kept = putCollab(state, by.userId, {
    item: item.id,
    grantee: { type: 'user', id: former.id },
    role: 'editor',
  });
  countExecuted(state.counters, 'changeOwner', String(item.id));
  recordItem(state, { type: 'COLLABORATION_ROLE_CHANGE', by, ...told(state, kept) }, item);
}

export function dropCollab(state: BoxState, collab: Collab): void {
  state.collabs.delete(collab.id);
  for (const [index, key] of [
    [state.collabsOfItem, collab.item],
    [state.collabsOfGrantee, keyOf(collab)],
  ] as [Map<unknown, Set<string>>, unknown][]) {
    const held = index.get(key);
    held?.delete(collab.id);
    if (held?.size === 0) index.delete(key);
  }
}

export function dropCollabs(state: BoxState, item: number): void {
  for (const id of [...(state.collabsOfItem.get(item) ?? [])]) dropCollab(state, state.collabs.get(id) as Collab);
}
