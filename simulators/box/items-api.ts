import { isLive, ownerOf, roleOf, sharedIntoRoot } from './access.ts';
import { changeItem } from './change-item.ts';
import { createItem, trashItem } from './changes-items.ts';
import { checkLock, checkMatch, idOf, isUnchanged, itemFor, linkedItem, parentFor } from './find-item.ts';
import type { Place } from './item-store.ts';
import { openMarker, sealMarker } from './paging.ts';
import { ITEM_FIELDS, itemMini, renderItem, renderRoot, View } from './render-item.ts';
import { BoxError, badRequest, conflict, denied, invalid, notFound } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import { checked, fieldsOf, numberOf, objectOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Item } from './objects.ts';

const LIST = ['fields', 'usemarker', 'marker', 'offset', 'limit', 'sort', 'direction'];

/** Ids in a folder; in a root, what others share comes after the user's own. Each with the place after it. */
function* listed(call: Call, folder: number, place: Place, shared: number): Generator<[number, Place, number]> {
  if (shared === 0) {
    for (const [id, next] of call.state.items.children(folder, place)) yield [id, next, 0];
  }
  if (folder >= 0) return;
  for (const id of sharedIntoRoot(call.state, call.user)) if (id > shared) yield [id, place, id];
}

function pageOf(call: Call, folder: number): Record<string, unknown> {
  const { state } = call;
  const fields = fieldsOf(call, ITEM_FIELDS);
  const limit = numberOf(call, 'limit', 100, 1_000, 1);
  const view = new View(state, call.user);
  const render = (id: number) => {
    const item = state.items.get(id) as Item;
    return fields ? renderItem(view, item, fields) : itemMini(item);
  };
  const list = `items ${folder}`;
  if (call.query.get('usemarker') === 'true' || call.query.has('marker')) {
    if (folder < 0 && call.query.has('sort')) throw badRequest('sort is not supported with markers on the root folder');
    const [base, added, shared] = (openMarker(call, list) ?? [0, 0, 0]).map(Number) as [number, number, number];
    const entries: unknown[] = [];
    let position: number[] = [];
    let more = false;
    for (const [id, next, after] of listed(call, folder, { base, added }, shared)) {
      if (entries.length === limit) {
        more = true;
        break;
      }
      entries.push(render(id));
      position = [next.base, next.added, after];
    }
    return { limit, next_marker: more ? sealMarker(call, list, position) : null, entries };
  }
  const offset = numberOf(call, 'offset', 0, Number.MAX_SAFE_INTEGER);
  if (offset > 10_000) throw badRequest('Bad Request: offset is above 10000');
  const ids = [...listed(call, folder, { base: 0, added: 0 }, 0)].map(([id]) => id);
  const order = [
    { by: 'type', direction: 'ASC' },
    { by: 'name', direction: 'ASC' },
  ];
  return { total_count: ids.length, entries: ids.slice(offset, offset + limit).map(render), offset, limit, order };
}

function folderNumber(call: Call): number {
  const { folder_id: id } = call.params;
  return id === '0' ? -call.user.number : itemFor(call, 'folder', id, 'see').id;
}

/** One folder with the beginning of what is in it. */
function getFolder(call: Call): Answer {
  const fields = fieldsOf(call, ITEM_FIELDS);
  const view = new View(call.state, call.user);
  const contents = (folder: number) =>
    !fields || fields.includes('item_collection')
      ? {
          item_collection: pageOf(
            { ...call, query: new URLSearchParams({ limit: call.query.get('limit') ?? '100' }) },
            folder,
          ),
        }
      : {};
  if (call.params.folder_id === '0') {
    return { status: 200, body: { ...renderRoot(view, fields), ...contents(-call.user.number) } };
  }
  const item = itemFor(call, 'folder', call.params.folder_id, 'see');
  if (isUnchanged(call, item)) return { status: 304 };
  return {
    status: 200,
    body: { ...renderItem(view, item, fields), ...contents(item.id) },
    headers: { etag: String(item.etag) },
  };
}

function getOne(call: Call, type: 'file' | 'web_link', id: string | undefined): Answer {
  const fields = fieldsOf(call, ITEM_FIELDS);
  const item = itemFor(call, type, id, 'see');
  if (isUnchanged(call, item)) return { status: 304 };
  return {
    status: 200,
    body: renderItem(new View(call.state, call.user), item, fields),
    headers: { etag: String(item.etag) },
  };
}

