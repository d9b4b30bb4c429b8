import { z } from 'zod';
import type { Action, Before } from '../connector.ts';
import type { ActionTarget } from '../actions.ts';
import { call, rowsOf, segment, type OktaSession } from './api.ts';
import { conflict, namesOf, ownUserId, readUser, refuseLastSuperAdmin, refuseOwn } from './guards.ts';
import { isMemberOf } from './lookup.ts';
import { parsePermissionId, permissionAddress, readPermission } from './permissions.ts';
import { isSuperAdmin, parsePrivilegeId, rolesOf, rolesOperation, rolesPath, type Holder } from './privileges.ts';
import { group as groupSchema, type Role } from './schemas.ts';
import type { Settings } from './settings.ts';
import { Failure } from '../kit/failures.ts';

// ---------------------------------------------------------------- group

type GroupTarget = ActionTarget<'removeFromGroup'>;
export type MemberState = { member: boolean; group: string; login: string };

const memberAddress = ({ groupId, accountId }: GroupTarget) =>
  [
    '/api/v1/groups/{groupId}/users/{userId}',
    `/api/v1/groups/${segment(groupId)}/users/${segment(accountId)}`,
  ] as const;

/** Removing from a group that makes super admins may remove the last one. */
async function mayRemove(session: OktaSession, { groupId, accountId }: GroupTarget): Promise<void> {
  if ((await isSuperAdmin(session, 'group', groupId)) !== true) return;
  await refuseOwn(session, accountId);
  await refuseLastSuperAdmin(session, accountId);
}

export const removeFromGroup: Action<GroupTarget, MemberState, Settings> = {
  repeat: 'readable',
  async read(session, target): Promise<Before<MemberState>> {
    const path = `/api/v1/groups/${segment(target.groupId)}`;
    const group = (await call(session, 'GET', '/api/v1/groups/{groupId}', path)).json(groupSchema);
    const name = group.profile?.name ?? group.id;
    if (group.type === 'BUILT_IN') throw conflict(`${name} is everybody: nobody can be removed`);
    if (group.type === 'APP_GROUP') throw conflict(`${name} is filled from another directory`, 'remove the user there');
    const user = await readUser(session, target.accountId);
    const member = await isMemberOf(session, target.groupId, target.accountId);
    if (member) await mayRemove(session, target);
    const login = user.profile?.login ?? user.id;
    return {
      state: { member, group: name, login },
      done: !member,
      principal: namesOf(user),
      plan: [`Remove ${login} from ${name} (DELETE /api/v1/groups/{groupId}/users/{userId}).`],
      irreversible: [
        'Apps that the group gave are taken; data that an app deletes with its account does not come back.',
      ],
      losesAccess: member ? [{ who: login, how: `what the group ${name} gives` }] : [],
      calls: 3,
      touches: [
        { kind: 'memberships', vendorId: `${target.groupId}:${target.accountId}`, part: 'groups' },
        { kind: 'privileges', vendorId: `user:${target.accountId}`, part: 'privileges' },
      ],
    };
  },
  async apply(session, target, before) {
    await mayRemove(session, target);
    const [operation, path] = memberAddress(target);
    await call(session, 'DELETE', operation, path, { accept: [404] });
    const member = await isMemberOf(session, target.groupId, target.accountId);
    if (member)
      throw conflict(
        `${before.login} is put back into ${before.group} at once: a group rule fills it`,
        'change the rule',
      );
    return { after: { ...before, member } };
  },
  async undo(session, target, before) {
    if (!before.member) return;
    const [operation, path] = memberAddress(target);
    await call(session, 'PUT', operation, path);
  },
  verified: (_, after) => !after.member,
};

// ---------------------------------------------------------------- privilege

type PrivilegeTarget = ActionTarget<'removePrivilege'>;
/** `limited`: to groups or apps that an assignment made anew would not have; null where that cannot be read. */
export type PrivilegeState = {
  role: { type: string; label: string; role?: string; resourceSet?: string } | null;
  limited: boolean | null;
};

