import { countExecuted } from '../kit/counters.ts';
import { groupTarget, logMutation, userTarget } from './log-event.ts';
import type { Target } from './log-event.ts';
import type { Actor } from './principal.ts';
import { OrderedTable } from '../kit/ordered-table.ts';
import type { App, Grant, Group, OktaState, RefreshToken, RoleAssignment, Status, User } from './state.ts';

/** Everything that changes the tenant, whoever does it. Each change moves the documented times and writes a LogEvent. */

export interface Doer {
  actor: Actor;
  requestUri?: string;
  userAgent?: string;
}

const MESSAGES: Record<string, string> = {
  'user.lifecycle.suspend': 'Suspend Okta user',
  'user.lifecycle.unsuspend': 'Unsuspend Okta user',
  'user.lifecycle.deactivate': 'Deactivate Okta user',
  'user.lifecycle.activate': 'Activate Okta user',
  'user.lifecycle.reactivate': 'Reactivate Okta user',
  'user.lifecycle.create': 'Create Okta user',
  'user.lifecycle.delete.initiated': 'Initiate user deletion',
  'user.lifecycle.delete.completed': 'Complete user deletion',
  'user.account.unlock': 'Unlock user account',
  'user.account.lock': 'Max sign in attempts exceeded',
  'user.account.expire_password': 'Expire user password',
  'user.account.reset_password': 'Fired when the user password is reset',
  'user.account.update_profile': 'Update user profile for Okta',
  'user.account.privilege.grant': 'Grant user privilege',
  'user.account.privilege.revoke': 'Revoke user privilege',
  'group.privilege.revoke': 'Revoke group privilege',
  'group.privilege.grant': 'Grant group privilege',
  'user.mfa.factor.reset_all': 'Reset all factors for user',
  'user.session.clear': 'Clear user session',
  'group.user_membership.add': 'Add user to group membership',
  'group.user_membership.remove': 'Remove user from group membership',
  'app.oauth2.as.consent.revoke': 'Revoke user consent to an app',
  'app.oauth2.token.revoke': 'Revoke OAuth2 refresh token',
  'system.api_token.revoke': 'Revoke API token',
  'system.api_token.create': 'Create API token',
};

export function record(state: OktaState, by: Doer, eventType: string, targets: readonly Target[]): void {
  logMutation(state, {
    eventType,
    displayMessage: MESSAGES[eventType] ?? eventType,
    actor: by.actor,
    targets,
    requestUri: by.requestUri,
    userAgent: by.userAgent,
  });
}

/** Changes a user; `search` goes on showing the old row for the index lag. */
export function changeUser(state: OktaState, user: User, change: Partial<User>): void {
  const now = state.now();
  if (state.knobs.searchLagMs > 0 && !(user.indexed && user.indexed.until > now)) {
    const { indexed: _, ...row } = user;
    user.indexed = { until: now + state.knobs.searchLagMs, row };
  }
  Object.assign(user, change);
  user.lastUpdated = Math.max(now, user.lastUpdated + 1);
}

const STATUS_EVENT: Record<string, string> = {
  suspend: 'user.lifecycle.suspend',
  unsuspend: 'user.lifecycle.unsuspend',
  deactivate: 'user.lifecycle.deactivate',
  activate: 'user.lifecycle.activate',
  reactivate: 'user.lifecycle.reactivate',
  unlock: 'user.account.unlock',
  lock: 'user.account.lock',
  expire_password: 'user.account.expire_password',
  expire_password_with_temp_password: 'user.account.expire_password',
  reset_password: 'user.account.reset_password',
};

/** Moves a user to a status by a lifecycle action and counts the action as executed. */
export function setStatus(state: OktaState, by: Doer, user: User, action: string, status: Status): void {
  const now = state.now();
  const change: Partial<User> = { status, transitioningToStatus: null };
  if (status !== user.status) change.statusChanged = now;
  if (action === 'activate') change.activated = now;
  if (status === 'SUSPENDED' || status === 'DEPROVISIONED') change.sessions = 0;
  changeUser(state, user, change);
  if (action === 'deactivate') {
    for (const app of state.apps.rows) app.users.delete(user.id);
    removeWhere(state, user.id);
  }
  countExecuted(state.counters, action, user.id);
  record(state, by, STATUS_EVENT[action] ?? action, [userTarget(user)]);
}

