import { GetAccountAuthorizationDetailsCommand, type UserDetail } from '@aws-sdk/client-iam';
import { Failure } from '../kit/failures.ts';
import { clientsOf } from './clients.ts';
import { allPages, callerOf, iamPageSize, managedDocument } from './directory.ts';
import { vendor } from './errors.ts';
import { isAdminDocument, isAdminPolicyArn, parseDocument } from './policies.ts';
import type { AwsSession } from './settings.ts';

const refuse = (why: string, remedy?: string): never => {
  throw new Failure('conflict', why, { who: 'operator', remedy });
};

/** Our own principal is never acted upon: it would be the last thing that Castellan does. */
export async function refuseSelf(session: AwsSession, userId: string): Promise<void> {
  const caller = await callerOf(session);
  if (caller.userId.split(':')[0] === userId)
    refuse('this is the principal that Castellan itself uses', 'connect with another principal first');
}

/** Roles that AWS or Identity Center owns cannot be changed here. */
export function refuseManagedRole(role: { Path?: string; RoleName?: string }): void {
  if (role.Path?.startsWith('/aws-service-role/')) refuse(`${role.RoleName} is a service-linked role, which AWS owns`);
  if (role.RoleName?.startsWith('AWSReservedSSO_'))
    refuse(`${role.RoleName} belongs to Identity Center`, 'change its permission set there');
}

interface Policies {
  attached?: { PolicyArn?: string }[];
  inline?: { PolicyDocument?: string }[];
}
async function isAdmin(session: AwsSession, { attached = [], inline = [] }: Policies): Promise<boolean> {
  if (inline.some(({ PolicyDocument }) => isAdminDocument(parseDocument(PolicyDocument)))) return true;
  for (const { PolicyArn = '' } of attached) {
    if (isAdminPolicyArn(PolicyArn)) return true;
    if (!/^arn:[a-z-]+:iam::aws:/.test(PolicyArn) && isAdminDocument(await managedDocument(session, PolicyArn)))
      return true;
  }
  return false;
}

/** Refuses when nobody but root could administer the account without `userName`. */
export async function refuseLastAdministrator(session: AwsSession, userName: string): Promise<void> {
  const users: UserDetail[] = [];
  const adminGroups = new Set<string>();
  let adminRole = false;
  const checks: (() => Promise<void>)[] = [];
  await allPages(
    (Marker) =>
      vendor(
        'iam:GetAccountAuthorizationDetails',
        clientsOf(session).iam.send(
          new GetAccountAuthorizationDetailsCommand({
            Filter: ['User', 'Group', 'Role'],
            MaxItems: iamPageSize,
            Marker,
          }),
        ),
      ),
    (page) => {
      users.push(...(page.UserDetailList ?? []));
      for (const group of page.GroupDetailList ?? [])
        checks.push(async () => {
          if (await isAdmin(session, { attached: group.AttachedManagedPolicies, inline: group.GroupPolicyList }))
            adminGroups.add(group.GroupName!);
        });
      for (const role of page.RoleDetailList ?? [])
        checks.push(async () => {
          const policies = { attached: role.AttachedManagedPolicies, inline: role.RolePolicyList };
          adminRole ||= !role.Path?.startsWith('/aws-service-role/') && (await isAdmin(session, policies));
        });
    },
  );
  for (const check of checks) await check();
  if (adminRole) return;
  let targetIsAdmin = false;
  for (const user of users) {
    const admin =
      user.GroupList?.some((name) => adminGroups.has(name)) ||
      (await isAdmin(session, { attached: user.AttachedManagedPolicies, inline: user.UserPolicyList }));
    if (!admin) continue;
    if (user.UserName !== userName) return;
    targetIsAdmin = true;
  }
  if (targetIsAdmin) refuse(`${userName} is the last administrator of the account`, 'make another one first');
}