/** By its id; or what is the same as `before`, which has a new id once it was given back. */
async function findRole(session: OktaSession, vendorId: string, before?: PrivilegeState['role']) {
  const { holder, holderId, assignmentId } = parsePrivilegeId(vendorId);
  if (assignmentId === undefined) throw new Failure('notFound', `${vendorId} names no single privilege`);
  const user = holder === 'user' ? await readUser(session, holderId) : undefined;
  const roles = await rolesOf(session, holder, holderId);
  const role =
    roles?.rows.find(({ id }) => id === assignmentId) ??
    (before && roles?.rows.find((one) => isOwn(holder, one) && isSame(one, before)));
  return { user, holder, holderId, assignmentId: role?.id ?? assignmentId, role };
}

const isOwn = (holder: Holder, { assignmentType }: Role) => !(holder === 'user' && assignmentType === 'GROUP');
const isSame = (one: Role, { type, role, resourceSet }: NonNullable<PrivilegeState['role']>) =>
  one.type === type && (one.role ?? undefined) === role && (one['resource-set'] ?? undefined) === resourceSet;

const limitable: Record<string, string> = {
  USER_ADMIN: 'targets/groups',
  HELP_DESK_ADMIN: 'targets/groups',
  GROUP_MEMBERSHIP_ADMIN: 'targets/groups',
  APP_ADMIN: 'targets/catalog/apps',
};

async function isLimited(session: OktaSession, holder: Holder, holderId: string, id: string, type: string) {
  const targets = limitable[type];
  if (!targets) return false;
  const path = `${rolesPath(holder, holderId)}/${segment(id)}/${targets}`;
  const operation = `${rolesOperation[holder]}/{roleAssignmentId}/${targets}`;
  const answer = await call(session, 'GET', operation, path, { accept: [403, 404] });
  return answer.status === 200 ? rowsOf(answer.json(z.array(z.unknown())), z.looseObject({})).rows.length > 0 : null;
}

async function mayTake(session: OktaSession, holder: Holder, holderId: string, type: string): Promise<void> {
  if (holder === 'user') {
    await refuseOwn(session, holderId);
    if (type === 'SUPER_ADMIN') await refuseLastSuperAdmin(session, holderId);
  } else if (type === 'SUPER_ADMIN') {
    throw conflict(
      'this group makes super admins: taking the role could leave the org without one',
      'do it in the Okta console',
    );
  }
}

