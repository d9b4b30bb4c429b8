import { createHash } from 'node:crypto';
import { FIRST_ITEM } from './base-items.ts';
import { ownerOf } from './access.ts';
import { sha1Of, sizeOf } from './content.ts';
import type { Collab, Item, SharedLink } from './objects.ts';
import type { BoxState } from './state.ts';

/** One item as the vendor knows it. */
export interface ItemTruth {
  id: string;
  type: Item['type'];
  name: string;
  parent: string;
  owner: string;
  trashed: boolean;
  etag: number;
  description: string;
  lock: string | null;
  link: Omit<SharedLink, 'token' | 'downloads' | 'previews'> | null;
  collaborations: Pick<
    Collab,
    'id' | 'grantee' | 'inviteEmail' | 'role' | 'status' | 'expiresAt' | 'accessOnly' | 'canViewPath'
  >[];
  versions: { id: string; sha1: string; size: number; trashed: boolean }[];
}

export interface Truth {
  enterprise: { id: string; name: string };
  users: Record<string, unknown>[];
  groups: Record<string, unknown>[];
  memberships: { groupId: string; userId: string; role: string }[];
  /** Every item; ask for it only where there are not too many. */
  items: ItemTruth[];
  /** Items by type, and those in the trash. */
  counts: { files: number; folders: number; webLinks: number; trashed: number };
  collaborations: Record<string, unknown>[];
  webhooks: Record<string, unknown>[];
  devicePins: Record<string, unknown>[];
  /** Rows of the streaming log in its order, duplicates included; `hash` is over their ids. */
  events: { count: number; held: number; hash: string; ids: string[]; types: Record<string, number> };
  /** Access tokens made for users, as the log tells of them; each user and app once. */
  tokens: { userId: string; app: string }[];
}

function* everyId(state: BoxState): Generator<number> {
  const { base } = state.items;
  for (let id = FIRST_ITEM; id < FIRST_ITEM + base.size; id++) if (state.items.has(id)) yield id;
  for (const item of state.items.touched) if (!base.has(item.id)) yield item.id;
}

export function itemTruth(state: BoxState, id: number): ItemTruth {
  const item = state.items.get(id) as Item;
  const link = state.links.get(id);
  const collabs = [...(state.collabsOfItem.get(id) ?? [])].map((one) => state.collabs.get(one) as Collab);
  return {
    id: String(id),
    type: item.type,
    name: item.name,
    parent: item.parent < 0 ? '0' : String(item.parent),
    owner: ownerOf(state, id).id,
    trashed: item.trashedAt !== undefined,
    etag: item.etag,
    description: item.description,
    lock: item.lock?.by ?? null,
    link: link
      ? {
          access: link.access,
          password: link.password,
          unsharedAt: link.unsharedAt,
          canDownload: link.canDownload,
          canEdit: link.canEdit,
          vanityName: link.vanityName,
        }
      : null,
    collaborations: collabs.map(({ id, grantee, inviteEmail, role, status, expiresAt, accessOnly, canViewPath }) => ({
      id,
      grantee,
      inviteEmail,
      role,
      status,
      expiresAt,
      accessOnly,
      canViewPath,
    })),
    versions: item.versions.map((one) => ({
      id: String(one.id),
      sha1: sha1Of(one.content),
      size: sizeOf(one.content),
      trashed: one.trashedAt !== undefined,
    })),
  };
}

const READERS: { [K in keyof Truth]: (state: BoxState) => Truth[K] } = {
  enterprise: (state) => ({ id: state.enterprise.id, name: state.enterprise.name }),
  users: (state) => state.users.rows.map(({ seq: _seq, ...row }) => row),
  groups: (state) => state.groups.rows.map(({ seq: _seq, members, ...row }) => ({ ...row, members: members.size })),
  memberships: (state) => state.memberships.rows.map(({ groupId, userId, role }) => ({ groupId, userId, role })),
  items: (state) => [...everyId(state)].map((id) => itemTruth(state, id)),
  counts: (state) => {
    const counts = { files: 0, folders: 0, webLinks: 0, trashed: 0 };
    for (const id of everyId(state)) {
      if (state.items.isFolder(id)) counts.folders++;
      else if (state.items.get(id)?.type === 'web_link') counts.webLinks++;
      else counts.files++;
      if (state.items.isTrashed(id)) counts.trashed++;
    }
    return counts;
  },
  collaborations: (state) => state.collabs.rows.map(({ seq: _seq, ...row }) => ({ ...row, item: String(row.item) })),
  webhooks: (state) => state.webhooks.rows.map(({ seq: _seq, ...row }) => row),
  devicePins: (state) => state.devicePins.rows.map(({ seq: _seq, ...row }) => row),
  events: (state) => {
    const rows = state.events.streamed();
    const ids = rows.map((row) => row.event_id);
    const types: Record<string, number> = {};
    for (const { event_type: type } of rows) types[type] = (types[type] ?? 0) + 1;
    const hash = createHash('sha256').update(ids.join('\n')).digest('hex');
    return { count: rows.length, held: state.events.held, hash, ids, types };
  },
  tokens: (state) => {
    const made = state.events
      .streamed()
      .filter(({ event_type: type }) => type === 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE')
      .map(({ source, additional_details: details }) => ({
        userId: (source as { id: string }).id,
        app: String((details as { service_id?: string } | null)?.service_id),
      }));
    return [...new Map(made.map((one) => [`${one.userId} ${one.app}`, one])).values()];
  },
};

/** `only` names the parts wanted; without it, all but the single items. */
export function readTruth(state: BoxState, only?: readonly (keyof Truth)[]): Partial<Truth> {
  const names = only ?? (Object.keys(READERS) as (keyof Truth)[]).filter((name) => name !== 'items');
  return Object.fromEntries(names.map((name) => [name, READERS[name](state)]));
}