function createIn(call: Call, type: 'folder' | 'web_link'): Item {
  const shape: Record<string, string> = { name: 'string', parent: 'object', description: 'string' };
  if (type === 'folder') Object.assign(shape, { folder_upload_email: 'object', sync_state: 'string' });
  else shape.url = 'string';
  const body = checked(objectOf(call), shape);
  const { id } = (body.parent ?? {}) as { id?: unknown };
  if (typeof id !== 'string') throw invalid('parent', 'an id is wanted');
  const url = body.url as string | undefined;
  if (type === 'web_link' && !/^https?:\/\//.test(url ?? '')) throw invalid('url', 'an http address is wanted');
  const name = (body.name as string | undefined) ?? url;
  if (name === undefined) throw invalid('name', 'is required');
  return createItem(call.state, call.by, { type, name, parent: parentFor(call, id), url });
}

function remove(call: Call, type: Item['type'], id: string | undefined): Answer {
  const item = itemFor(call, type, id, 'delete');
  // A shared folder itself is its owner's to delete; an editor may delete what is inside.
  const parent = call.state.items.parentOf(item.id);
  const inside = parent >= 0 && roleOf(call.state, call.user, parent) !== undefined;
  if (!inside && ownerOf(call.state, item.id).id !== call.user.id) throw denied();
  checkLock(call, item);
  checkMatch(call, item);
  if (type === 'folder' && call.query.get('recursive') !== 'true' && !call.state.items.isEmpty(item.id)) {
    throw new BoxError(400, 'folder_not_empty', 'Cannot delete - folder not empty');
  }
  trashItem(call.state, call.by, item.id);
  return { status: 204 };
}

export const itemRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/folders/{folder_id}/items',
    need: 'read',
    query: LIST,
    handle: (call) => ({ status: 200, body: pageOf(call, folderNumber(call)) }),
  },
  {
    method: 'GET',
    path: '/folders/{folder_id}',
    need: 'read',
    query: ['fields', 'sort', 'direction', 'offset', 'limit'],
    handle: getFolder,
  },
  {
    method: 'POST',
    path: '/folders',
    need: 'write',
    query: ['fields'],
    handle: (call) => {
      const fields = fieldsOf(call, ITEM_FIELDS);
      const item = createIn(call, 'folder');
      return { status: 201, body: renderItem(new View(call.state, call.user), item, fields) };
    },
  },
  {
    method: 'PUT',
    path: '/folders/{folder_id}',
    need: 'write',
    query: ['fields'],
    handle: (call) => {
      if (call.params.folder_id === '0') throw conflict('operation_blocked', 'The root folder cannot be changed');
      return changeItem(call, 'folder', call.params.folder_id);
    },
  },
  {
    method: 'DELETE',
    path: '/folders/{folder_id}',
    need: 'write',
    query: ['recursive'],
    handle: (call) => remove(call, 'folder', call.params.folder_id),
  },
  {
    method: 'GET',
    path: '/files/{file_id}',
    need: 'read',
    query: ['fields'],
    handle: (call) => getOne(call, 'file', call.params.file_id),
  },
  {
    method: 'PUT',
    path: '/files/{file_id}',
    need: 'write',
    query: ['fields'],
    handle: (call) => changeItem(call, 'file', call.params.file_id),
  },
  {
    method: 'DELETE',
    path: '/files/{file_id}',
    need: 'write',
    handle: (call) => remove(call, 'file', call.params.file_id),
  },
  {
    method: 'POST',
    path: '/web_links',
    need: 'write',
    handle: (call) => ({ status: 200, body: renderItem(new View(call.state, call.user), createIn(call, 'web_link')) }),
  },
  {
    method: 'GET',
    path: '/web_links/{web_link_id}',
    need: 'read',
    handle: (call) => getOne(call, 'web_link', call.params.web_link_id),
  },
  {
    method: 'PUT',
    path: '/web_links/{web_link_id}',
    need: 'write',
    query: ['fields'],
    handle: (call) => changeItem(call, 'web_link', call.params.web_link_id),
  },
  {
    method: 'DELETE',
    path: '/web_links/{web_link_id}',
    need: 'write',
    handle: (call) => remove(call, 'web_link', call.params.web_link_id),
  },
  {
    method: 'GET',
    path: '/shared_items',
    need: 'read',
    query: ['fields'],
    handle: (call) => {
      const id = linkedItem(call);
      if (id === undefined || !isLive(call.state, idOf(String(id)))) throw notFound();
      const item = call.state.items.get(id) as Item;
      return { status: 200, body: renderItem(new View(call.state, call.user), item, fieldsOf(call, ITEM_FIELDS)) };
    },
  },
];
