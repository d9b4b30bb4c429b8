import { isSuperAdmin, rolesOfPrincipal } from './admin-permissions.ts';
import { addMember, removeMember } from './changes.ts';
import { compileFilter, readPath } from './filter.ts';
import type { Operator } from './filter.ts';
import { doer, userOf } from './lifecycle.ts';
import { limitOf, listAnswer, takePage } from './paging.ts';
import { renderGroup, renderUser } from './render.ts';
import { badFilter, badSearch, invalid, noPermission, notFound, OktaError } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import type { Group } from './state.ts';

const ORDERED: readonly Operator[] = ['eq', 'gt', 'ge', 'lt', 'le'];
const TEXT: readonly Operator[] = [...ORDERED, 'ne', 'sw', 'ew', 'co', 'pr'];
const FILTERABLE: Record<string, readonly Operator[]> = {
  id: ['eq'],
  type: ['eq'],
  lastUpdated: ORDERED,
  lastMembershipUpdated: ORDERED,
};
const SEARCHABLE = new Set(['id', 'type', 'created', 'lastUpdated', 'lastMembershipUpdated', 'objectClass']);

const read = (group: Group, attribute: string): unknown => readPath(group, attribute.split('.'));

function predicate(text: string, search: boolean): (group: Group) => boolean {
  try {
    return compileFilter(
      text,
      (name) => (search ? (SEARCHABLE.has(name) || name.startsWith('profile.') ? TEXT : undefined) : FILTERABLE[name]),
      read,
    );
  } catch (error) {
    throw (search ? badSearch : badFilter)((error as Error).message);
  }
}

export function groupOf(call: Call): Group {
  const id = call.params.groupId ?? '';
  const group = call.state.groups.get(id);
  if (!group) throw notFound(id, 'UserGroup');
  return group;
}

function listGroups(call: Call): Answer {
  const { query, state } = call;
  const [filter, search, q] = [query.get('filter'), query.get('search'), query.get('q')];
  if ([filter, search, q].filter((one) => one !== null).length > 1)
    throw invalid('filter', 'filter, search and q cannot be combined');
  const limit = limitOf(call, 10_000, 10_000);
  const expand = query.get('expand');
  if (expand !== null && expand !== 'stats' && expand !== 'app') throw invalid('expand', 'expand: stats or app');
  let passes: (group: Group) => boolean = () => true;
  if (filter !== null) passes = predicate(filter, false);
  else if (search !== null) passes = predicate(search, true);
  else if (q !== null) passes = (group) => String(group.profile.name).toLowerCase().startsWith(q.toLowerCase());
  const page = takePage(call, `groups ${filter ?? search ?? q ?? ''}`, state.groups, limit, passes);
  const show = (group: Group): Record<string, unknown> => {
    const shown = renderGroup(group, call.base);
    if (expand === 'stats') shown._embedded = { stats: stats(call, group) };
    return shown;
  };
  return listAnswer(call, page.rows.map(show), page.next, limit);
}

function stats(call: Call, group: Group): Record<string, unknown> {
  return {
    usersCount: group.type === 'BUILT_IN' ? call.state.users.size : group.members.size,
    appsCount: 0,
    groupPushMappingsCount: 0,
    hasAdminPrivlege: call.state.roles.rows.some((role) => role.assigneeId === group.id),
  };
}

function listMembers(call: Call): Answer {
  const { state } = call;
  const group = groupOf(call);
  const limit = limitOf(call, 1000, 1000);
  const list = `group users ${group.id}`;
  if (group.type === 'BUILT_IN') {
    const page = takePage(call, list, state.users, limit, (user) => user.status !== 'DEPROVISIONED');
    return listAnswer(
      call,
      page.rows.map((user) => renderUser(state, user, call.base)),
      page.next,
      limit,
    );
  }
  const page = takePage(call, list, group.members, limit);
  const users = page.rows.flatMap((row) => state.users.get(row.id) ?? []);
  return listAnswer(
    call,
    users.map((user) => renderUser(state, user, call.base)),
    page.next,
    limit,
  );
}

/** Members of imported and built-in groups are not ours to change; groups with admin roles need a super admin. */
function guardMembership(call: Call, group: Group): void {
  if (group.type === 'APP_GROUP') throw noPermission();
  if (group.type === 'BUILT_IN') throw new OktaError(501, 'E0000060', 'Unsupported operation.');
  const own = rolesOfPrincipal(call.state, call.principal);
  if (!isSuperAdmin(own) && call.state.roles.rows.some((role) => role.assigneeId === group.id)) throw noPermission();
}

export const groupRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/v1/groups',
    scope: 'okta.groups.read',
    permission: 'groups.read',
    query: ['limit', 'after', 'search', 'filter', 'q', 'expand', 'sortBy', 'sortOrder'],
    handle: listGroups,
  },
  {
    method: 'GET',
    path: '/api/v1/groups/{groupId}',
    scope: 'okta.groups.read',
    permission: 'groups.read',
    handle: (call) => ({ status: 200, body: renderGroup(groupOf(call), call.base) }),
  },
  {
    method: 'GET',
    path: '/api/v1/groups/{groupId}/users',
    scope: 'okta.groups.read',
    permission: 'groups.read',
    query: ['limit', 'after'],
    handle: listMembers,
  },
  {
    method: 'PUT',
    path: '/api/v1/groups/{groupId}/users/{userId}',
    scope: 'okta.groups.manage',
    permission: 'groups.members',
    handle: (call) => {
      const group = groupOf(call);
      guardMembership(call, group);
      addMember(call.state, doer(call), group, userOf(call, 'userId'));
      return { status: 204 };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/groups/{groupId}/users/{userId}',
    scope: 'okta.groups.manage',
    permission: 'groups.members',
    handle: (call) => {
      const group = groupOf(call);
      guardMembership(call, group);
      // Okta answers 204 for a user that is not a member too.
      removeMember(call.state, doer(call), group, userOf(call, 'userId'));
      return { status: 204 };
    },
  },
];
