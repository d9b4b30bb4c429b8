import { endWebhook } from './changes-webhooks.ts';
import { dropCollab } from './changes-collabs.ts';
import { purgeItem } from './changes-items.ts';
import { countExecuted } from '../kit/counters.ts';
import { record } from './record.ts';
import type { By } from './record.ts';
import { userMini } from './render-user.ts';
import type { Collab, Group, Membership, User } from './objects.ts';
import type { BoxState } from './state.ts';

const FIRST_USER = 20_000_000_000;

export type NewUser = Pick<User, 'name' | 'login'> & Partial<User>;

/** Adds a user without an event; filling uses it too. */
export function putUser(state: BoxState, given: NewUser): User {
  const seq = state.seq();
  const number = state.userByNumber.size + 1;
  const now = given.createdAt ?? state.now();
  const user: User = {
    kind: 'managed',
    role: 'user',
    status: 'active',
    createdAt: now,
    modifiedAt: now,
    jobTitle: '',
    phone: '',
    address: '',
    language: 'en',
    timezone: 'America/Los_Angeles',
    spaceAmount: 10_737_418_240,
    sessions: 1,
    passwordResetRequired: false,
    externalCollabRestricted: false,
    loginVerificationExempt: false,
    reports: true,
    ...given,
    id: String(FIRST_USER + number),
    seq,
    number,
  };
  state.users.add(user);
  state.userByNumber.set(number, user);
  state.userByLogin.set(user.login.toLowerCase(), user);
  return user;
}

export const isManaged = (user: User): boolean => user.kind !== 'external';

export function createUser(state: BoxState, by: By, given: NewUser): User {
  const user = putUser(state, given);
  countExecuted(state.counters, 'createUser', user.id);
  record(state, { type: 'NEW_USER', by, source: userMini(state, user.id) });
  // Somebody who was invited before they had an account is now a collaborator.
  for (const id of [...(state.collabsOfGrantee.get(`email ${user.login.toLowerCase()}`) ?? [])]) {
    const collab = state.collabs.get(id) as Collab;
    dropCollab(state, collab);
    const claimed: Collab = { ...collab, grantee: { type: 'user', id: user.id }, inviteEmail: null, seq: state.seq() };
    state.collabs.add(claimed);
    for (const [index, key] of [
      [state.collabsOfItem, collab.item],
      [state.collabsOfGrantee, `user ${user.id}`],
    ] as [Map<unknown, Set<string>>, unknown][]) {
      index.set(key, (index.get(key) ?? new Set()).add(claimed.id));
    }
  }
  return user;
}

export function updateUser(state: BoxState, by: By, user: User, patch: Partial<User>): void {
  const before = { ...user };
  const passwordReset = patch.passwordResetRequired === true;
  Object.assign(user, patch, { modifiedAt: state.now() });
  if (before.login !== user.login) {
    state.userByLogin.delete(before.login.toLowerCase());
    state.userByLogin.set(user.login.toLowerCase(), user);
  }
  const changed = (Object.keys(patch) as (keyof User)[]).filter((name) => before[name] !== user[name]);
  if (before.status !== user.status) countExecuted(state.counters, `status:${user.status}`, user.id);
  if (passwordReset) countExecuted(state.counters, 'passwordReset', user.id);
  if (before.role !== user.role) {
    countExecuted(state.counters, `role:${user.role}`, user.id);
    record(state, { type: 'CHANGE_ADMIN_ROLE', by, source: userMini(state, user.id), details: { role: user.role } });
  }
  if (user.status === 'inactive') user.sessions = 0;
  if (changed.some((name) => name !== 'role') || passwordReset) {
    const details = { changed_fields: changed, ...(before.status === user.status ? {} : { new_status: user.status }) };
    record(state, { type: 'EDIT_USER', by, source: userMini(state, user.id), details });
  }
}

const owned = (state: BoxState, user: User) =>
  [...state.items.children(-user.number, undefined, true)].map(([id]) => id);

/** With everything the user owns; the memberships and shares go too. */
export function deleteUser(state: BoxState, by: By, user: User): void {
  countExecuted(state.counters, 'deleteUser', user.id);
  record(state, { type: 'DELETE_USER', by, source: userMini(state, user.id) });
  // What is purged may leave in the root what was thrown away before.
  for (let left = owned(state, user); left.length > 0; left = owned(state, user))
    for (const id of left) purgeItem(state, by, id);
  for (const id of [...(state.collabsOfGrantee.get(`user ${user.id}`) ?? [])]) {
    dropCollab(state, state.collabs.get(id) as Collab);
  }
  for (const groupId of [...(state.groupsOfUser.get(user.id) ?? [])]) {
    const group = state.groups.get(groupId) as Group;
    dropMembership(state, state.memberships.get(group.members.get(user.id) as string) as Membership);
  }
  for (const pin of state.devicePins.rows.filter((one) => one.owner === user.id)) state.devicePins.delete(pin.id);
  for (const [value, token] of state.tokens) if (token.userId === user.id) state.tokens.delete(value);
  for (const hook of state.webhooks.rows.filter(({ owner }) => owner === user.id)) endWebhook(state, hook);
  state.users.delete(user.id);
  state.userByLogin.delete(user.login.toLowerCase());
}

