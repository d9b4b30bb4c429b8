import { isAdmin, reaches } from './auth.ts';
import { createUser, deleteUser, isManaged, terminateSessions, updateUser } from './changes-users.ts';
import { moveItem } from './changes-items.ts';
import { putItem } from './changes-items.ts';
import { markerPage, offsetPage } from './paging.ts';
import { renderUser, USER_FIELDS, MEMBERSHIP_FIELDS, renderMembership } from './render-user.ts';
import { renderItem, View, ITEM_FIELDS } from './render-item.ts';
import { BoxError, badRequest, conflict, denied, invalid, notFound } from './respond.ts';
import { checked, fieldsOf, objectOf, oneOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { USER_STATUSES } from './objects.ts';
import type { Membership, User } from './objects.ts';

/** A user of the enterprise, or one from outside who shares something with it. */
function userOf(call: Call, id = call.params.user_id as string): User {
  const user = call.state.user(id);
  if (!user) throw notFound();
  return user;
}

/** A user whom the caller may change; nobody changes the admin, co-admins do not change each other. */
function target(call: Call): User {
  const user = userOf(call);
  if (!isManaged(user)) throw notFound();
  if (user.kind === 'service' || !reaches(call.app, call.user, user)) throw denied();
  return user;
}

const SHAPE = {
  name: 'string',
  login: 'string',
  role: 'string',
  language: 'string',
  is_sync_enabled: 'boolean',
  job_title: 'string',
  phone: 'string',
  address: 'string',
  tracking_codes: 'array',
  can_see_managed_users: 'boolean',
  timezone: 'string',
  is_external_collab_restricted: 'boolean',
  is_exempt_from_device_limits: 'boolean',
  is_exempt_from_login_verification: 'boolean',
  status: 'string',
  space_amount: 'number',
  external_app_user_id: 'string',
};

function patchOf(body: Record<string, unknown>): Partial<User> {
  const names: Record<string, keyof User> = {
    name: 'name',
    login: 'login',
    language: 'language',
    job_title: 'jobTitle',
    phone: 'phone',
    address: 'address',
    timezone: 'timezone',
    is_external_collab_restricted: 'externalCollabRestricted',
    is_exempt_from_login_verification: 'loginVerificationExempt',
    is_password_reset_required: 'passwordResetRequired',
    space_amount: 'spaceAmount',
  };
  const patch: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(names)) if (name in body) patch[member] = body[name];
  if ('status' in body) patch.status = oneOf('status', body.status, USER_STATUSES);
  if ('role' in body) patch.role = oneOf('role', body.role, ['coadmin', 'user']);
  return patch as Partial<User>;
}

function listUsers(call: Call) {
  const fields = fieldsOf(call, USER_FIELDS);
  const type = oneOf('user_type', call.query.get('user_type') ?? 'managed', ['all', 'managed', 'external']);
  const term = call.query.get('filter_term')?.toLowerCase();
  let rows = call.state.users.rows as readonly User[];
  if (type === 'external' || type === 'all') {
    // Outsiders are found by their whole login only.
    const outside = rows.filter((user) => user.kind === 'external' && user.login.toLowerCase() === term);
    if (type === 'external') rows = outside;
    else rows = [...rows.filter(isManaged), ...outside];
  } else rows = rows.filter(isManaged);
  if (!call.app.enterpriseAccess) rows = rows.filter((user) => user.kind !== 'managed');
  if (term !== undefined && type !== 'external') {
    rows = rows.filter((user) => user.login.toLowerCase().startsWith(term) || user.name.toLowerCase().startsWith(term));
  }
  const render = (user: User) => renderUser(call.state, user, fields);
  if (call.query.get('usemarker') === 'true') return markerPage(call, 'users', rows, render);
  return offsetPage(call, rows, render);
}

