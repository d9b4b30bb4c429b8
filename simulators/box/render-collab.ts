import { ancestors, isLive, ownerOf, roleOf } from './access.ts';
import { pacific, pacificOrNull } from './pacific-time.ts';
import { groupMini, userMini } from './render-user.ts';
import { itemMini } from './render-item.ts';
import type { Collab, Group, Item, User } from './objects.ts';
import type { BoxState } from './state.ts';

type Json = Record<string, unknown>;

export const COLLAB_FIELDS = [
  'type',
  'id',
  'item',
  'accessible_by',
  'invite_email',
  'role',
  'expires_at',
  'is_access_only',
  'status',
  'acknowledged_at',
  'created_by',
  'created_at',
  'modified_at',
  'can_view_path',
  'acceptance_requirements_status',
];

function grantee(state: BoxState, collab: Collab): Json | null {
  if (collab.grantee === null) return null;
  if (collab.grantee.type === 'group') return groupMini(state.groups.get(collab.grantee.id) as Group);
  return { ...userMini(state, collab.grantee.id), is_active: state.user(collab.grantee.id)?.status === 'active' };
}

/** A reader who has no access to the item (a pending invitation, say) is not told what it is. */
export function renderCollab(state: BoxState, viewer: User, collab: Collab, fields?: readonly string[]): Json {
  const seen = isLive(state, collab.item) && roleOf(state, viewer, collab.item) !== undefined;
  const whole: Json = {
    type: 'collaboration',
    id: collab.id,
    created_by: userMini(state, collab.createdBy),
    created_at: pacific(collab.createdAt),
    modified_at: pacific(collab.modifiedAt),
    expires_at: pacificOrNull(collab.expiresAt),
    status: collab.status,
    accessible_by: grantee(state, collab),
    invite_email: collab.inviteEmail,
    role: collab.role,
    ...(collab.acknowledgedAt === null ? {} : { acknowledged_at: pacific(collab.acknowledgedAt) }),
    item: seen ? itemMini(state.items.get(collab.item) as Item) : null,
    is_access_only: collab.accessOnly,
    app_item: null,
  };
  if (!fields) return whole;
  const names = new Set(['type', 'id', ...fields]);
  return Object.fromEntries(
    Object.entries({
      ...whole,
      can_view_path: collab.canViewPath,
      acceptance_requirements_status: {
        terms_of_service_requirement: null,
        strong_password_requirement: null,
        two_factor_authentication_requirement: null,
      },
    }).filter(([name]) => names.has(name)),
  );
}

/** Source of an enterprise event about an item. */
export function itemSource(state: BoxState, item: Item): Json {
  const above = ancestors(state, item.id).at(-1);
  const parent = above === undefined ? undefined : (state.items.get(above) as Item);
  return {
    item_type: item.type,
    item_id: String(item.id),
    item_name: item.name,
    ...(item.classification === undefined ? {} : { classification: { name: item.classification } }),
    parent: { type: 'folder', name: parent?.name ?? 'All Files', id: String(parent?.id ?? 0) },
    owned_by: userMini(state, ownerOf(state, item.id).id),
  };
}

/** Source of an enterprise event about a share. */
export function collabSource(state: BoxState, collab: Collab): Json {
  const item = state.items.get(collab.item) as Item;
  const kind = item.type === 'folder' ? 'folder' : 'file';
  const { parent, owned_by } = itemSource(state, item);
  const who = collab.grantee?.type === 'user' ? userMini(state, collab.grantee.id) : undefined;
  const group = collab.grantee?.type === 'group' ? state.groups.get(collab.grantee.id) : undefined;
  return {
    [`${kind}_id`]: String(item.id),
    [`${kind}_name`]: item.name,
    ...(who ? { user_id: who.id, user_name: who.name } : {}),
    ...(group ? { group_id: group.id, group_name: group.name } : {}),
    ...(collab.inviteEmail === null ? {} : { user_name: collab.inviteEmail }),
    parent,
    owned_by,
  };
}
