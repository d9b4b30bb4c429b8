import { promoteVersion, trashVersion } from './changes-items.ts';
import { checkLock, checkMatch, idOf, itemFor } from './find-item.ts';
import { offsetPage } from './paging.ts';
import { currentVersion, renderVersion } from './render-item.ts';
import { badRequest, invalid, notFound } from './respond.ts';
import { checked, fieldsOf, objectOf, oneOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Item, Version } from './objects.ts';

const FIELDS = [
  'type',
  'id',
  'sha1',
  'name',
  'size',
  'created_at',
  'modified_at',
  'modified_by',
  'trashed_at',
  'trashed_by',
  'restored_at',
  'restored_by',
  'purged_at',
  'uploader_display_name',
  'version_number',
];

function versionOf(call: Call, item: Item, text: string | undefined): Version {
  const found = item.versions.find((one) => one.id === idOf(text));
  if (!found) throw notFound();
  return found;
}

function render(call: Call, version: Version): Record<string, unknown> {
  const fields = fieldsOf(call, FIELDS);
  const whole = renderVersion(call.state, version);
  if (!fields) return whole;
  return Object.fromEntries(Object.entries(whole).filter(([name]) => ['type', 'id', ...fields].includes(name)));
}

export const versionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/files/{file_id}/versions',
    need: 'read',
    query: ['fields', 'limit', 'offset'],
    handle: (call) => {
      const item = itemFor(call, 'file', call.params.file_id, 'see');
      // The newest first, without the current one.
      const rows = item.versions.slice(0, -1).reverse();
      return { status: 200, body: offsetPage(call, rows, (one) => render(call, one)) };
    },
  },
  {
    method: 'POST',
    path: '/files/{file_id}/versions/current',
    need: 'write',
    query: ['fields'],
    handle: (call) => {
      const item = itemFor(call, 'file', call.params.file_id, 'edit');
      checkLock(call, item);
      const body = checked(objectOf(call), { id: 'string', type: 'string' });
      oneOf('type', body.type, ['file_version']);
      if (typeof body.id !== 'string') throw invalid('id', 'is required');
      const from = versionOf(call, item, body.id);
      if (from === currentVersion(item)) throw badRequest('The version is the current one');
      if (from.trashedAt !== undefined) throw notFound();
      const changed = promoteVersion(call.state, call.by, item.id, from.id);
      return { status: 201, body: render(call, currentVersion(changed) as Version) };
    },
  },
  {
    method: 'GET',
    path: '/files/{file_id}/versions/{file_version_id}',
    need: 'read',
    query: ['fields'],
    handle: (call) => {
      const item = itemFor(call, 'file', call.params.file_id, 'see');
      return { status: 200, body: render(call, versionOf(call, item, call.params.file_version_id)) };
    },
  },
  {
    method: 'PUT',
    path: '/files/{file_id}/versions/{file_version_id}',
    need: 'write',
    handle: (call) => {
      const item = itemFor(call, 'file', call.params.file_id, 'delete');
      const version = versionOf(call, item, call.params.file_version_id);
      const body = checked(objectOf(call), { trashed_at: 'string?' });
      if (body.trashed_at !== null) throw invalid('trashed_at', 'null is wanted');
      if (version.trashedAt === undefined) throw badRequest('The version is not trashed');
      trashVersion(call.state, call.by, item.id, version.id, false);
      return { status: 200, body: renderVersion(call.state, { ...version, ...freshOf(call, item.id, version.id) }) };
    },
  },
  {
    method: 'DELETE',
    path: '/files/{file_id}/versions/{file_version_id}',
    need: 'write',
    handle: (call) => {
      const item = itemFor(call, 'file', call.params.file_id, 'delete');
      checkLock(call, item);
      checkMatch(call, item);
      const version = versionOf(call, item, call.params.file_version_id);
      if (version === currentVersion(item)) throw badRequest('The current version cannot be deleted');
      if (version.trashedAt !== undefined) throw notFound();
      trashVersion(call.state, call.by, item.id, version.id, true);
      return { status: 204 };
    },
  },
];

const freshOf = (call: Call, item: number, version: number): Version | undefined =>
  call.state.items.get(item)?.versions.find((one) => one.id === version);
