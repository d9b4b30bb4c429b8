import { z } from 'zod';
import type { Page, PageRequest } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';
import type { PrivilegeRecord } from '../records.ts';
import { call, dateOf, list, pathOf, rowsOf, segment, textOf, type OktaSession } from './api.ts';
import { assignees, group as groupSchema, member, role as roleSchema, type Role } from './schemas.ts';

const adminsPath = '/api/v1/iam/assignees/users?limit=25';
const groupsPath = '/api/v1/groups?limit=25';
const atOnce = 5;
/** More groups than this are not carried in a cursor; then all groups are asked. */
const mostGroups = 200;

/**
 * Users who are admins, then the groups that make them so. Okta lists no groups with roles: they are known from the
 * users' assignments of type GROUP, which link to their group; where a link is missing all groups are asked. A role on
 * a group without members is not found then; it is found when the first member joins.
 */
const cursor = createCursor(
  1,
  z.discriminatedUnion('phase', [
    z.object({
      phase: z.literal('users'),
      path: z.string().startsWith('/api/v1/iam/'),
      groups: z.array(z.string()),
      all: z.boolean(),
    }),
    z.object({ phase: z.literal('groups'), groups: z.array(z.string()) }),
    z.object({ phase: z.literal('allGroups'), path: z.string().startsWith('/api/v1/groups') }),
  ]),
);

export type Holder = 'user' | 'group';
/** `user:00u1:ra1`, `group:00g1:ra1`; without the assignment it names all of a holder's. */
export const privilegeId = (holder: Holder, holderId: string, assignmentId: string) =>
  `${holder}:${holderId}:${assignmentId}`;

export function parsePrivilegeId(vendorId: string): { holder: Holder; holderId: string; assignmentId?: string } {
  const [holder, holderId, ...rest] = vendorId.split(':');
  if ((holder !== 'user' && holder !== 'group') || !holderId)
    throw new Failure('notFound', `${vendorId} is not the id of an Okta privilege`);
  return { holder, holderId, assignmentId: rest.join(':') || undefined };
}

export const rolesOperation = {
  user: '/api/v1/users/{userId}/roles',
  group: '/api/v1/groups/{groupId}/roles',
} as const;
export const rolesPath = (holder: Holder, holderId: string) => `/api/v1/${holder}s/${segment(holderId)}/roles`;

export function privilegeOf(holder: Holder, holderId: string, role: Role): PrivilegeRecord {
  const custom = role.type === 'CUSTOM';
  return {
    kind: 'privileges',
    vendorId: privilegeId(holder, holderId, role.id),
    holderKind: holder === 'user' ? 'accounts' : 'groups',
    holderId,
    name: custom ? (textOf(role.role) ?? role.type) : role.type,
    title: textOf(role.label),
    admin: role.type === 'SUPER_ADMIN' || role.type === 'ORG_ADMIN',
    origin: holder === 'user' && role.assignmentType === 'GROUP' ? 'group' : 'direct',
    scope: textOf(role['resource-set']),
    createdAt: dateOf(role.created),
    raw: role,
  };
}

/** All assignments of one holder; null when the holder is not there. */
export async function rolesOf(session: OktaSession, holder: Holder, holderId: string) {
  const path = rolesPath(holder, holderId);
  const answer = await call(session, 'GET', rolesOperation[holder], path, { accept: [404] });
  return answer.status === 404 ? null : rowsOf(answer.json(z.array(z.unknown())), roleSchema);
}

/** Every org has an administrator, and every administrator a role: nothing at all is what we are shown without the right. */
const notShown = (): Failure =>
  new Failure('forbidden', 'Okta shows no administrator roles at all, though every org has some', {
    who: 'tenant-admin',
    remedy:
      'assign a role that may read administrator roles to the service app, or to the admin whose token this is; then rescan',
  });

/** Whether a list of roles that is empty may be believed. */
export async function showsRoles(session: OktaSession): Promise<boolean> {
  const path = '/api/v1/iam/assignees/users?limit=1';
  const answer = await call(session, 'GET', '/api/v1/iam/assignees/users', path);
  return rowsOf(answer.json(assignees).value, member).rows.length > 0;
}

