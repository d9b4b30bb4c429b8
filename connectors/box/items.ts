import { Failure } from '../kit/failures.ts';
import type { FileRecord, Share } from '../records.ts';
import { dateOf, segment } from './api.ts';
import { itemTypes, type Item } from './schemas.ts';

export const itemFields = [
  'type',
  'id',
  'etag',
  'name',
  'size',
  'sha1',
  'created_at',
  'modified_at',
  'content_modified_at',
  'trashed_at',
  'owned_by',
  'parent',
  'path_collection',
  'shared_link',
  'has_collaborations',
  'is_externally_owned',
  'item_status',
  'extension',
  'file_version',
].join(',');

export const rootId = '0';
const trashId = '1';

/** Box numbers files, folders and web links apart, so the type is part of the id. */
export const fileId = (item: Pick<Item, 'type' | 'id'>): string => `${item.type}:${item.id}`;

export function parseFileId(text: string): Pick<Item, 'type' | 'id'> {
  const [name, id] = text.split(':');
  const type = itemTypes.find((known) => known === name);
  if (!type || !id || id === rootId || text.split(':').length !== 2)
    throw new Failure('invalid', `${text} is not the id of a Box file, folder or web link`, { who: 'operator' });
  return { type, id: segment(id) };
}

/** Folders above, the topmost first, without the root and the trash. */
export const above = (item: Item) =>
  (item.path_collection?.entries ?? []).filter(({ id }) => id !== rootId && id !== trashId);

export const isTrashed = (item: Item): boolean => item.item_status === 'trashed' || Boolean(item.trashed_at);

/** Media types by the end of the name, which is all that Box tells; the content may be something else. */
const mediaTypes: Record<string, string> = {
  pdf: 'application/pdf',
  txt: 'text/plain',
  csv: 'text/csv',
  json: 'application/json',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  zip: 'application/zip',
};

export function fileRecord(item: Item, shares: Share[]): FileRecord {
  const folders = above(item);
  const trashed = isTrashed(item);
  const link = item.shared_link;
  return {
    kind: 'files',
    vendorId: fileId(item),
    name: item.name || item.id,
    path: `/${[...folders.map(({ name, id }) => name || id), item.name || item.id].join('/')}`,
    type: item.type === 'folder' ? 'folder' : 'file',
    parentId: folders.length > 0 ? `folder:${folders.at(-1)!.id}` : undefined,
    ancestors: folders.map(({ id }) => `folder:${id}`),
    ownerId: item.owned_by?.id,
    size: item.type === 'file' ? (item.size ?? undefined) : undefined,
    mediaType: item.type === 'file' ? mediaTypes[item.extension?.toLowerCase() ?? ''] : undefined,
    version: item.file_version?.id,
    createdAt: dateOf(item.created_at),
    modifiedAt: dateOf(item.content_modified_at) ?? dateOf(item.modified_at),
    trashed,
    shares,
    // The link's addresses let in whoever has them.
    raw: link
      ? { ...item, shared_link: { ...link, url: undefined, download_url: undefined, vanity_url: undefined } }
      : item,
  };
}
