import { holds, isLive, roleOf } from './access.ts';
import type { Right } from './access.ts';
import { linkUrl } from './render-link.ts';
import { denied, locked, notFound, stale } from './respond.ts';
import type { Call } from './route.ts';
import type { Item } from './objects.ts';
import type { BoxState } from './state.ts';

/** The id in the path, when it has the shape of one; Box answers 404 to any other. */
export function idOf(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw notFound();
  return Number(text);
}

/** The item that the shared link in `BoxApi: shared_link=…` leads to, itself or by a folder above. */
export function linkedItem(call: Call): number | undefined {
  const header = String(call.headers.boxapi ?? '');
  const url = /shared_link=([^&\s]+)/.exec(header)?.[1];
  if (url === undefined) return undefined;
  const token = url.split('/').at(-1) ?? '';
  const id = call.state.linkByToken.get(token);
  const link = id === undefined ? undefined : call.state.links.get(id);
  if (id === undefined || !link || linkUrl(call.state, link) !== url || !isLive(call.state, id)) return undefined;
  const password = /shared_link_password=([^&\s]+)/.exec(header)?.[1];
  if (link.password !== null && link.password !== password) throw denied();
  if (link.access === 'collaborators' && roleOf(call.state, call.user, id) === undefined) return undefined;
  if (link.access === 'company' && call.user.kind === 'external') return undefined;
  return id;
}

function reachedByLink(call: Call, id: number): boolean {
  const linked = linkedItem(call);
  for (let at = id; linked !== undefined && at >= 0; at = call.state.items.parentOf(at)) if (at === linked) return true;
  return false;
}

/**
 * An item that is not in the trash and that the caller may do this with. Who may not even see it gets 404, as Box hides
 * that it exists; who sees it but may not do this gets 403.
 */
export function itemFor(call: Call, type: Item['type'], text: string | undefined, right: Right): Item {
  const { state, user } = call;
  const id = idOf(text);
  const item = isLive(state, id) ? state.items.get(id) : undefined;
  if (!item || item.type !== type || !inResource(call, id)) throw notFound();
  const role = roleOf(state, user, id);
  if (role === undefined) {
    if ((right === 'see' || right === 'preview' || right === 'download') && reachedByLink(call, id)) return item;
    throw notFound();
  }
  if (!holds(role, right)) throw denied();
  if (CHANGES.has(right)) checkStatus(call, right);
  return item;
}

const CHANGES = new Set<Right>(['upload', 'edit', 'delete', 'share', 'invite', 'own']);

/** Read-only users delete and edit nothing; the stricter kind uploads nothing either. */
function checkStatus({ user }: Call, right: Right): void {
  if (user.status === 'active') return;
  if (right === 'upload' && user.status === 'cannot_delete_edit') return;
  throw denied();
}

/** False for what lies outside the item that a narrowed token is for. */
function inResource(call: Call, id: number): boolean {
  const { resource } = call.token;
  if (resource === undefined) return true;
  for (let at = id; at >= 0; at = call.state.items.parentOf(at)) if (at === resource) return true;
  return false;
}

/** A folder to put something into: its number as a parent; `0` is the caller's root. */
export function parentFor(call: Call, text: unknown): number {
  if (text === '0') {
    checkStatus(call, 'upload');
    return -call.user.number;
  }
  return itemFor(call, 'folder', String(text), 'upload').id;
}

/** Refuses when the caller has seen an older state. */
export function checkMatch(call: Call, item: Item): void {
  const wanted = call.headers['if-match'];
  if (wanted !== undefined && wanted !== '*' && String(wanted).replaceAll('"', '') !== String(item.etag)) throw stale();
}

/** True when the caller already has this state. */
export function isUnchanged(call: Call, item: Item): boolean {
  const known = call.headers['if-none-match'];
  return known !== undefined && String(known).replaceAll('"', '') === String(item.etag);
}

/** A lock keeps everybody out but its holder and the owner. */
export function checkLock(call: Call, item: Item): void {
  if (item.lock && item.lock.by !== call.user.id && !isOwner(call.state, call, item)) throw locked();
}

const isOwner = (state: BoxState, call: Call, item: Item): boolean => state.items.rootOf(item.id) === -call.user.number;
