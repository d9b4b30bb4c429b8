import { ancestors, hasCollaborations, holds, ownerOf, roleOf, visibleAncestors } from './access.ts';
import type { Role } from './access.ts';
import { sha1Of, sizeOf } from './content.ts';
import { pacific, pacificOrNull } from './pacific-time.ts';
import { userMini } from './render-user.ts';
import { renderLink } from './render-link.ts';
import { ROLES } from './objects.ts';
import type { Item, User, Version } from './objects.ts';
import type { BoxState } from './state.ts';

type Json = Record<string, unknown>;

export const ROOT: Json = { type: 'folder', id: '0', sequence_id: null, etag: null, name: 'All Files' };
const TRASH: Json = { type: 'folder', id: '1', sequence_id: null, etag: null, name: 'Trash' };

/** One reader's look at items; the paths of folders are remembered as long as it lives. */
export class View {
  readonly state: BoxState;
  readonly viewer: User;
  readonly #paths = new Map<number, Json[]>();
  readonly #roles = new Map<number, Role | undefined>();

  constructor(state: BoxState, viewer: User) {
    this.state = state;
    this.viewer = viewer;
  }

  /** All Files, then the folders above that this reader sees. */
  path(item: Item): Json[] {
    const known = this.#paths.get(item.parent);
    if (known) return known;
    const above = visibleAncestors(this.state, this.viewer, item.id);
    const path = [ROOT, ...above.map((id) => folderMini(this.state.items.get(id) as Item))];
    // Seen from below it is the same for every item of a folder, unless the item itself is what was shared.
    if (above.length > 0 || item.parent < 0) this.#paths.set(item.parent, path);
    return path;
  }

  role(item: Item): Role | undefined {
    const direct = this.state.collabsOfItem.has(item.id);
    const known = direct ? undefined : this.#roles.get(item.parent);
    if (known) return known;
    const role = roleOf(this.state, this.viewer, item.id);
    if (!direct) this.#roles.set(item.parent, role);
    return role;
  }
}

export function folderMini(item: Item): Json {
  return {
    type: 'folder',
    id: String(item.id),
    sequence_id: String(item.etag),
    etag: String(item.etag),
    name: item.name,
  };
}
export function itemMini(item: Item): Json {
  const current = currentVersion(item);
  return {
    type: item.type,
    id: String(item.id),
    ...(current ? { file_version: versionMini(current) } : {}),
    sequence_id: String(item.etag),
    etag: String(item.etag),
    ...(current ? { sha1: sha1Of(current.content) } : {}),
    ...(item.type === 'web_link' ? { url: item.url } : {}),
    name: item.name,
  };
}

export const currentVersion = (item: Item): Version | undefined => item.versions.at(-1);
export const versionMini = (version: Version): Json => ({
  type: 'file_version',
  id: String(version.id),
  sha1: sha1Of(version.content),
});

const extension = (name: string): string => (name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '');

function permissions({ viewer }: View, item: Item, role: Role | undefined): Json {
  const locked = item.lock !== undefined && item.lock.by !== viewer.id;
  const frozen = viewer.status !== 'active';
  const can = {
    can_download: holds(role, 'download') && !(locked && item.lock?.downloadPrevented),
    can_rename: holds(role, 'edit') && !locked && !frozen,
    can_share: holds(role, 'share') && !frozen,
    can_set_share_access: holds(role, 'edit') && !frozen,
    can_invite_collaborator: holds(role, 'invite') && !frozen,
    can_delete: holds(role, 'delete') && !locked && !frozen,
    can_upload: holds(role, 'upload') && !locked && viewer.status !== 'cannot_delete_edit_upload',
  };
  if (item.type === 'folder') return can;
  const preview = holds(role, 'preview');
  return {
    ...can,
    can_preview: preview,
    can_comment: preview,
    can_annotate: preview,
    can_view_annotations_all: preview,
    can_view_annotations_self: preview,
  };
}

