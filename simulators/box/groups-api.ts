import { addMember, createGroup, deleteGroup, isManaged, removeMember, updateGroup } from './changes-users.ts';
import { offsetPage } from './paging.ts';
import { renderCollab } from './render-collab.ts';
import { GROUP_FIELDS, MEMBERSHIP_FIELDS, renderGroup, renderMembership } from './render-user.ts';
import { conflict, denied, invalid, notFound } from './respond.ts';
import { checked, fieldsOf, objectOf, oneOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Collab, Group, Membership } from './objects.ts';

function groupOf(call: Call, id = call.params.group_id as string): Group {
  const group = call.state.groups.get(id);
  if (!group) throw notFound();
  return group;
}

function membershipOf(call: Call): Membership {
  const one = call.state.memberships.get(call.params.group_membership_id as string);
  if (!one) throw notFound();
  return one;
}

const SHAPE = {
  name: 'string',
  provenance: 'string',
  external_sync_identifier: 'string',
  description: 'string',
  invitability_level: 'string',
  member_viewability_level: 'string',
};

function patchOf(body: Record<string, unknown>): Partial<Group> {
  const levels = ['admins_only', 'admins_and_members', 'all_managed_users'];
  for (const name of ['invitability_level', 'member_viewability_level']) {
    if (name in body) oneOf(name, body[name], levels);
  }
  const names = Object.entries({
    name: 'name',
    provenance: 'provenance',
    external_sync_identifier: 'externalId',
    description: 'description',
    invitability_level: 'invitability',
    member_viewability_level: 'viewability',
  });
  return Object.fromEntries(names.filter(([name]) => name in body).map(([name, member]) => [member, body[name]]));
}

function checkFree(call: Call, name: unknown, except?: string): void {
  const same = (group: Group) => group.id !== except && group.name.toLowerCase() === String(name).toLowerCase();
  if (call.state.groups.rows.some(same)) throw conflict('conflict', 'A group with the same name already exists');
}

const base = { need: 'groups', admin: true } as const;

export const groupRoutes: readonly Route[] = [
  {
    ...base,
    method: 'GET',
    path: '/groups',
    query: ['filter_term', 'fields', 'limit', 'offset'],
    handle: (call) => {
      const fields = fieldsOf(call, GROUP_FIELDS);
      const term = call.query.get('filter_term')?.toLowerCase() ?? '';
      const rows = call.state.groups.rows.filter((group) => group.name.toLowerCase().startsWith(term));
      return { status: 200, body: offsetPage(call, rows, (group) => renderGroup(group, fields)) };
    },
  },
  {
    ...base,
    method: 'POST',
    path: '/groups',
    query: ['fields'],
    handle: (call) => {
      const body = checked(objectOf(call), SHAPE);
      if (typeof body.name !== 'string' || body.name === '') throw invalid('name', 'is required');
      checkFree(call, body.name);
      const group = createGroup(call.state, call.by, { ...patchOf(body), name: body.name });
      return { status: 201, body: renderGroup(group, fieldsOf(call, GROUP_FIELDS)) };
    },
  },
  {
    ...base,
    method: 'GET',
    path: '/groups/{group_id}',
    query: ['fields'],
    handle: (call) => ({ status: 200, body: renderGroup(groupOf(call), fieldsOf(call, GROUP_FIELDS)) }),
  },
  {
    ...base,
    method: 'PUT',
    path: '/groups/{group_id}',
    query: ['fields'],
    handle: (call) => {
      const group = groupOf(call);
      const body = checked(objectOf(call), SHAPE);
      if ('name' in body) checkFree(call, body.name, group.id);
      updateGroup(call.state, call.by, group, patchOf(body));
      return { status: 200, body: renderGroup(group, fieldsOf(call, GROUP_FIELDS)) };
    },
  },
  {
    ...base,
    method: 'DELETE',
    path: '/groups/{group_id}',
    handle: (call) => {
      deleteGroup(call.state, call.by, groupOf(call));
      return { status: 204 };
    },
  },
  {
    ...base,
    method: 'GET',
    path: '/groups/{group_id}/memberships',
    query: ['limit', 'offset'],
    handle: (call) => {
      const rows = [...groupOf(call).members.values()].map((id) => call.state.memberships.get(id) as Membership);
      return { status: 200, body: offsetPage(call, rows, (one) => renderMembership(call.state, one)) };
    },
  },
  {
    ...base,
    method: 'GET',
    path: '/groups/{group_id}/collaborations',
    query: ['limit', 'offset'],
    handle: (call) => {
      const ids = call.state.collabsOfGrantee.get(`group ${groupOf(call).id}`) ?? [];
      const rows = [...ids].map((id) => call.state.collabs.get(id) as Collab);
      return { status: 200, body: offsetPage(call, rows, (one) => renderCollab(call.state, call.user, one)) };
    },
  },
  {
    ...base,
    method: 'POST',
    path: '/group_memberships',
    query: ['fields'],
    handle: (call) => {
      const body = checked(objectOf(call), {
        user: 'object',
        group: 'object',
        role: 'string',
        configurable_permissions: 'object?',
      });
      const user = call.state.user(String((body.user as { id?: unknown } | undefined)?.id));
      const group = groupOf(call, String((body.group as { id?: unknown } | undefined)?.id));
      if (!user || !isManaged(user)) throw notFound();
      if (group.groupType === 'all_users_group') throw denied();
      if (group.members.has(user.id)) throw conflict('conflict', 'The user is already a member of the group');
      const role = oneOf('role', body.role ?? 'member', ['member', 'admin']);
      const one = addMember(call.state, call.by, group, user.id, role);
      fieldsOf(call, MEMBERSHIP_FIELDS);
      return { status: 201, body: renderMembership(call.state, one) };
    },
  },
  {
    ...base,
    method: 'GET',
    path: '/group_memberships/{group_membership_id}',
    query: ['fields'],
    handle: (call) => ({ status: 200, body: renderMembership(call.state, membershipOf(call)) }),
  },
  {
    ...base,
    method: 'DELETE',
    path: '/group_memberships/{group_membership_id}',
    handle: (call) => {
      removeMember(call.state, call.by, membershipOf(call));
      return { status: 204 };
    },
  },
];
