import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  DeleteGroupPolicyCommand,
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolesCommand,
  PutGroupPolicyCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  RemoveUserFromGroupCommand,
  type Role,
} from '@aws-sdk/client-iam';
import type { ActionTarget } from '../actions.ts';
import type { Action } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { clientsOf } from './clients.ts';
import { allPages, groupsOf, pick, userOf, usersOf } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import { refuseLastAdministrator, refuseManagedRole, refuseSelf } from './guard.ts';
import { groupHolder, groupNamesOf, userHolder } from './identity-lookup.ts';
import { membershipId, readPrivilegeId } from './identity-records.ts';
import { parseDocument } from './policies.ts';
import type { AwsSession, AwsSettings } from './settings.ts';

export type MemberState = {
  groupId: string;
  groupName: string;
  userId: string;
  userName: string;
  member: boolean;
};
async function readMember(session: AwsSession, target: ActionTarget<'removeFromGroup'>): Promise<MemberState> {
  const { UserName: userName, UserId: userId } = await userOf(session, target.accountId);
  const group = pick(await groupsOf(session), target.groupId);
  if (!group?.GroupName || !group.GroupId)
    throw new Failure('notFound', `there is no IAM group ${target.groupId}`, { who: 'operator' });
  const groups = await groupNamesOf(session, userName);
  return {
    groupId: group.GroupId,
    groupName: group.GroupName,
    userId,
    userName,
    member: groups.some(({ name }) => name === group.GroupName),
  };
}

export const removeFromGroup: Action<ActionTarget<'removeFromGroup'>, MemberState, AwsSettings> = {
  repeat: 'readable',
  async read(session, target) {
    const began = session.calls();
    const state = await readMember(session, target);
    const reading = session.calls() - began;
    await refuseSelf(session, state.userId);
    if (state.member) await refuseLastAdministrator(session, state.userName);
    return {
      state,
      plan: [`Remove ${state.userName} from the group ${state.groupName}.`],
      irreversible: [],
      calls: 1 + reading,
      done: !state.member,
      losesAccess: state.member ? [{ who: state.userName, how: `what the group ${state.groupName} allows` }] : [],
      principal: state.userId,
      touches: [
        { kind: 'memberships', vendorId: membershipId(state.groupId, state.userId) },
        { kind: 'accounts', vendorId: state.userId },
      ],
    };
  },
  async apply(session, target, before) {
    if (before.member)
      await absentAs(
        'iam:RemoveUserFromGroup',
        clientsOf(session).iam.send(
          new RemoveUserFromGroupCommand({ GroupName: before.groupName, UserName: before.userName }),
        ),
        undefined,
        'NoSuchEntityException',
      );
    return { after: await readMember(session, target) };
  },
  async undo(session, _target, before) {
    if (!before.member) return;
    await vendor(
      'iam:AddUserToGroup',
      clientsOf(session).iam.send(
        new AddUserToGroupCommand({ GroupName: before.groupName, UserName: before.userName }),
      ),
    );
  },
  verified: (_before, after) => !after.member,
};

export type PrivilegeState = {
  holderKind: 'accounts' | 'groups' | 'roles';
  holderId: string;
  holder: string;
  origin: 'attached' | 'inline';
  /** The ARN of an attached policy, the name of an inline one. */
  policy: string;
  present: boolean;
  /** Of an inline policy, for undo. */
  document: string | null;
};

async function findRole(session: AwsSession, id: string): Promise<Role | undefined> {
  let found: Role | undefined;
  await allPages(
    (Marker) => vendor('iam:ListRoles', clientsOf(session).iam.send(new ListRolesCommand({ Marker, MaxItems: 1000 }))),
    (page) => (found ??= page.Roles?.find(({ RoleId }) => RoleId === id)),
  );
  return found;
}