function removeWhere(state: OktaState, userId: string): void {
  for (const table of [state.grants, state.refreshTokens]) {
    for (const row of table.rows.filter((one) => one.userId === userId)) table.delete(row.id);
  }
}

/** Ends sessions, with `tokens` also the refresh tokens. */
export function clearSessions(state: OktaState, by: Doer, user: User, tokens: boolean): void {
  user.sessions = 0;
  if (tokens) {
    for (const row of state.refreshTokens.rows.filter((one) => one.userId === user.id))
      state.refreshTokens.delete(row.id);
  }
  countExecuted(state.counters, 'clear_sessions', user.id);
  record(state, by, 'user.session.clear', [userTarget(user)]);
}

export function resetFactors(state: OktaState, by: Doer, user: User): void {
  changeUser(state, user, { factors: 0 });
  countExecuted(state.counters, 'reset_factors', user.id);
  record(state, by, 'user.mfa.factor.reset_all', [userTarget(user)]);
}

export function updateProfile(state: OktaState, by: Doer, user: User, profile: Record<string, unknown>): void {
  const login = profile.login;
  if (typeof login === 'string') {
    state.logins.delete(String(user.profile.login).toLowerCase());
    state.logins.set(login.toLowerCase(), user.id);
  }
  changeUser(state, user, { profile: { ...user.profile, ...profile } });
  record(state, by, 'user.account.update_profile', [userTarget(user)]);
}

export interface NewUser {
  profile: Record<string, unknown> & { login: string };
  status?: Status;
}

export function createUser(state: OktaState, by: Doer, given: NewUser): User {
  const now = state.now();
  const status = given.status ?? 'ACTIVE';
  const active = status === 'ACTIVE';
  const user: User = {
    id: state.id('00u'),
    seq: state.seq(),
    status,
    created: now,
    activated: active ? now : null,
    statusChanged: now,
    lastLogin: null,
    lastUpdated: now,
    passwordChanged: active ? now : null,
    transitioningToStatus: null,
    provider: { type: 'OKTA', name: 'OKTA' },
    profile: { firstName: 'New', lastName: 'User', email: given.profile.login, ...given.profile },
    sessions: 0,
    factors: 0,
  };
  if (state.knobs.searchLagMs > 0) user.indexed = { until: now + state.knobs.searchLagMs, row: null };
  addUser(state, user);
  record(state, by, 'user.lifecycle.create', [userTarget(user)]);
  return user;
}

export function addUser(state: OktaState, user: User): void {
  state.users.add(user);
  state.logins.set(String(user.profile.login).toLowerCase(), user.id);
}

/** Deletes for good; the two events are all that is left of the user. */
export function deleteUser(state: OktaState, by: Doer, user: User): void {
  const target = [userTarget(user)];
  record(state, by, 'user.lifecycle.delete.initiated', target);
  for (const groupId of state.groupsOfUser.get(user.id) ?? []) state.groups.get(groupId)?.members.delete(user.id);
  state.groupsOfUser.delete(user.id);
  for (const role of state.roles.rows.filter((one) => one.assigneeId === user.id)) state.roles.delete(role.id);
  for (const app of state.apps.rows) app.users.delete(user.id);
  removeWhere(state, user.id);
  state.logins.delete(String(user.profile.login).toLowerCase());
  state.users.delete(user.id);
  countExecuted(state.counters, 'delete', user.id);
  record(state, by, 'user.lifecycle.delete.completed', target);
}

export function newGroup(
  state: OktaState,
  given: Pick<Group, 'type' | 'profile'> & Partial<Pick<Group, 'objectClass' | 'sourceAppId' | 'created'>>,
): Group {
  const created = given.created ?? state.now();
  return state.groups.add({
    id: state.id('00g'),
    seq: state.seq(),
    lastUpdated: created,
    lastMembershipUpdated: created,
    objectClass: 'okta:user_group',
    members: new OrderedTable(),
    ...given,
    created,
  });
}

/** Without an event and without moving times: for filling. */
export function putMember(state: OktaState, group: Group, userId: string): boolean {
  if (group.members.has(userId)) return false;
  group.members.add({ id: userId, seq: state.seq() });
  const groups = state.groupsOfUser.get(userId);
  if (groups) groups.add(group.id);
  else state.groupsOfUser.set(userId, new Set([group.id]));
  return true;
}

