import { Failure } from '../kit/failures.ts';
import type { FileRecord, Share } from '../records.ts';
import { dateOf, segment, textOf } from './api.ts';
import { itemTypes, type Item } from './schemas.ts';

const listed = [
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
  'shared_link',
  'has_collaborations',
  'is_externally_owned',
  'item_status',
  'extension',
  'file_version',
  'version_number',
];
/** Without the path, which is long and the same for all that lies in a folder. */
export const listedFields = listed.join(',');
export const itemFields = [...listed, 'parent', 'path_collection'].join(',');

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

/** Where items lie that are in one folder: its own path, '' for the root, and ids as records have them. */
export interface Place {
  path: string;
  ancestors: string[];
}

function placeOf(item: Item): Place {
  const folders = above(item);
  return {
    path: folders.map(({ name, id }) => `/${name || id}`).join(''),
    ancestors: folders.map(({ id }) => `folder:${id}`),
  };
}

export function fileRecord(item: Item, shares: Share[], { path, ancestors }: Place = placeOf(item)): FileRecord {
  const name = nameOf(item);
  const isFile = item.type === 'file';
  return {
    kind: 'files',
    vendorId: fileId(item),
    name,
    path: `${path}/${name}`,
    type: item.type === 'folder' ? 'folder' : 'file',
    parentId: ancestors.at(-1),
    ancestors,
    ownerId: item.owned_by?.id,
    size: isFile ? (item.size ?? undefined) : undefined,
    mediaType: isFile ? mediaTypes[item.extension?.toLowerCase() ?? ''] : undefined,
    version: item.file_version?.id,
    versionNumber: isFile ? textOf(item.version_number) : undefined,
    createdAt: dateOf(item.created_at),
    modifiedAt: dateOf(item.content_modified_at) ?? dateOf(item.modified_at),
    trashed: isTrashed(item),
    shares,
    raw: rawOf(item),
  };
}

export const nameOf = ({ name, id }: Item): string => name || id;

/** Without the place, which the record tells, and the link's addresses, which let in whoever has them. */
export function rawOf({ path_collection: _path, parent: _parent, ...item }: Item): unknown {
  const link = item.shared_link;
  if (!link) return item;
  return { ...item, shared_link: { ...link, url: undefined, download_url: undefined, vanity_url: undefined } };
}
