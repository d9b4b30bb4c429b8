import type { ActionTarget } from '../actions.ts';
import type { Action } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { conflict } from './account-actions.ts';
import { ownId, privilegeId } from './accounts.ts';
import { call, segment } from './api.ts';
import { groupAdminId, membershipId } from './groups.ts';
import { membershipsOf, readUser } from './lookup-users.ts';
import { parseTokenId } from './observed-tokens.ts';
import { readPin } from './permissions.ts';
import type { BoxSession, Settings } from './settings.ts';

type MemberTarget = ActionTarget<'removeFromGroup'>;
export type MemberState = { role: string | null };

async function memberOf(session: BoxSession, { groupId, accountId }: MemberTarget) {
  return (await membershipsOf(session, accountId)).find(({ group }) => group.id === groupId);
}
const memberState = async (session: BoxSession, target: MemberTarget): Promise<MemberState> => ({
  role: (await memberOf(session, target))?.role ?? null,
});

export const removeFromGroup: Action<MemberTarget, MemberState, Settings> = {
  repeat: 'readable',
  async read(session, target) {
    const state = await memberState(session, target);
    const { groupId, accountId } = target;
    return {
      state,
      done: state.role === null,
      principal: accountId,
      plan: [
        `Remove user ${accountId} (${state.role ?? 'no member'}) from group ${groupId} (DELETE /group_memberships/{id}): ` +
          'what is shared with the group is lost to the user.',
      ],
      irreversible: [],
      losesAccess: state.role === null ? [] : [{ who: accountId, how: `what is shared with the group ${groupId}` }],
      calls: 3,
      touches: [
        { kind: 'memberships', vendorId: membershipId(groupId, accountId), part: 'groups' },
        { kind: 'privileges', vendorId: groupAdminId(groupId, accountId), part: 'groups' },
      ],
    };
  },
  async apply(session, target) {
    const member = await memberOf(session, target);
    if (member)
      await call(
        session,
        'DELETE',
        '/group_memberships/{group_membership_id}',
        `/group_memberships/${segment(member.id)}`,
        { accept: [404] },
      );
    return { after: await memberState(session, target) };
  },
  async undo(session, target, before) {
    if (before.role === null || (await memberOf(session, target))) return;
    await call(session, 'POST', '/group_memberships', '/group_memberships', {
      body: { user: { id: target.accountId }, group: { id: target.groupId }, role: before.role },
    });
  },
  verified: (_, after) => after.role === null,
};

type PrivilegeTarget = ActionTarget<'removePrivilege'>;
export type RoleState = { role: string; login: string };

function holderOf({ privilegeId: id }: PrivilegeTarget): string {
  const [kind, userId, role] = id.split(':');
  if (kind === 'group-admin') throw conflict('a group admin is removed with the membership', 'use removeFromGroup');
  if (kind !== 'role' || !userId || !role) throw new Failure('invalid', `${id} is not a privilege of Box`);
  if (role !== 'coadmin') throw conflict('the primary admin cannot be changed by an API call');
  return userId;
}

async function roleState(session: BoxSession, userId: string): Promise<RoleState> {
  const user = (await readUser(session, userId))!;
  return { role: user.role ?? 'user', login: user.login ?? userId };
}

export const removePrivilege: Action<PrivilegeTarget, RoleState, Settings> = {
  repeat: 'readable',
  async read(session, target) {
    const userId = holderOf(target);
    const state = await roleState(session, userId);
    if (userId === (await ownId(session))) throw conflict('this is the service account that Castellan works as');
    return {
      state,
      done: state.role !== 'coadmin',
      principal: [userId, state.login],
      plan: [`Make the co-admin ${state.login} an ordinary user (PUT /users/{id} role user).`],
      irreversible: ['Box shows no co-admin’s single permissions: after an undo they are those of a new co-admin.'],
      losesAccess: state.role === 'coadmin' ? [{ who: state.login, how: 'the role of a co-admin' }] : [],
      calls: 2,
      touches: [{ kind: 'privileges', vendorId: privilegeId(userId, 'coadmin'), part: 'accounts' }],
    };
  },
  async apply(session, target) {
    const userId = holderOf(target);
    const path = `/users/${segment(userId)}`;
    await call(session, 'PUT', '/users/{user_id}', path, { body: { role: 'user' } });
    return { after: await roleState(session, userId) };
  },
  async undo(session, target, before) {
    const userId = holderOf(target);
    if (before.role !== 'coadmin' || (await roleState(session, userId)).role === 'coadmin') return;
    await call(session, 'PUT', '/users/{user_id}', `/users/${segment(userId)}`, { body: { role: 'coadmin' } });
  },
  verified: (_, after) => after.role === 'user',
};

type PinTarget = ActionTarget<'revokeAppPermission'>;
export type PinState = { pinned: boolean; product?: string; accountId?: string };

async function pinState(session: BoxSession, id: string): Promise<PinState> {
  const pin = await readPin(session, id);
  return pin
    ? { pinned: true, product: pin.product_name ?? undefined, accountId: pin.owned_by?.id }
    : { pinned: false };
}

/** `POST /oauth2/revoke` wants the secret of the app that holds the token, and the token itself. */
function refuseToken({ appPermissionId }: PinTarget): void {
  const token = parseTokenId(appPermissionId);
  if (!token) return;
  throw conflict(
    `Box lets only the app that holds a token revoke it (${token.app}, of user ${token.userId})`,
    `end the sessions of user ${token.userId} (revokeSessions), suspend the user, or have an admin disable the app in the Admin Console`,
  );
}

/** Tokens of other apps are out of reach, which is told before; a pinned device can be removed. */
export const revokeAppPermission: Action<PinTarget, PinState, Settings> = {
  repeat: 'readable',
  async read(session, { appPermissionId }) {
    refuseToken({ appPermissionId });
    const state = await pinState(session, appPermissionId);
    return {
      state,
      done: !state.pinned,
      principal: state.accountId,
      plan: [`Remove the pinned device ${appPermissionId} (${state.product ?? 'unknown'}) of user ${state.accountId}.`],
      irreversible: ['A device is pinned again only by signing in on it.'],
      losesAccess: state.pinned
        ? [
            {
              who: state.accountId ?? 'the device’s user',
              how: `the pinned device ${state.product ?? appPermissionId}`,
            },
          ]
        : [],
      calls: 2,
      touches: [{ kind: 'appPermissions', vendorId: appPermissionId, part: '' }],
    };
  },
  async apply(session, { appPermissionId }) {
    await call(session, 'DELETE', '/device_pinners/{device_pinner_id}', `/device_pinners/${segment(appPermissionId)}`, {
      accept: [404],
    });
    return { after: await pinState(session, appPermissionId) };
  },
  verified: (_, after) => !after.pinned,
};