export const removePrivilege: Action<PrivilegeTarget, PrivilegeState, Settings> = {
  repeat: 'readable',
  async read(session, { privilegeId }, before): Promise<Before<PrivilegeState>> {
    const { user, holder, holderId, assignmentId, role } = await findRole(session, privilegeId, before?.role);
    const touches = [{ kind: 'privileges', vendorId: `${holder}:${holderId}`, part: 'privileges' }] as const;
    const principal = user && namesOf(user);
    if (!role)
      return {
        state: { role: null, limited: false },
        done: true,
        plan: [],
        irreversible: [],
        calls: 0,
        principal,
        touches,
      };
    const label = role.label ?? role.type;
    if (holder === 'user' && role.assignmentType === 'GROUP')
      throw conflict(
        `${label} comes from a group and cannot be taken from the user`,
        'remove the user from that group',
      );
    await mayTake(session, holder, holderId, role.type);
    const limited = await isLimited(session, holder, holderId, assignmentId, role.type);
    return {
      state: {
        role: { type: role.type, label, role: role.role ?? undefined, resourceSet: role['resource-set'] ?? undefined },
        limited,
      },
      principal,
      plan: [
        `Remove the role ${label} from the ${holder} ${holderId} (DELETE ${rolesOperation[holder]}/{roleAssignmentId}).`,
      ],
      irreversible: [
        'When it is given back the assignment has a new id.',
        ...(limited === false
          ? []
          : ['The role is, or may be, limited to some groups or apps. Given back it would not be, so undo refuses.']),
      ],
      losesAccess: [
        {
          who: user?.profile?.login ?? `${holder} ${holderId}`,
          how: `the role ${label}`,
          ...(holder === 'group' ? { group: holderId } : {}),
        },
      ],
      calls: user ? 6 : 3,
      touches,
    };
  },
  async apply(session, { privilegeId }, before) {
    const { holder, holderId, assignmentId, role } = await findRole(session, privilegeId, before.role);
    if (role) {
      await mayTake(session, holder, holderId, role.type);
      const path = `${rolesPath(holder, holderId)}/${segment(assignmentId)}`;
      await call(session, 'DELETE', `${rolesOperation[holder]}/{roleAssignmentId}`, path, { accept: [404] });
    }
    const left = (await findRole(session, privilegeId, before.role)).role;
    return { after: left ? before : { role: null, limited: false } };
  },
  async undo(session, { privilegeId }, before) {
    if (!before.role) return;
    if (before.limited !== false)
      throw conflict(
        'the role was limited to some groups or apps; given back it would not be',
        'assign it in the Okta console',
      );
    const { holder, holderId, role: has } = await findRole(session, privilegeId, before.role);
    if (has) return;
    const { type, role, resourceSet } = before.role;
    const body = type === 'CUSTOM' ? { type, role, 'resource-set': resourceSet } : { type };
    await call(session, 'POST', rolesOperation[holder], rolesPath(holder, holderId), { body });
  },
  verified: (_, after) => after.role === null,
};

// ---------------------------------------------------------------- app permission

type PermissionTarget = ActionTarget<'revokeAppPermission'>;
export type PermissionState = { present: boolean; app: string; type: string };

export const revokeAppPermission: Action<PermissionTarget, PermissionState, Settings> = {
  repeat: 'readable',
  async read(session, { appPermissionId }): Promise<Before<PermissionState>> {
    const id = singlePermission(appPermissionId);
    const record = await readPermission(session, id);
    const present = record !== null && record.status !== 'revoked';
    if (id.type === 'apiToken' && present && record.accountId === (await ownUserId(session)))
      throw conflict('this may be the token that Castellan itself uses', 'revoke it in the Okta console');
    const app = record?.appName ?? record?.appId ?? 'unknown';
    const what = { grant: 'grant', token: 'refresh token', apiToken: 'API token' }[id.type];
    return {
      state: { present, app, type: id.type },
      done: !present,
      plan: [`Revoke the ${what} of ${app} (DELETE ${permissionAddress(id).operation}).`],
      irreversible: [
        id.type === 'grant'
          ? 'A revoked grant cannot be given back: the user, or an admin, consents again.'
          : 'A revoked token cannot be given back; access tokens made from it end too.',
      ],
      losesAccess: present
        ? [{ who: app, how: `the ${what}${record?.accountId ? ` of ${record.accountId}` : ''}` }]
        : [],
      calls: 3,
      principal: record?.accountId,
      touches: [
        { kind: 'appPermissions', vendorId: appPermissionId, part: id.type === 'apiToken' ? 'apiTokens' : 'grants' },
      ],
    };
  },
  async apply(session, { appPermissionId }, before) {
    const id = singlePermission(appPermissionId);
    const { operation, path } = permissionAddress(id);
    await call(session, 'DELETE', operation, path, { accept: [404] });
    const record = await readPermission(session, id);
    return { after: { ...before, present: record !== null && record.status !== 'revoked' } };
  },
  verified: (_, after) => !after.present,
};

function singlePermission(vendorId: string) {
  const id = parsePermissionId(vendorId);
  if (id.type === 'user') throw new Failure('notFound', `${vendorId} names no single permission`);
  return id;
}
