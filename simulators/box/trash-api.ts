import { holds, isLive, ownerOf, roleOf } from './access.ts';
import { isInTrash, purgeItem, restoreItem } from './changes-items.ts';
import { idOf, parentFor } from './find-item.ts';
import { openMarker, sealMarker } from './paging.ts';
import { ITEM_FIELDS, itemMini, renderItem, View } from './render-item.ts';
import { badRequest, denied, invalid, notFound, notTrashed } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import { checked, fieldsOf, numberOf, objectOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Item } from './objects.ts';

/** An item in the trash; what is merely below a trashed folder is not found, its folder must be restored. */
function trashed(call: Call, type: Item['type'], text: string | undefined): Item {
  const { state, user } = call;
  const id = idOf(text);
  const item = state.items.get(id);
  if (!item || item.type !== type || roleOf(state, user, id) === undefined) throw notFound();
  if (isLive(state, id)) throw notTrashed();
  if (!isInTrash(state, id)) throw notFound();
  return item;
}

function show(call: Call, item: Item, fields?: readonly string[]): Record<string, unknown> {
  return renderItem(new View(call.state, call.user), item, fields);
}

function restore(call: Call, type: Item['type'], text: string | undefined): Answer {
  const { state, user } = call;
  const item = trashed(call, type, text);
  if (!holds(roleOf(state, user, item.id), 'delete') || user.status !== 'active') throw denied();
  const body = call.body === undefined ? {} : checked(objectOf(call), { name: 'string', parent: 'object' });
  const fields = fieldsOf(call, ITEM_FIELDS);
  let parent = item.parent;
  if (body.parent !== undefined) {
    const { id } = body.parent as { id?: unknown };
    if (typeof id !== 'string') throw invalid('parent', 'an id is wanted');
    parent = parentFor(call, id);
  }
  const name = (body.name as string | undefined) ?? item.name;
  const restored = restoreItem(state, call.by, item.id, parent, name);
  return { status: 201, body: show(call, restored, fields) };
}

function purge(call: Call, type: Item['type'], text: string | undefined): Answer {
  const item = trashed(call, type, text);
  if (ownerOf(call.state, item.id).id !== call.user.id) throw denied();
  purgeItem(call.state, call.by, item.id);
  return { status: 204 };
}

/** What the caller owns or may restore. `total_count` counts what the caller cannot see, too. */
function list(call: Call): Answer {
  const { state, user } = call;
  const fields = fieldsOf(call, ITEM_FIELDS);
  const limit = numberOf(call, 'limit', 100, 1_000, 1);
  const all = [...state.items.touched].filter((item) => isInTrash(state, item.id));
  const mine = all.filter((item) => roleOf(state, user, item.id) !== undefined).sort((a, b) => a.id - b.id);
  const render = (item: Item) => (fields ? show(call, item, fields) : itemMini(item));
  if (call.query.get('usemarker') === 'true' || call.query.has('marker')) {
    const [after] = openMarker(call, 'trash') ?? [0];
    const rest = mine.filter((item) => item.id > Number(after));
    const page = rest.slice(0, limit);
    const last = page.at(-1);
    const next = rest.length > limit && last ? sealMarker(call, 'trash', [last.id]) : null;
    return { status: 200, body: { limit, next_marker: next, entries: page.map(render) } };
  }
  const offset = numberOf(call, 'offset', 0, Number.MAX_SAFE_INTEGER);
  if (offset > 10_000) throw badRequest('Bad Request: offset is above 10000');
  const entries = mine.slice(offset, offset + limit).map(render);
  return { status: 200, body: { total_count: mine.length, entries, offset, limit } };
}

const of = (type: 'file' | 'folder' | 'web_link'): Route[] => {
  const path = `/${type}s/{${type}_id}`;
  const id = (call: Call) => call.params[`${type}_id`];
  return [
    {
      method: 'GET',
      path: `${path}/trash`,
      need: 'read',
      query: ['fields'],
      handle: (call) => ({
        status: 200,
        body: show(call, trashed(call, type, id(call)), fieldsOf(call, ITEM_FIELDS)),
      }),
    },
    { method: 'DELETE', path: `${path}/trash`, need: 'write', handle: (call) => purge(call, type, id(call)) },
    { method: 'POST', path, need: 'write', query: ['fields'], handle: (call) => restore(call, type, id(call)) },
  ];
};

export const trashRoutes: readonly Route[] = [
  ...of('file'),
  ...of('folder'),
  ...of('web_link'),
  {
    method: 'GET',
    path: '/folders/trash/items',
    need: 'read',
    query: ['fields', 'limit', 'offset', 'usemarker', 'marker', 'direction', 'sort'],
    handle: list,
  },
];
