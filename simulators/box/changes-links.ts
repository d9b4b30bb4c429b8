import { letters } from '../kit/seeded.ts';
import { countExecuted } from '../kit/counters.ts';
import { recordItem } from './record.ts';
import type { By } from './record.ts';
import type { Item, LinkAccess, SharedLink } from './objects.ts';
import type { BoxState } from './state.ts';

/** What a caller may say about a link; what is left out stays. */
export interface LinkPatch {
  access?: LinkAccess;
  password?: string | null;
  unsharedAt?: number | null;
  canDownload?: boolean;
  canEdit?: boolean;
  vanityName?: string | null;
}

/** Adds or changes a link without an event; filling uses it too. */
export function putLink(state: BoxState, id: number, patch: LinkPatch, standard: LinkAccess = 'open'): SharedLink {
  const before = state.links.get(id);
  const access = patch.access ?? before?.access ?? standard;
  const link: SharedLink = before ?? {
    token: letters(state.random, 32).toLowerCase(),
    access,
    password: null,
    unsharedAt: null,
    canDownload: true,
    canEdit: false,
    vanityName: null,
    downloads: 0,
    previews: 0,
  };
  const { password, unsharedAt, canDownload, canEdit, vanityName } = patch;
  link.access = access;
  if (password !== undefined) link.password = password;
  if (unsharedAt !== undefined) link.unsharedAt = unsharedAt;
  if (canDownload !== undefined) link.canDownload = canDownload;
  if (canEdit !== undefined) link.canEdit = canEdit;
  if (vanityName !== undefined) link.vanityName = vanityName;
  // Only an open link has a password, a link for collaborators only no rights of its own, and only files are edited by one.
  if (access !== 'open') link.password = null;
  if (link.canEdit && (access === 'collaborators' || state.items.get(id)?.type !== 'file')) link.canEdit = false;
  state.links.set(id, link);
  state.linkByToken.set(link.token, id);
  const at = link.unsharedAt;
  if (at !== null) state.due.add(at, () => expire(state, id, link, at));
  return link;
}

function expire(state: BoxState, id: number, link: SharedLink, at: number): void {
  const item = state.items.get(id);
  if (!item || state.links.get(id) !== link || link.unsharedAt !== at) return;
  dropLink(state, item);
  recordItem(state, { type: 'SHARE_EXPIRATION', by: { userId: item.createdBy } }, item);
}

export function setLink(state: BoxState, by: By, item: Item, patch: LinkPatch | null): void {
  const before = state.links.get(item.id);
  if (patch === null) {
    if (!before) return;
    dropLink(state, item);
    countExecuted(state.counters, 'removeLink', String(item.id));
    recordItem(state, { type: 'UNSHARE', by }, item);
    return;
  }
  const expiry = before?.unsharedAt ?? null;
  const link = putLink(state, item.id, patch);
  countExecuted(state.counters, before ? 'updateLink' : 'createLink', String(item.id));
  const details = { shared_link_id: link.token, access: link.access };
  recordItem(state, { type: before ? 'ITEM_SHARED_UPDATE' : 'SHARE', by, details }, item);
  if (before && expiry !== link.unsharedAt) recordItem(state, { type: 'UPDATE_SHARE_EXPIRATION', by }, item);
}

export function dropLink(state: BoxState, item: Item): void {
  const link = state.links.get(item.id);
  if (!link) return;
  state.links.delete(item.id);
  state.linkByToken.delete(link.token);
}