/** Asynchronous, as Box says: the event tells when it is done. */
export function terminateSessions(state: BoxState, by: By, user: User): void {
  state.due.add(state.now() + state.knobs.sessionJobMs, () => {
    user.sessions = 0;
    countExecuted(state.counters, 'terminateSessions', user.id);
    // Box publishes no name for this event.
    record(state, {
      type: 'USER_SESSION_TERMINATED',
      by,
      source: userMini(state, user.id),
      details: { status: 'SUCCESS' },
    });
  });
}

export function putGroup(state: BoxState, given: Partial<Group> & { name: string }): Group {
  const seq = state.seq();
  const now = given.createdAt ?? state.now();
  return state.groups.add({
    groupType: 'managed_group',
    createdAt: now,
    modifiedAt: now,
    provenance: null,
    externalId: null,
    description: '',
    invitability: 'admins_and_members',
    viewability: 'admins_and_members',
    ...given,
    id: String(2_500_000_000 + seq),
    seq,
    members: new Map(),
  });
}

const groupSource = (group: Group) => ({ group_id: group.id, group_name: group.name });

export function createGroup(state: BoxState, by: By, given: Partial<Group> & { name: string }): Group {
  const group = putGroup(state, given);
  countExecuted(state.counters, 'createGroup', group.id);
  record(state, { type: 'GROUP_CREATION', by, source: groupSource(group) });
  return group;
}

export function updateGroup(state: BoxState, by: By, group: Group, patch: Partial<Group>): void {
  Object.assign(group, patch, { modifiedAt: state.now() });
  record(state, { type: 'GROUP_EDITED', by, source: groupSource(group) });
}

export function deleteGroup(state: BoxState, by: By, group: Group): void {
  countExecuted(state.counters, 'deleteGroup', group.id);
  record(state, { type: 'GROUP_DELETION', by, source: groupSource(group) });
  for (const id of [...group.members.values()]) dropMembership(state, state.memberships.get(id) as Membership);
  for (const id of [...(state.collabsOfGrantee.get(`group ${group.id}`) ?? [])]) {
    dropCollab(state, state.collabs.get(id) as Collab);
  }
  state.groups.delete(group.id);
}

export function putMembership(
  state: BoxState,
  group: Group,
  userId: string,
  role: Membership['role'],
  at?: number,
): Membership {
  const seq = state.seq();
  const now = at ?? state.now();
  const one: Membership = {
    id: String(1_300_000_000 + seq),
    seq,
    userId,
    groupId: group.id,
    role,
    createdAt: now,
    modifiedAt: now,
  };
  state.memberships.add(one);
  group.members.set(userId, one.id);
  state.groupsOfUser.set(userId, (state.groupsOfUser.get(userId) ?? new Set()).add(group.id));
  return one;
}

export function dropMembership(state: BoxState, one: Membership): void {
  state.memberships.delete(one.id);
  state.groups.get(one.groupId)?.members.delete(one.userId);
  state.groupsOfUser.get(one.userId)?.delete(one.groupId);
}

export function addMember(state: BoxState, by: By, group: Group, userId: string, role: Membership['role']): Membership {
  const one = putMembership(state, group, userId, role);
  countExecuted(state.counters, 'addMember', `${group.id} ${userId}`);
  record(state, {
    type: 'GROUP_ADD_USER',
    by,
    source: { ...groupSource(group), user_id: userId },
    accessibleBy: userMini(state, userId),
  });
  if (role === 'admin')
    record(state, {
      type: 'GROUP_ADMIN_CREATED',
      by,
      source: groupSource(group),
      accessibleBy: userMini(state, userId),
    });
  return one;
}

export function removeMember(state: BoxState, by: By, one: Membership): void {
  const group = state.groups.get(one.groupId) as Group;
  countExecuted(state.counters, 'removeMember', `${group.id} ${one.userId}`);
  record(state, {
    type: 'GROUP_REMOVE_USER',
    by,
    source: { ...groupSource(group), user_id: one.userId },
    accessibleBy: userMini(state, one.userId),
  });
  dropMembership(state, one);
}
