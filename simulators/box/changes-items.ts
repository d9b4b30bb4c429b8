import { isLive } from './access.ts';
import { dropCollabs } from './changes-collabs.ts';
import { dropLink } from './changes-links.ts';
import { endWebhooksOn } from './changes-webhooks.ts';
import { sha1Of, sizeOf } from './content.ts';
import type { Content } from './content.ts';
import { countExecuted } from '../kit/counters.ts';
import { record, recordItem } from './record.ts';
import type { By } from './record.ts';
import { itemSource } from './render-collab.ts';
import { currentVersion, itemMini } from './render-item.ts';
import { badRequest, nameInUse } from './respond.ts';
import type { Item } from './objects.ts';
import type { BoxState } from './state.ts';

/** Refuses a name that is taken in the folder, or that Box does not allow. */
export function checkName(state: BoxState, folder: number, name: string, except?: number): void {
  if (name === '' || name === '.' || name === '..' || name.length > 255 || /[\\/\n\r]|^\s|\s$/.test(name)) {
    throw badRequest('Item name invalid', 'item_name_invalid');
  }
  for (const [id] of state.items.children(folder)) {
    if (id === except) continue;
    const other = state.items.get(id) as Item;
    if (other.name.toLowerCase() !== name.toLowerCase()) continue;
    throw nameInUse(other.type === 'file' ? itemMini(other) : [itemMini(other)]);
  }
}

export function touch(state: BoxState, item: Item, by: By): void {
  item.etag++;
  item.modifiedAt = state.now();
  item.modifiedBy = by.userId;
}

export interface NewItem {
  type: Item['type'];
  name: string;
  parent: number;
  content?: Content;
  url?: string;
  createdAt?: number;
}

/** Adds an item without an event; filling uses it too. */
export function putItem(state: BoxState, userId: string, given: NewItem): Item {
  const now = given.createdAt ?? state.now();
  return state.items.add({
    type: given.type,
    name: given.name,
    parent: given.parent,
    etag: 0,
    createdAt: now,
    modifiedAt: now,
    createdBy: userId,
    modifiedBy: userId,
    description: '',
    versions:
      given.type === 'file'
        ? [
            {
              id: state.items.newVersionId(),
              name: given.name,
              content: given.content ?? { bytes: Buffer.alloc(0) },
              createdAt: now,
              modifiedBy: userId,
              number: 1,
            },
          ]
        : [],
    canNonOwnersInvite: true,
    restricted: false,
    ...(given.url === undefined ? {} : { url: given.url }),
  });
}

const versionDetails = (item: Item): Record<string, unknown> => {
  const current = currentVersion(item);
  return current ? { size: sizeOf(current.content), version_id: String(current.id) } : {};
};

export function createItem(state: BoxState, by: By, given: NewItem): Item {
  checkName(state, given.parent, given.name);
  const item = putItem(state, by.userId, given);
  countExecuted(state.counters, 'create', String(item.id));
  recordItem(
    state,
    { type: item.type === 'folder' ? 'CREATE_FOLDER' : 'UPLOAD', by, details: versionDetails(item) },
    item,
  );
  return item;
}

/** New content on top of the older versions. */
export function addVersion(state: BoxState, by: By, id: number, content: Content, name?: string): Item {
  const item = state.items.edit(id);
  if (name !== undefined && name !== item.name) checkName(state, item.parent, name, id);
  const now = state.now();
  item.versions.push({
    id: state.items.newVersionId(),
    name: name ?? item.name,
    content,
    createdAt: now,
    modifiedBy: by.userId,
    number: Math.max(...item.versions.map((one) => one.number)) + 1,
  });
  item.name = name ?? item.name;
  touch(state, item, by);
  countExecuted(state.counters, 'newVersion', String(id));
  recordItem(state, { type: 'EDIT', by, details: versionDetails(item) }, item);
  return item;
}

/** An older version becomes the content again, as a new version with a new id. */
export function promoteVersion(state: BoxState, by: By, id: number, versionId: number): Item {
  const item = state.items.edit(id);
  const from = item.versions.find((one) => one.id === versionId);
  if (!from) throw new Error(`no such version: ${versionId}`);
  item.versions.push({
    ...from,
    id: state.items.newVersionId(),
    createdAt: state.now(),
    modifiedBy: by.userId,
    number: Math.max(...item.versions.map((one) => one.number)) + 1,
    trashedAt: undefined,
    trashedBy: undefined,
  });
  touch(state, item, by);
  countExecuted(state.counters, 'promoteVersion', String(id));
  recordItem(state, { type: 'EDIT', by, details: { ...versionDetails(item), sha1: sha1Of(from.content) } }, item);
  record(state, { type: 'FILE_VERSION_RESTORE', by, source: itemSource(state, item), details: versionDetails(item) });
  return item;
}