type Reader = (view: View, item: Item) => unknown;
const BOTH: Record<string, Reader> = {
  type: (_, item) => item.type,
  id: (_, item) => String(item.id),
  sequence_id: (_, item) => String(item.etag),
  etag: (_, item) => String(item.etag),
  name: (_, item) => item.name,
  description: (_, item) => item.description,
  size: (view, item) => (item.type === 'folder' ? 0 : sizeOf(currentVersion(item)?.content ?? { seed: 0, size: 0 })),
  path_collection: (view, item) => {
    if (item.trashedAt !== undefined) return { total_count: 1, entries: [TRASH] };
    const entries = view.path(item);
    return { total_count: entries.length, entries };
  },
  created_at: (_, item) => pacific(item.createdAt),
  modified_at: (_, item) => pacific(item.modifiedAt),
  trashed_at: (_, item) => pacificOrNull(item.trashedAt),
  purged_at: (view, item) => (item.trashedAt === undefined ? null : pacific(item.trashedAt + view.state.knobs.trashMs)),
  content_created_at: (_, item) => pacific(item.versions[0]?.createdAt ?? item.createdAt),
  content_modified_at: (_, item) => pacific(currentVersion(item)?.createdAt ?? item.modifiedAt),
  created_by: (view, item) => userMini(view.state, item.createdBy),
  modified_by: (view, item) => userMini(view.state, item.modifiedBy),
  owned_by: (view, item) => userMini(view.state, ownerOf(view.state, item.id).id),
  shared_link: (view, item) => renderLink(view.state, item),
  parent: (view, item) => (item.trashedAt !== undefined ? TRASH : view.path(item).at(-1)),
  item_status: (_, item) => (item.trashedAt === undefined ? 'active' : 'trashed'),
  permissions: (view, item) => permissions(view, item, view.role(item)),
  tags: (_, item) => item.tags ?? [],
  has_collaborations: (view, item) => hasCollaborations(view.state, item),
  is_externally_owned: (view, item) => ownerOf(view.state, item.id).kind === 'external',
  is_accessible_via_shared_link: (view, item) =>
    [item.id, ...ancestors(view.state, item.id)].some((id) => view.state.links.has(id)),
  allowed_invitee_roles: () => ROLES,
  watermark_info: () => ({
    is_watermarked: false,
    is_watermark_inherited: false,
    is_watermarked_by_access_policy: false,
  }),
  classification: (_, item) =>
    item.classification === undefined ? null : { name: item.classification, definition: '', color: '#ff0000' },
  metadata: () => ({}),
  collections: () => [],
};

const FILE: Record<string, Reader> = {
  file_version: (_, item) => versionMini(currentVersion(item) as Version),
  sha1: (_, item) => sha1Of((currentVersion(item) as Version).content),
  extension: (_, item) => extension(item.name),
  version_number: (_, item) => String((currentVersion(item) as Version).number),
  comment_count: () => 0,
  lock: (view, item) =>
    item.lock
      ? {
          type: 'lock',
          id: item.lock.id,
          created_by: userMini(view.state, item.lock.by),
          created_at: pacific(item.lock.at),
          ...(item.lock.expiresAt === null ? {} : { expired_at: pacific(item.lock.expiresAt) }),
          is_download_prevented: item.lock.downloadPrevented,
          app_type: null,
        }
      : null,
  is_package: () => false,
  expires_at: () => null,
  disposition_at: () => null,
  representations: () => ({ entries: [] }),
  uploader_display_name: (view, item) => userMini(view.state, item.createdBy).name,
  shared_link_permission_options: () => ['can_preview', 'can_download', 'can_edit'],
};
const FOLDER: Record<string, Reader> = {
  sync_state: () => 'not_synced',
  folder_upload_email: () => null,
  can_non_owners_invite: (_, item) => item.canNonOwnersInvite,
  is_collaboration_restricted_to_enterprise: (_, item) => item.restricted,
  can_non_owners_view_collaborators: () => true,
  allowed_shared_link_access_levels: (view) => {
    const levels = ['open', 'company', 'collaborators'];
    return levels.slice(levels.indexOf(view.state.knobs.widestLink));
  },
};
const WEB_LINK: Record<string, Reader> = { url: (_, item) => item.url };

