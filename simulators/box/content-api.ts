import { createHash } from 'node:crypto';
import { letters } from '../kit/seeded.ts';
import { addVersion, createItem } from './changes-items.ts';
import type { Content } from './content.ts';
import { checkLock, checkMatch, idOf, itemFor, parentFor } from './find-item.ts';
import { formParts } from './form-parts.ts';
import { recordItem } from './record.ts';
import { currentVersion, ITEM_FIELDS, renderItem, View } from './render-item.ts';
import { BoxError, badRequest, denied, invalid, notFound } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import { fieldsOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Item } from './objects.ts';

const MOST = 52_428_800;

interface Upload {
  name: string | undefined;
  parent: unknown;
  content: Content;
}

/** The two parts of an upload: `attributes`, then `file`. */
function uploadOf(call: Call): Upload {
  const parts = formParts(call.headers['content-type'] as string | undefined, call.raw);
  const names = parts.map((part) => part.name);
  if (names.indexOf('file') !== -1 && names.indexOf('file') < names.indexOf('attributes')) {
    throw badRequest('Metadata must come before the file contents', 'metadata_after_file_contents');
  }
  const attributes = parts.find((part) => part.name === 'attributes');
  const file = parts.find((part) => part.name === 'file');
  if (!attributes || !file) throw invalid(attributes ? 'file' : 'attributes', 'is required');
  if (file.data.length > MOST) throw new BoxError(403, 'file_size_limit_exceeded', 'File size exceeds the limit');
  // The header is named after MD5 and holds SHA-1.
  const digest = call.headers['content-md5'];
  if (digest !== undefined && digest !== createHash('sha1').update(file.data).digest('hex')) {
    throw badRequest('The digest does not match the content', 'bad_digest');
  }
  let given: { name?: unknown; parent?: { id?: unknown } };
  try {
    given = JSON.parse(attributes.data.toString('utf8'));
  } catch {
    throw invalid('attributes', 'JSON is wanted');
  }
  return {
    name: typeof given.name === 'string' ? given.name : undefined,
    parent: given.parent?.id,
    content: { bytes: Buffer.from(file.data) },
  };
}

function answer(call: Call, item: Item, status: 200 | 201): Answer {
  const entry = renderItem(new View(call.state, call.user), item, fieldsOf(call, ITEM_FIELDS));
  return { status, body: { total_count: 1, entries: [entry] } };
}

function download(call: Call): Answer {
  const { state, user } = call;
  const item = itemFor(call, 'file', call.params.file_id, 'download');
  if (item.lock?.downloadPrevented && item.lock.by !== user.id) throw denied();
  const wanted = call.query.get('version');
  const version = wanted === null ? currentVersion(item) : item.versions.find((one) => one.id === idOf(wanted));
  if (!version || version.trashedAt !== undefined) throw notFound();
  if (state.now() - version.createdAt < state.knobs.notReadyMs) {
    const seconds = Math.max(1, Math.ceil((version.createdAt + state.knobs.notReadyMs - state.now()) / 1_000));
    return { status: 202, headers: { 'retry-after': String(seconds) } };
  }
  const ticket = letters(state.random, 48);
  state.downloads.set(ticket, {
    id: String(item.id),
    name: version.name,
    content: version.content,
    expiresAt: state.now() + state.knobs.downloadUrlMs,
  });
  state.due.add(state.now() + state.knobs.downloadUrlMs, () => state.downloads.delete(ticket));
  const link = state.links.get(item.id);
  if (link && call.headers.boxapi !== undefined) link.downloads++;
  // The audit trail has it either way.
  if (!call.app.quiet || call.headers['box-notifications'] !== 'off') state.counters.downloads.notices++;
  recordItem(state, { type: 'DOWNLOAD', by: call.by, details: { version_id: String(version.id) } }, item);
  return { status: 302, headers: { location: `${call.downloadHost}/d/1/${ticket}/download` } };
}

export const contentRoutes: readonly Route[] = [
  { method: 'GET', path: '/files/{file_id}/content', need: 'read', query: ['version'], handle: download },
  {
    method: 'POST',
    path: '/files/content',
    need: 'write',
    upload: true,
    query: ['fields'],
    handle: (call) => {
      const { name, parent, content } = uploadOf(call);
      if (name === undefined) throw invalid('name', 'is required');
      const item = createItem(call.state, call.by, { type: 'file', name, parent: parentFor(call, parent), content });
      return answer(call, item, 201);
    },
  },
  {
    method: 'POST',
    path: '/files/{file_id}/content',
    need: 'write',
    upload: true,
    query: ['fields'],
    handle: (call) => {
      const item = itemFor(call, 'file', call.params.file_id, 'edit');
      checkLock(call, item);
      checkMatch(call, item);
      const { name, content } = uploadOf(call);
      return answer(call, addVersion(call.state, call.by, item.id, content, name), 200);
    },
  },
];
