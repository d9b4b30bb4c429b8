import { holds, roleOf } from './access.ts';
import { moveItem, renameItem, setLock, touch } from './changes-items.ts';
import { setLink } from './changes-links.ts';
import type { LinkPatch } from './changes-links.ts';
import { countExecuted } from '../kit/counters.ts';
import { checkLock, checkMatch, itemFor, parentFor } from './find-item.ts';
import { recordItem } from './record.ts';
import { LINK_LEVELS } from './render-link.ts';
import { ITEM_FIELDS, renderItem, View } from './render-item.ts';
import { BoxError, badRequest, denied, invalid } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import { checked, fieldsOf, momentOf, objectOf, oneOf } from './route.ts';
import type { Call } from './route.ts';
import type { Item } from './objects.ts';

const SHAPES: Record<Item['type'], Record<string, string>> = {
  file: {
    name: 'string',
    description: 'string',
    parent: 'object',
    shared_link: 'object?',
    lock: 'object?',
    tags: 'array',
    permissions: 'object',
    collections: 'array?',
    disposition_at: 'string',
  },
  folder: {
    name: 'string',
    description: 'string',
    parent: 'object',
    shared_link: 'object?',
    tags: 'array',
    sync_state: 'string',
    can_non_owners_invite: 'boolean',
    folder_upload_email: 'object?',
    is_collaboration_restricted_to_enterprise: 'boolean',
    collections: 'array?',
    can_non_owners_view_collaborators: 'boolean',
  },
  web_link: { name: 'string', description: 'string', parent: 'object', shared_link: 'object?', url: 'string' },
};

/** What a caller says about a shared link; `null` takes it away, `{}` takes the enterprise's usual level. */
function linkPatch(call: Call, item: Item, value: Record<string, unknown>): LinkPatch {
  const { access, password, unshared_at, vanity_name, permissions } = checked(value, {
    access: 'string',
    password: 'string?',
    unshared_at: 'string?',
    vanity_name: 'string?',
    permissions: 'object',
  });
  const patch: LinkPatch = {};
  if (access !== undefined) patch.access = oneOf('access', access, LINK_LEVELS);
  if (patch.access && LINK_LEVELS.indexOf(patch.access) > LINK_LEVELS.indexOf(call.state.knobs.widestLink)) {
    throw new BoxError(
      403,
      'access_denied_insufficient_permissions',
      'The enterprise does not allow this access level',
    );
  }
  if (password !== undefined) patch.password = password as string | null;
  if (typeof patch.password === 'string' && patch.password.length < 8) {
    throw badRequest('A password of 8 characters or more is wanted', 'bad_request');
  }
  if (unshared_at !== undefined) {
    patch.unsharedAt = unshared_at === null ? null : momentOf('unshared_at', unshared_at);
    if (patch.unsharedAt !== null && patch.unsharedAt <= call.state.now()) {
      throw invalid('unshared_at', 'must be in the future');
    }
  }
  if (vanity_name !== undefined) patch.vanityName = vanity_name as string | null;
  if (typeof patch.vanityName === 'string' && patch.vanityName.length < 12) {
    throw badRequest('A vanity name of 12 characters or more is wanted', 'bad_request');
  }
  if (permissions !== undefined) {
    const { can_download, can_edit } = checked(permissions as Record<string, unknown>, {
      can_download: 'boolean',
      can_edit: 'boolean',
      can_preview: 'boolean',
    });
    if (can_download !== undefined) patch.canDownload = can_download as boolean;
    if (can_edit !== undefined) patch.canEdit = can_edit as boolean;
  }
  const level = patch.access ?? call.state.links.get(item.id)?.access ?? 'open';
  if (level !== 'open' && patch.password) {
    throw badRequest('A password can only be set on an open link', 'bad_request');
  }
  if (level === 'collaborators' && permissions !== undefined) {
    throw badRequest('Permissions are not allowed on a link for collaborators only', 'bad_request');
  }
  if (patch.canEdit && item.type !== 'file') {
    throw badRequest('can_edit can only be true for a file', 'bad_request');
  }
  return patch;
}

function changeLock(call: Call, item: Item, value: unknown): void {
  if (value === null) return setLock(call.state, call.by, item, null);
  const { access, type, expires_at, is_download_prevented } = value as Record<string, unknown>;
  oneOf('lock.access', access ?? type, ['lock']);
  setLock(call.state, call.by, item, {
    expiresAt: expires_at === undefined || expires_at === null ? null : momentOf('expires_at', expires_at),
    prevented: is_download_prevented === true,
  });
}

/** PUT of a file, folder or web link: everything is checked before anything is changed. */
export function changeItem(call: Call, type: Item['type'], text: string | undefined): Answer {
  const { state } = call;
  const body = checked(objectOf(call), SHAPES[type]);
  const fields = fieldsOf(call, ITEM_FIELDS);
  const names = Object.keys(body);
  const onlyLink = names.length === 1 && names[0] === 'shared_link';
  const first = itemFor(call, type, text, onlyLink ? 'share' : 'edit');
  checkLock(call, first);
  // The etag does not guard moves.
  if (!('parent' in body)) checkMatch(call, first);
  const patch = body.shared_link ? linkPatch(call, first, body.shared_link as Record<string, unknown>) : null;
  const restricted = patch && (patch.access ?? patch.canEdit ?? patch.canDownload) !== undefined;
  if ((restricted || (onlyLink && body.shared_link === null)) && !holds(roleOf(state, call.user, first.id), 'edit'))
    throw denied();
  let parent: number | undefined;
  if (body.parent !== undefined) {
    const { id } = body.parent as { id?: unknown };
    if (typeof id !== 'string') throw invalid('parent', 'an id is wanted');
    parent = parentFor(call, id);
    if (!holds(roleOf(state, call.user, first.id), 'delete')) throw denied();
  }
  const item = state.items.edit(first.id);
  const name = typeof body.name === 'string' ? body.name : undefined;
  if (parent !== undefined) moveItem(state, call.by, item, parent, name);
  if (name !== undefined) renameItem(state, call.by, item, name);
  change(call, item, body);
  if ('shared_link' in body) setLink(state, call.by, item, patch);
  if ('lock' in body) changeLock(call, item, body.lock);
  touch(state, item, call.by);
  return { status: 200, body: renderItem(new View(state, call.user), item, fields) };
}

function change(call: Call, item: Item, body: Record<string, unknown>): void {
  const {
    description,
    tags,
    can_non_owners_invite: invites,
    is_collaboration_restricted_to_enterprise: restricted,
    url,
  } = body;
  const before = JSON.stringify([item.description, item.tags, item.canNonOwnersInvite, item.restricted, item.url]);
  if (description !== undefined) item.description = description as string;
  if (tags !== undefined) item.tags = tags as string[];
  if (invites !== undefined) item.canNonOwnersInvite = invites as boolean;
  if (restricted !== undefined) item.restricted = restricted as boolean;
  if (url !== undefined) item.url = url as string;
  if (before === JSON.stringify([item.description, item.tags, item.canNonOwnersInvite, item.restricted, item.url]))
    return;
  countExecuted(call.state.counters, 'edit', String(item.id));
  const type = item.type === 'folder' ? 'ADVANCED_FOLDER_SETTINGS_UPDATE' : 'ITEM_MODIFY';
  recordItem(call.state, { type, by: call.by }, item);
}