const BASE = ['type', 'id', 'sequence_id', 'etag', 'name'];
const COMMON = [
  'description',
  'size',
  'path_collection',
  'created_at',
  'modified_at',
  'trashed_at',
  'purged_at',
  'content_created_at',
  'content_modified_at',
  'created_by',
  'modified_by',
  'owned_by',
  'shared_link',
  'parent',
  'item_status',
];
const OF: Record<Item['type'], { readers: Record<string, Reader>; standard: string[] }> = {
  file: { readers: { ...BOTH, ...FILE }, standard: ['file_version', ...BASE, 'sha1', ...COMMON] },
  folder: { readers: { ...BOTH, ...FOLDER }, standard: [...BASE, ...COMMON, 'folder_upload_email'] },
  web_link: {
    readers: { ...BOTH, ...WEB_LINK },
    standard: [
      ...BASE,
      'url',
      ...COMMON.filter((name) => !['size', 'content_created_at', 'content_modified_at'].includes(name)),
    ],
  },
};
/** Every name that `fields` may hold for items; `item_collection` belongs to a single folder. */
export const ITEM_FIELDS = [
  ...new Set([...Object.values(OF).flatMap((one) => Object.keys(one.readers)), 'item_collection']),
];

/** The standard members, or exactly the named ones beside `type`, `id` and `etag`. */
export function renderItem(view: View, item: Item, fields?: readonly string[]): Json {
  const { readers, standard } = OF[item.type];
  const row: Json = {};
  for (const name of fields ? ['type', 'id', 'etag', ...fields] : standard) {
    const read = readers[name];
    if (read && !(name in row)) row[name] = read(view, item);
  }
  return row;
}

/** A user's root folder; it has no etag and no parent. */
export function renderRoot(view: View, fields?: readonly string[]): Json {
  const owner = { type: 'user', id: view.viewer.id, name: view.viewer.name, login: view.viewer.login };
  const whole: Json = {
    ...ROOT,
    created_at: null,
    modified_at: null,
    description: '',
    size: 0,
    path_collection: { total_count: 0, entries: [] },
    created_by: { type: 'user', id: '', name: '', login: '' },
    modified_by: owner,
    trashed_at: null,
    purged_at: null,
    content_created_at: null,
    content_modified_at: null,
    owned_by: owner,
    shared_link: null,
    folder_upload_email: null,
    parent: null,
    item_status: 'active',
  };
  if (!fields) return whole;
  const more: Json = { ...whole, has_collaborations: false, is_externally_owned: false, classification: null };
  const wanted = ['type', 'id', 'etag', ...fields].filter((name) => name in more);
  return Object.fromEntries(wanted.map((name) => [name, more[name]]));
}

export function renderVersion(state: BoxState, version: Version): Json {
  return {
    ...versionMini(version),
    name: version.name,
    size: sizeOf(version.content),
    uploader_display_name: userMini(state, version.modifiedBy).name,
    created_at: pacific(version.createdAt),
    modified_at: pacific(version.createdAt),
    modified_by: userMini(state, version.modifiedBy),
    trashed_at: pacificOrNull(version.trashedAt),
    ...(version.trashedBy === undefined ? {} : { trashed_by: userMini(state, version.trashedBy) }),
    restored_at: pacificOrNull(version.restoredAt),
    purged_at: version.trashedAt === undefined ? null : pacific(version.trashedAt + state.knobs.trashMs),
    version_number: String(version.number),
  };
}