export function addMember(state: OktaState, by: Doer, group: Group, user: User): void {
  if (!putMember(state, group, user.id)) return;
  group.lastMembershipUpdated = Math.max(state.now(), group.lastMembershipUpdated + 1);
  countExecuted(state.counters, 'add_member', `${group.id}/${user.id}`);
  record(state, by, 'group.user_membership.add', [userTarget(user), groupTarget(group)]);
}

export function removeMember(state: OktaState, by: Doer, group: Group, user: User): boolean {
  if (!group.members.delete(user.id)) return false;
  state.groupsOfUser.get(user.id)?.delete(group.id);
  group.lastMembershipUpdated = Math.max(state.now(), group.lastMembershipUpdated + 1);
  countExecuted(state.counters, 'remove_member', `${group.id}/${user.id}`);
  record(state, by, 'group.user_membership.remove', [userTarget(user), groupTarget(group)]);
  return true;
}

const LABELS: Record<string, string> = {
  SUPER_ADMIN: 'Super Organization Administrator',
  ORG_ADMIN: 'Organizational Administrator',
  APP_ADMIN: 'Application Administrator',
  USER_ADMIN: 'Group Administrator',
  HELP_DESK_ADMIN: 'Help Desk Administrator',
  READ_ONLY_ADMIN: 'Read-Only Administrator',
  REPORT_ADMIN: 'Report Administrator',
  GROUP_MEMBERSHIP_ADMIN: 'Group Membership Administrator',
  API_ACCESS_MANAGEMENT_ADMIN: 'API Access Management Administrator',
};

/** Without an event: for filling and bootstrapping. */
export function putRole(
  state: OktaState,
  given: Pick<RoleAssignment, 'type' | 'assignmentType' | 'assigneeId'> & Partial<RoleAssignment>,
): RoleAssignment {
  return state.roles.add({
    label: LABELS[given.type] ?? given.type,
    created: state.now(),
    ...given,
    id: state.id(given.type === 'CUSTOM' ? 'irb' : 'ra1'),
    seq: state.seq(),
  });
}

function roleTargets(state: OktaState, role: RoleAssignment): Target[] {
  const user = state.users.get(role.assigneeId);
  const group = state.groups.get(role.assigneeId);
  const app = state.serviceApps.get(role.assigneeId);
  const holder = user
    ? userTarget(user)
    : group
      ? groupTarget(group)
      : { id: role.assigneeId, type: 'PublicClientApp', alternateId: role.assigneeId, displayName: app?.label ?? '' };
  return [holder, { id: role.id, type: 'ROLE', alternateId: role.type, displayName: role.label }];
}

export function grantRole(state: OktaState, by: Doer, given: Parameters<typeof putRole>[1]): RoleAssignment {
  const role = putRole(state, given);
  const event = role.assignmentType === 'GROUP' ? 'group.privilege.grant' : 'user.account.privilege.grant';
  record(state, by, event, roleTargets(state, role));
  return role;
}

export function revokeRole(state: OktaState, by: Doer, role: RoleAssignment): void {
  const targets = roleTargets(state, role);
  state.roles.delete(role.id);
  countExecuted(state.counters, 'remove_role', role.id);
  const event = role.assignmentType === 'GROUP' ? 'group.privilege.revoke' : 'user.account.privilege.revoke';
  record(state, by, event, targets);
}

function clientTarget(state: OktaState, clientId: string): Target {
  const app: App | undefined = state.apps.get(clientId);
  return { id: clientId, type: 'PublicClientApp', alternateId: clientId, displayName: app?.label ?? clientId };
}

function ownedTargets(state: OktaState, row: { userId: string; clientId: string }): Target[] {
  const user = state.users.get(row.userId);
  return [...(user ? [userTarget(user)] : []), clientTarget(state, row.clientId)];
}

export function revokeGrant(state: OktaState, by: Doer, grant: Grant): void {
  if (!state.grants.delete(grant.id)) return;
  countExecuted(state.counters, 'revoke_grant', grant.id);
  record(state, by, 'app.oauth2.as.consent.revoke', ownedTargets(state, grant));
}

export function revokeRefreshToken(state: OktaState, by: Doer, token: RefreshToken): void {
  if (!state.refreshTokens.delete(token.id)) return;
  countExecuted(state.counters, 'revoke_token', token.id);
  record(state, by, 'app.oauth2.token.revoke', ownedTargets(state, token));
}
