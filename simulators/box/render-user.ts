import { pacific } from './pacific-time.ts';
import type { Group, Membership, User } from './objects.ts';
import type { BoxState } from './state.ts';

type Json = Record<string, unknown>;

/** Who did something without being known: visitors of open links. */
export const ANONYMOUS = '2';

export function userMini(state: BoxState, id: string): Json {
  const user = state.user(id);
  if (user) return { type: 'user', id, name: user.name, login: user.login };
  return { type: 'user', id, name: '', login: '' };
}

const EXTERNAL_VIEW = ['type', 'id', 'name', 'login'];

const MEMBERS: Record<string, (state: BoxState, user: User) => unknown> = {
  type: () => 'user',
  id: (_, user) => user.id,
  name: (_, user) => user.name,
  login: (_, user) => user.login,
  created_at: (_, user) => pacific(user.createdAt),
  modified_at: (_, user) => pacific(user.modifiedAt),
  language: (_, user) => user.language,
  timezone: (_, user) => user.timezone,
  space_amount: (_, user) => user.spaceAmount,
  space_used: (_, user) => 10_000 + user.number * 137,
  max_upload_size: () => 5_368_709_120,
  status: (_, user) => user.status,
  job_title: (_, user) => user.jobTitle,
  phone: (_, user) => user.phone,
  address: (_, user) => user.address,
  avatar_url: (_, user) => `https://app.box.com/api/avatar/large/${user.id}`,
  notification_email: () => null,
  role: (_, user) => user.role,
  tracking_codes: () => [],
  can_see_managed_users: () => true,
  is_sync_enabled: () => true,
  is_external_collab_restricted: (_, user) => user.externalCollabRestricted,
  is_exempt_from_device_limits: () => false,
  is_exempt_from_login_verification: (_, user) => user.loginVerificationExempt,
  enterprise: (state) => ({ type: 'enterprise', id: state.enterprise.id, name: state.enterprise.name }),
  my_tags: () => [],
  hostname: (state) => `https://${state.enterprise.name.toLowerCase()}.app.box.com/`,
  is_platform_access_only: (_, user) => user.kind === 'app' || user.kind === 'service',
  external_app_user_id: () => null,
};
export const USER_FIELDS = Object.keys(MEMBERS);
const STANDARD = USER_FIELDS.slice(0, USER_FIELDS.indexOf('role'));

/** An external user shows no more than who they are; the rest is null. */
export function renderUser(state: BoxState, user: User, fields: readonly string[] | undefined): Json {
  const names = fields ? new Set(['type', 'id', ...fields]) : STANDARD;
  const row: Json = {};
  for (const name of names) {
    const hidden = user.kind === 'external' && !EXTERNAL_VIEW.includes(name);
    row[name] = hidden ? null : MEMBERS[name]?.(state, user);
  }
  return row;
}

const GROUP_MEMBERS: Record<string, (group: Group) => unknown> = {
  type: () => 'group',
  id: (group) => group.id,
  name: (group) => group.name,
  group_type: (group) => group.groupType,
  created_at: (group) => pacific(group.createdAt),
  modified_at: (group) => pacific(group.modifiedAt),
  provenance: (group) => group.provenance,
  external_sync_identifier: (group) => group.externalId,
  description: (group) => group.description,
  invitability_level: (group) => group.invitability,
  member_viewability_level: (group) => group.viewability,
  permissions: () => ({ can_invite_as_collaborator: true }),
};
export const GROUP_FIELDS = Object.keys(GROUP_MEMBERS);
const GROUP_STANDARD = GROUP_FIELDS.slice(0, GROUP_FIELDS.indexOf('provenance'));

export function renderGroup(group: Group, fields: readonly string[] | undefined): Json {
  const names = fields ? new Set(['type', 'id', ...fields]) : GROUP_STANDARD;
  const row: Json = {};
  for (const name of names) row[name] = GROUP_MEMBERS[name]?.(group);
  return row;
}

export const groupMini = (group: Group): Json => renderGroup(group, ['name', 'group_type']);

export const MEMBERSHIP_FIELDS = ['type', 'id', 'user', 'group', 'role', 'created_at', 'modified_at'];

export function renderMembership(state: BoxState, one: Membership): Json {
  return {
    type: 'group_membership',
    id: one.id,
    user: userMini(state, one.userId),
    group: groupMini(state.groups.get(one.groupId) as Group),
    role: one.role,
    created_at: pacific(one.createdAt),
    modified_at: pacific(one.modifiedAt),
  };
}
