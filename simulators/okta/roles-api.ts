import { grantRole, revokeRole } from './changes.ts';
import { groupOf } from './groups.ts';
import { doer, mayReadRolesOf, userOf } from './lifecycle.ts';
import { limitOf } from './paging.ts';
import { renderRole } from './render.ts';
import { invalid, noPermission, notFound } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import type { RoleAssignment } from './state.ts';

const STANDARD = new Set(
  'SUPER_ADMIN ORG_ADMIN APP_ADMIN USER_ADMIN HELP_DESK_ADMIN READ_ONLY_ADMIN REPORT_ADMIN API_ACCESS_MANAGEMENT_ADMIN GROUP_MEMBERSHIP_ADMIN WORKFLOWS_ADMIN ACCESS_CERTIFICATIONS_ADMIN ACCESS_REQUESTS_ADMIN'.split(
    ' ',
  ),
);

/** Without the right: refused, or an empty list where the knob says so (some orgs do that). */
function withoutRight(call: Call): Answer {
  if (call.state.knobs.rolesWithoutRight === 'empty') return { status: 200, body: [] };
  throw noPermission();
}

function listUserRoles(call: Call): Answer {
  const user = userOf(call, 'userId');
  if (!mayReadRolesOf(call, user.id)) {
    call.permitted = true;
    return withoutRight(call);
  }
  call.permitted = true;
  const roles = call.state.rolesOf(user.id);
  return { status: 200, body: roles.map((role) => renderRole(role, call.base)) };
}

function listAssignees(call: Call): Answer {
  const limit = limitOf(call, 100, 200);
  const { state } = call;
  if (!call.permitted) {
    call.permitted = true;
    if (state.knobs.rolesWithoutRight === 'empty') return { status: 200, body: { value: [], _links: {} } };
    throw noPermission();
  }
  const ids = new Set<string>();
  for (const role of state.roles.rows) {
    if (role.assignmentType === 'USER') ids.add(role.assigneeId);
    if (role.assignmentType === 'GROUP') {
      for (const member of state.groups.get(role.assigneeId)?.members.rows ?? []) ids.add(member.id);
    }
  }
  const users = [...ids].flatMap((id) => state.users.get(id) ?? []).sort((a, b) => a.seq - b.seq);
  const after = call.query.get('after');
  const seq = after === null ? 0 : Number(call.cursors.open('iam assignees', after)[0]);
  const rest = users.filter((user) => user.seq > seq);
  const rows = rest.slice(0, limit);
  const links: Record<string, unknown> = {};
  const last = rows.at(-1);
  if (rest.length > limit && last) {
    const cursor = call.cursors.seal('iam assignees', [last.seq]);
    links.next = { href: `${call.base}/api/v1/iam/assignees/users?after=${cursor}&limit=${limit}` };
  }
  const value = rows.map(({ id }) => ({
    id,
    orn: `orn:okta:directory:${state.org.id}:users:${id}`,
    _links: {
      self: { href: `${call.base}/api/v1/users/${id}` },
      roles: { href: `${call.base}/api/v1/users/${id}/roles` },
    },
  }));
  return { status: 200, body: { value, _links: links } };
}

type Holder = { kind: RoleAssignment['assignmentType']; id: string };

function holderOf(call: Call): Holder {
  if (call.params.userId !== undefined) return { kind: 'USER', id: userOf(call, 'userId').id };
  if (call.params.groupId !== undefined) return { kind: 'GROUP', id: groupOf(call).id };
  const clientId = call.params.clientId ?? '';
  if (!call.state.serviceApps.has(clientId)) throw notFound(clientId, 'PublicClientApp');
  return { kind: 'CLIENT', id: clientId };
}

const rolesOfHolder = (call: Call, holder: Holder) =>
  call.state.roles.rows.filter((role) => role.assignmentType === holder.kind && role.assigneeId === holder.id);

function remove(call: Call): Answer {
  const id = call.params.roleAssignmentId ?? '';
  // A role that came by a group is not found at the user: the membership is what must go.
  const role = rolesOfHolder(call, holderOf(call)).find((one) => one.id === id);
  if (!role) throw notFound(id, 'RoleAssignment');
  revokeRole(call.state, doer(call), role);
  return { status: 204 };
}

function assign(call: Call): Answer {
  const body = (call.body ?? {}) as Record<string, unknown>;
  const holder = holderOf(call);
  const type = String(body.type);
  if (type !== 'CUSTOM' && !STANDARD.has(type)) throw invalid('type', 'type: unknown role');
  const custom = type === 'CUSTOM';
  if (custom && (typeof body.role !== 'string' || typeof body['resource-set'] !== 'string'))
    throw invalid('role', 'role and resource-set are required');
  const held = rolesOfHolder(call, holder);
  if (!custom && held.some((role) => role.type === type)) throw invalid('type', 'The role is already assigned');
  const role = grantRole(call.state, doer(call), {
    type,
    assignmentType: holder.kind,
    assigneeId: holder.id,
    ...(custom
      ? {
          role: body.role as string,
          resourceSet: body['resource-set'] as string,
          label: call.state.customRoles.get(body.role as string)?.label ?? 'Custom',
        }
      : {}),
  });
  return { status: holder.kind === 'CLIENT' ? 200 : 201, body: renderRole(role, call.base) };
}

const HOLDERS = ['/api/v1/users/{userId}', '/api/v1/groups/{groupId}', '/oauth2/v1/clients/{clientId}'];

export const roleRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/v1/iam/assignees/users',
    scope: 'okta.roles.read',
    permission: 'roles.read',
    query: ['limit', 'after'],
    checks: 'handler',
    handle: listAssignees,
  },
  {
    method: 'GET',
    path: '/api/v1/users/{userId}/roles',
    scope: 'okta.roles.read',
    permission: 'roles.read',
    query: ['expand'],
    checks: 'handler',
    handle: listUserRoles,
  },
  {
    method: 'GET',
    path: '/api/v1/groups/{groupId}/roles',
    scope: 'okta.roles.read',
    permission: 'roles.read',
    query: ['expand'],
    handle: (call) => ({
      status: 200,
      body: rolesOfHolder(call, holderOf(call)).map((role) => renderRole(role, call.base)),
    }),
  },
  {
    method: 'GET',
    path: '/oauth2/v1/clients/{clientId}/roles',
    scope: 'okta.roles.read',
    permission: 'roles.read',
    checks: 'handler',
    handle: (call) => {
      call.permitted ||= call.params.clientId === call.principal.clientId;
      if (!call.permitted) return { status: 403 };
      return { status: 200, body: rolesOfHolder(call, holderOf(call)).map((role) => renderRole(role, call.base)) };
    },
  },
  ...HOLDERS.flatMap((place): Route[] => [
    {
      method: 'POST',
      path: `${place}/roles`,
      scope: 'okta.roles.manage',
      permission: 'roles.manage',
      query: place.startsWith('/oauth2') ? [] : ['disableNotifications'],
      handle: assign,
    },
    {
      method: 'DELETE',
      path: `${place}/roles/{roleAssignmentId}`,
      scope: 'okta.roles.manage',
      permission: 'roles.manage',
      handle: remove,
    },
    {
      method: 'GET',
      path: `${place}/roles/{roleAssignmentId}`,
      scope: 'okta.roles.read',
      permission: 'roles.read',
      handle: (call) => {
        const id = call.params.roleAssignmentId ?? '';
        const role = rolesOfHolder(call, holderOf(call)).find((one) => one.id === id);
        if (!role) throw notFound(id, 'RoleAssignment');
        return { status: 200, body: renderRole(role, call.base) };
      },
    },
  ]),
];