export function trashVersion(state: BoxState, by: By, id: number, versionId: number, trashed: boolean): void {
  const item = state.items.edit(id);
  const version = item.versions.find((one) => one.id === versionId);
  if (!version) throw new Error(`no such version: ${versionId}`);
  version.trashedAt = trashed ? state.now() : undefined;
  version.trashedBy = trashed ? by.userId : undefined;
  if (!trashed) version.restoredAt = state.now();
  countExecuted(state.counters, trashed ? 'trashVersion' : 'restoreVersion', String(versionId));
  if (trashed) {
    const at = version.trashedAt as number;
    state.due.add(at + state.knobs.trashMs, () => {
      if (version.trashedAt === at) item.versions = item.versions.filter((one) => one !== version);
    });
  }
  record(state, {
    type: trashed ? 'DELETE' : 'UNDELETE',
    by,
    source: itemSource(state, item),
    details: { version_id: String(versionId), is_version: true },
  });
}

export function renameItem(state: BoxState, by: By, item: Item, name: string): void {
  if (name === item.name) return;
  checkName(state, item.parent, name, item.id);
  const before = item.name;
  item.name = name;
  countExecuted(state.counters, 'rename', String(item.id));
  recordItem(state, { type: 'RENAME', by, details: { old_name: before } }, item);
}

/** Into another folder or root; the owner of that tree owns it from now on. */
export function moveItem(state: BoxState, by: By, item: Item, parent: number, name = item.name): void {
  if (parent === item.parent) return;
  checkName(state, parent, name, item.id);
  for (let at = parent; at >= 0; at = state.items.parentOf(at)) {
    if (at === item.id) throw badRequest('Cannot move a folder into its own subfolder', 'bad_request');
  }
  state.items.move(item, parent);
  countExecuted(state.counters, 'move', String(item.id));
  recordItem(state, { type: 'MOVE', by }, item);
}

/** Into the trash, or away for ever where the enterprise has none. */
export function trashItem(state: BoxState, by: By, id: number): void {
  const item = state.items.edit(id);
  countExecuted(state.counters, 'trash', String(id));
  recordItem(state, { type: 'DELETE', by }, item);
  item.trashedAt = state.now();
  item.trashedBy = by.userId;
  item.etag++;
  // A restored item has no link any more.
  dropLink(state, item);
  if (state.knobs.linksBelowTrash === 'lost')
    for (const one of state.items.below(id)) dropLink(state, state.items.get(one) as Item);
  if (!state.knobs.trash) {
    purgeItem(state, by, id);
    return;
  }
  schedulePurge(state, item);
}

export function schedulePurge(state: BoxState, item: Item): void {
  const at = item.trashedAt as number;
  state.due.add(at + state.knobs.trashMs, () => {
    if (state.items.has(item.id) && item.trashedAt === at) purgeItem(state, { userId: item.trashedBy ?? '' }, item.id);
  });
}

/** Where it lay before, or where told; its name may be another. */
export function restoreItem(state: BoxState, by: By, id: number, parent: number, name: string): Item {
  const item = state.items.edit(id);
  checkName(state, parent, name, id);
  delete item.trashedAt;
  delete item.trashedBy;
  item.name = name;
  if (parent !== item.parent) state.items.move(item, parent);
  touch(state, item, by);
  countExecuted(state.counters, 'restore', String(id));
  recordItem(state, { type: 'UNDELETE', by }, item);
  return item;
}

/** For ever, with everything below but what was thrown away before: that stays in the trash, without its folder. */
export function purgeItem(state: BoxState, by: By, id: number): void {
  const item = state.items.edit(id);
  countExecuted(state.counters, 'purge', String(id));
  recordItem(state, { type: 'PERMANENT_DELETE', by, details: { is_permanent: true } }, item);
  const root = state.items.rootOf(id);
  const stays = (one: number) => {
    let at = state.items.parentOf(one);
    while (at !== id && at >= 0 && !state.items.isTrashed(at)) at = state.items.parentOf(at);
    return one !== id && at === id && state.items.isTrashed(one);
  };
  for (const one of [...state.items.below(id)].filter(stays)) state.items.move(state.items.edit(one), root);
  for (const one of [...state.items.below(id)].reverse()) {
    const gone = state.items.edit(one);
    dropCollabs(state, one);
    dropLink(state, gone);
    endWebhooksOn(state, one);
    state.items.remove(gone);
  }
}

export function setLock(
  state: BoxState,
  by: By,
  item: Item,
  lock: { expiresAt: number | null; prevented: boolean } | null,
): void {
  if (lock === null && !item.lock) return;
  if (lock === null) delete item.lock;
  else {
    const made = {
      id: String(state.seq() + 700_000_000),
      by: by.userId,
      at: state.now(),
      expiresAt: lock.expiresAt,
      downloadPrevented: lock.prevented,
    };
    item.lock = made;
    if (lock.expiresAt !== null) {
      state.due.add(lock.expiresAt, () => {
        if (item.lock === made) delete item.lock;
      });
    }
  }
  countExecuted(state.counters, lock ? 'lock' : 'unlock', String(item.id));
  recordItem(state, { type: lock ? 'LOCK' : 'UNLOCK', by }, item);
}

/** True when the item is in the trash itself, not merely below something that is. */
export function isInTrash(state: BoxState, id: number): boolean {
  const parent = state.items.has(id) ? state.items.parentOf(id) : -1;
  return state.items.has(id) && state.items.isTrashed(id) && (parent < 0 || isLive(state, parent));
}