export const userRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/users',
    need: 'users',
    admin: true,
    query: ['filter_term', 'user_type', 'fields', 'offset', 'limit', 'usemarker', 'marker', 'external_app_user_id'],
    handle: (call) => ({ status: 200, body: listUsers(call) }),
  },
  {
    method: 'POST',
    path: '/users',
    need: 'users',
    admin: true,
    query: ['fields'],
    handle: (call) => {
      const body = checked(objectOf(call), { ...SHAPE, is_platform_access_only: 'boolean' });
      if (typeof body.name !== 'string') throw invalid('name', 'is required');
      const login = body.login;
      if (body.is_platform_access_only !== true && typeof login !== 'string') throw invalid('login', 'is required');
      if (typeof login === 'string' && call.state.userByLogin.has(login.toLowerCase())) {
        throw conflict('user_login_already_used', 'User with the specified login already exists');
      }
      const patch = patchOf(body);
      const kind = body.is_platform_access_only === true ? 'app' : 'managed';
      const made = typeof login === 'string' ? login : `AppUser_${call.state.seq()}@boxdevedition.com`;
      const user = createUser(call.state, call.by, { ...patch, kind, name: body.name, login: made });
      return { status: 201, body: renderUser(call.state, user, fieldsOf(call, USER_FIELDS)) };
    },
  },
  {
    method: 'GET',
    path: '/users/me',
    need: 'any',
    query: ['fields'],
    handle: (call) => ({ status: 200, body: renderUser(call.state, call.user, fieldsOf(call, USER_FIELDS)) }),
  },
  {
    method: 'POST',
    path: '/users/terminate_sessions',
    need: 'users',
    admin: true,
    handle: (call) => {
      const body = checked(objectOf(call), { user_ids: 'array?', user_logins: 'array?' });
      const ids = (body.user_ids ?? []) as unknown[];
      const logins = (body.user_logins ?? []) as unknown[];
      if (ids.length + logins.length === 0) throw badRequest('Users can not be NULL or EMPTY');
      if (ids.some((id) => typeof id !== 'string')) throw badRequest('User id format is string');
      const users = [
        ...ids.map((id) => call.state.user(String(id))),
        ...logins.map((login) => call.state.userByLogin.get(String(login).toLowerCase())),
      ].map((user) => {
        if (!user || !isManaged(user)) throw notFound();
        if (!reaches(call.app, call.user, user)) throw denied();
        return user;
      });
      // Named by id and by login it is one user all the same.
      for (const user of new Set(users)) terminateSessions(call.state, call.by, user);
      const message = 'Request is successful, please check the admin events for the status of the job';
      return { status: 202, body: { message } };
    },
  },
  {
    method: 'GET',
    path: '/users/{user_id}',
    need: 'any',
    query: ['fields'],
    handle: (call) => {
      const user = userOf(call);
      const fields = fieldsOf(call, USER_FIELDS);
      if (user.id === call.user.id) return { status: 200, body: renderUser(call.state, user, fields) };
      if (!isAdmin(call.user) || !call.token.scopes.includes('manage_managed_users')) throw notFound();
      return { status: 200, body: renderUser(call.state, user, fields) };
    },
  },
  {
    method: 'PUT',
    path: '/users/{user_id}',
    need: 'users',
    admin: true,
    query: ['fields'],
    handle: (call) => {
      const user = target(call);
      const shape = {
        ...SHAPE,
        enterprise: 'string?',
        notify: 'boolean',
        is_password_reset_required: 'boolean',
        notification_email: 'object?',
      };
      const body = checked(objectOf(call), shape);
      if (body.enterprise !== undefined) throw denied();
      if (user.role === 'admin' && ('role' in body || 'status' in body)) throw denied();
      updateUser(call.state, call.by, user, patchOf(body));
      return { status: 200, body: renderUser(call.state, user, fieldsOf(call, USER_FIELDS)) };
    },
  },
  {
    method: 'DELETE',
    path: '/users/{user_id}',
    need: 'users',
    admin: true,
    query: ['notify', 'force'],
    handle: (call) => {
      const user = target(call);
      if (user.role === 'admin') throw denied();
      if (call.query.get('force') !== 'true' && !call.state.items.isEmpty(-user.number)) {
        throw new BoxError(400, 'user_has_content', 'User still owns content; move it or use force');
      }
      deleteUser(call.state, call.by, user);
      return { status: 204 };
    },
  },
  {
    method: 'PUT',
    path: '/users/{user_id}/folders/0',
    need: 'users',
    admin: true,
    query: ['fields', 'notify'],
    handle: (call) => {
      const from = target(call);
      const { owned_by: to } = checked(objectOf(call), { owned_by: 'object' });
      const user = call.state.user(String((to as { id?: unknown } | undefined)?.id));
      if (!user || !isManaged(user)) throw notFound();
      if (user.id === from.id) throw badRequest('The new owner must be another user');
      const folder = putItem(call.state, call.user.id, {
        type: 'folder',
        name: `${from.login} - ${from.name}'s Files and Folders ${call.state.seq()}`,
        parent: -user.number,
      });
      for (const [id] of [...call.state.items.children(-from.number)]) {
        moveItem(call.state, call.by, call.state.items.edit(id), folder.id);
      }
      const view = new View(call.state, user);
      return { status: 200, body: renderItem(view, folder, fieldsOf(call, ITEM_FIELDS)) };
    },
  },
  {
    method: 'GET',
    path: '/users/{user_id}/memberships',
    need: 'groups',
    admin: true,
    query: ['limit', 'offset'],
    handle: (call) => {
      const user = userOf(call);
      const rows = [...(call.state.groupsOfUser.get(user.id) ?? [])].map((groupId) => {
        const id = call.state.groups.get(groupId)?.members.get(user.id) as string;
        return call.state.memberships.get(id) as Membership;
      });
      fieldsOf(call, MEMBERSHIP_FIELDS);
      return { status: 200, body: offsetPage(call, rows, (one) => renderMembership(call.state, one)) };
    },
  },
];