async function readPrivilege(session: AwsSession, privilegeId: string): Promise<PrivilegeState> {
  const parts = readPrivilegeId(privilegeId);
  if (!parts)
    throw new Failure('conflict', `${privilegeId} is not a policy that can be taken away; root keeps its rights`, {
      who: 'nobody',
    });
  const { holderId, origin, policy } = parts;
  const state = (
    holderKind: PrivilegeState['holderKind'],
    holder: string,
    attached: readonly { arn: string }[],
    inline: readonly { name: string; document: string | undefined }[],
  ): PrivilegeState => {
    const own = inline.find(({ name }) => name === policy);
    const document = origin === 'inline' ? parseDocument(own?.document) : undefined;
    return {
      holderKind,
      holderId,
      holder,
      origin,
      policy,
      present: origin === 'inline' ? own !== undefined : attached.some(({ arn }) => arn === policy),
      document: document === undefined ? null : JSON.stringify(document),
    };
  };
  const user = pick(await usersOf(session), holderId);
  if (user?.UserName) {
    const { attached, inline } = await userHolder(session, holderId, user.UserName);
    return state('accounts', user.UserName, attached, inline);
  }
  const group = pick(await groupsOf(session), holderId);
  if (group?.GroupName) {
    const { attached, inline } = await groupHolder(session, holderId, group.GroupName);
    return state('groups', group.GroupName, attached, inline);
  }
  const role = await findRole(session, holderId);
  if (!role?.RoleName) throw new Failure('notFound', `nobody in IAM has the id ${holderId}`, { who: 'operator' });
  refuseManagedRole(role);
  const { RoleName } = role;
  const { iam } = clientsOf(session);
  const attached: { arn: string }[] = [];
  await allPages(
    (Marker) =>
      vendor('iam:ListAttachedRolePolicies', iam.send(new ListAttachedRolePoliciesCommand({ RoleName, Marker }))),
    (page) => attached.push(...(page.AttachedPolicies ?? []).map(({ PolicyArn = '' }) => ({ arn: PolicyArn }))),
  );
  const own =
    origin === 'inline'
      ? await absentAs(
          'iam:GetRolePolicy',
          iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: policy })),
          undefined,
          'NoSuchEntityException',
        )
      : undefined;
  return state('roles', RoleName, attached, own ? [{ name: policy, document: own.PolicyDocument }] : []);
}

function removal(session: AwsSession, { holderKind, holder, origin, policy }: PrivilegeState): Promise<unknown> {
  const { iam } = clientsOf(session);
  const attached = origin === 'attached';
  if (holderKind === 'accounts')
    return attached
      ? iam.send(new DetachUserPolicyCommand({ UserName: holder, PolicyArn: policy }))
      : iam.send(new DeleteUserPolicyCommand({ UserName: holder, PolicyName: policy }));
  if (holderKind === 'groups')
    return attached
      ? iam.send(new DetachGroupPolicyCommand({ GroupName: holder, PolicyArn: policy }))
      : iam.send(new DeleteGroupPolicyCommand({ GroupName: holder, PolicyName: policy }));
  return attached
    ? iam.send(new DetachRolePolicyCommand({ RoleName: holder, PolicyArn: policy }))
    : iam.send(new DeleteRolePolicyCommand({ RoleName: holder, PolicyName: policy }));
}
function restoration(session: AwsSession, { holderKind, holder, policy, document }: PrivilegeState): Promise<unknown> {
  const { iam } = clientsOf(session);
  const inline = document === null ? undefined : { PolicyName: policy, PolicyDocument: document };
  if (holderKind === 'accounts')
    return inline
      ? iam.send(new PutUserPolicyCommand({ UserName: holder, ...inline }))
      : iam.send(new AttachUserPolicyCommand({ UserName: holder, PolicyArn: policy }));
  if (holderKind === 'groups')
    return inline
      ? iam.send(new PutGroupPolicyCommand({ GroupName: holder, ...inline }))
      : iam.send(new AttachGroupPolicyCommand({ GroupName: holder, PolicyArn: policy }));
  return inline
    ? iam.send(new PutRolePolicyCommand({ RoleName: holder, ...inline }))
    : iam.send(new AttachRolePolicyCommand({ RoleName: holder, PolicyArn: policy }));
}

export const removePrivilege: Action<ActionTarget<'removePrivilege'>, PrivilegeState, AwsSettings> = {
  repeat: 'readable',
  async read(session, { privilegeId }) {
    const began = session.calls();
    const state = await readPrivilege(session, privilegeId);
    const reading = session.calls() - began;
    const user = state.holderKind === 'accounts';
    if (user) {
      await refuseSelf(session, state.holderId);
      if (state.present) await refuseLastAdministrator(session, state.holder);
    }
    const what =
      state.origin === 'attached' ? `Detach the policy ${state.policy}` : `Delete the inline policy ${state.policy}`;
    return {
      state,
      plan: [`${what} from ${state.holder}.`],
      irreversible: [],
      calls: 1 + reading,
      done: !state.present,
      losesAccess: state.present
        ? [
            {
              who: state.holder,
              how: `what the policy ${state.policy} allows`,
              ...(state.holderKind === 'groups' ? { group: state.holderId } : {}),
            },
          ]
        : [],
      principal: user ? state.holderId : undefined,
      touches: [
        { kind: 'privileges', vendorId: privilegeId },
        ...(user ? [{ kind: 'accounts' as const, vendorId: state.holderId }] : []),
      ],
    };
  },
  async apply(session, { privilegeId }, before) {
    if (before.present)
      await absentAs(
        before.origin === 'attached' ? 'iam:Detach*Policy' : 'iam:Delete*Policy',
        removal(session, before),
        undefined,
        'NoSuchEntityException',
      );
    return { after: await readPrivilege(session, privilegeId) };
  },
  async undo(session, _target, before) {
    if (before.present) await vendor('iam:Attach*Policy or iam:Put*Policy', restoration(session, before));
  },
  verified: (_before, after) => !after.present,
};