async function holdersPage(session: OktaSession, holder: Holder, ids: readonly string[]) {
  const found = await inParallel(ids, atOnce, (id) => rolesOf(session, holder, id));
  return {
    roles: found.flatMap((answer) => answer?.rows ?? []),
    records: found.flatMap((answer, at) => (answer?.rows ?? []).map((role) => privilegeOf(holder, ids[at]!, role))),
    skipped: found.flatMap((answer) => answer?.skipped ?? []),
  };
}

export async function sweepPrivileges(session: OktaSession, request: PageRequest): Promise<Page<PrivilegeRecord>> {
  const place =
    request.cursor === undefined
      ? ({ phase: 'users', path: adminsPath, groups: [], all: false } as const)
      : cursor.read(request.cursor);
  if (place.phase === 'users') return usersPage(session, place);
  if (place.phase === 'groups') {
    const { records, skipped } = await holdersPage(session, 'group', place.groups.slice(0, 25));
    const groups = place.groups.slice(25);
    return { records, skipped, next: groups.length > 0 ? cursor.write({ phase: 'groups', groups }) : undefined };
  }
  const page = await list(session, '/api/v1/groups', place.path, groupSchema);
  const ids = page.rows.filter(({ type }) => type !== 'BUILT_IN').map(({ id }) => id);
  const { records, skipped } = await holdersPage(session, 'group', ids);
  return {
    records,
    skipped: [...page.skipped, ...skipped],
    next: page.next === undefined ? undefined : cursor.write({ phase: 'allGroups', path: page.next }),
  };
}

async function usersPage(
  session: OktaSession,
  place: { path: string; groups: readonly string[]; all: boolean },
): Promise<Page<PrivilegeRecord>> {
  const answer = (await call(session, 'GET', '/api/v1/iam/assignees/users', place.path)).json(assignees);
  const users = rowsOf(answer.value, member);
  const { roles, records, skipped } = await holdersPage(
    session,
    'user',
    users.rows.map(({ id }) => id),
  );
  if (roles.length === 0) throw notShown();
  const links = roles.filter(({ assignmentType }) => assignmentType === 'GROUP').map(groupOfRole);
  const known = new Set([...place.groups, ...links.filter((id) => id !== undefined)]);
  const all = place.all || links.includes(undefined) || known.size > mostGroups;
  const groups = all ? [] : [...known];
  const next = answer._links?.next?.href;
  const page = { records, skipped: [...users.skipped, ...skipped] };
  if (next !== undefined)
    return { ...page, next: cursor.write({ phase: 'users', path: pathOf(session, next), groups, all }) };
  if (all) return { ...page, next: cursor.write({ phase: 'allGroups', path: groupsPath }) };
  return { ...page, next: groups.length > 0 ? cursor.write({ phase: 'groups', groups }) : undefined };
}

function groupOfRole(role: Role): string | undefined {
  const found = /\/groups\/([^/?]+)$/.exec(role._links?.assignee?.href ?? '');
  return found ? decodeURIComponent(found[1]!) : undefined;
}

/** The other active super admins, as soon as one is found. */
export async function hasOtherSuperAdmin(session: OktaSession, exceptUserId: string): Promise<boolean> {
  let next: string | undefined = '/api/v1/iam/assignees/users?limit=100';
  for (let pages = 0; next !== undefined && pages < 500; pages++) {
    const path: string = next;
    const answer = (await call(session, 'GET', '/api/v1/iam/assignees/users', path)).json(assignees);
    for (const { id } of rowsOf(answer.value, member).rows) {
      if (id === exceptUserId) continue;
      const roles = await rolesOf(session, 'user', id);
      if (!roles?.rows.some(({ type }) => type === 'SUPER_ADMIN')) continue;
      const user = await call(session, 'GET', '/api/v1/users/{id}', `/api/v1/users/${segment(id)}`, { accept: [404] });
      if (user.status === 200 && user.json(z.object({ status: z.string() })).status === 'ACTIVE') return true;
    }
    const href = answer._links?.next?.href;
    next = href === undefined ? undefined : pathOf(session, href);
  }
  return false;
}

/** Whether a holder has the role of super admin; undefined when roles cannot be read with this credential. */
export async function isSuperAdmin(session: OktaSession, holder: Holder, id: string): Promise<boolean | undefined> {
  try {
    const roles = await rolesOf(session, holder, id);
    return roles?.rows.some(({ type }) => type === 'SUPER_ADMIN') ?? false;
  } catch (error) {
    if (Failure.is(error, 'forbidden')) return undefined;
    throw error;
  }
}
