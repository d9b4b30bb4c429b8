import type { AccountRecord, GroupRecord, MembershipRecord, PrivilegeRecord } from '../records.ts';
import type { SignIn } from './credential-report.ts';
import { managedDocument, plain } from './directory.ts';
import { isAdminDocument, isAdminPolicyArn, isDenyAll, isDenyAllArn, parseDocument } from './policies.ts';
import type { AwsSession } from './settings.ts';

/** A user, group or role as both GetAccountAuthorizationDetails and the single calls can tell it. */
export interface Holder {
  kind: PrivilegeRecord['holderKind'];
  id: string;
  name: string;
  inline: { name: string; document: string | undefined }[];
  attached: { name: string; arn: string }[];
}

export interface IamUser {
  UserName?: string;
  UserId?: string;
  Arn?: string;
  Path?: string;
  CreateDate?: Date;
  Tags?: unknown;
  PermissionsBoundary?: unknown;
}

/** The status rule of the vendor sheet: IAM has no such word itself. */
export function statusOf(signIn: SignIn, denied: boolean): AccountRecord['status'] {
  return (!signIn.console || denied) && signIn.activeKeys === 0 ? 'suspended' : 'active';
}

/** Whether a policy of its own denies the holder everything. */
export const isDenied = (holder: Holder): boolean =>
  holder.attached.some(({ arn }) => isDenyAllArn(arn)) ||
  holder.inline.some(({ document }) => isDenyAll(parseDocument(document)));

export function accountRecordOf(user: IamUser, signIn: SignIn, holder: Holder): AccountRecord {
  const { UserName = '', UserId = '', Arn, Path, CreateDate, Tags, PermissionsBoundary } = user;
  const denied = isDenied(holder);
  const { console, keys, activeKeys, mfa } = signIn;
  return {
    kind: 'accounts',
    vendorId: UserId,
    login: UserName,
    email: /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(UserName) ? UserName : undefined,
    type: console ? 'person' : keys > 0 ? 'service' : 'unknown',
    status: statusOf(signIn, denied),
    vendorStatus: `console ${console ? 'on' : 'off'}, ${activeKeys} of ${keys} keys active${denied ? ', denied all' : ''}`,
    createdAt: CreateDate,
    lastLoginAt: signIn.lastLoginAt,
    passwordChangedAt: signIn.passwordChangedAt,
    mfa,
    credentialSource: console ? 'console' : 'none',
    raw: plain({ UserName, UserId, Arn, Path, CreateDate, Tags, PermissionsBoundary, console, keys, activeKeys, mfa }),
  };
}

export function rootRecord(account: string, signIn: SignIn | undefined): AccountRecord {
  return {
    kind: 'accounts',
    vendorId: account,
    login: '<root_account>',
    displayName: `root of ${account}`,
    type: 'root',
    status: 'active',
    mfa: signIn?.mfa,
    lastLoginAt: signIn?.lastLoginAt,
    credentialSource: 'console',
    raw: plain({ account, activeKeys: signIn?.activeKeys, mfa: signIn?.mfa }),
  };
}
export function rootPrivilege(account: string): PrivilegeRecord {
  return {
    kind: 'privileges',
    vendorId: `${account}/root`,
    holderKind: 'accounts',
    holderId: account,
    name: 'root',
    title: 'Owner of the AWS account',
    admin: true,
    origin: 'direct',
    raw: { account },
  };
}

export function groupRecordOf(group: {
  GroupName?: string;
  GroupId?: string;
  Arn?: string;
  Path?: string;
  CreateDate?: Date;
}): GroupRecord {
  const { GroupName = '', GroupId = '', Arn, Path, CreateDate } = group;
  return {
    kind: 'groups',
    vendorId: GroupId,
    name: GroupName,
    type: 'normal',
    createdAt: CreateDate,
    raw: plain({ GroupName, GroupId, Arn, Path, CreateDate }),
  };
}

export const membershipId = (groupId: string, accountId: string): string => `${groupId}/${accountId}`;
export const membershipRecordOf = (groupId: string, accountId: string): MembershipRecord => ({
  kind: 'memberships',
  vendorId: membershipId(groupId, accountId),
  groupId,
  accountId,
  raw: { groupId, accountId },
});

/** The holder's id is unique among users, groups and roles: AIDA…, AGPA…, AROA…. */
export const privilegeId = (holderId: string, origin: 'attached' | 'inline', policy: string): string =>
  `${holderId}/${origin}/${policy}`;
export function readPrivilegeId(
  id: string,
): { holderId: string; origin: 'attached' | 'inline'; policy: string } | undefined {
  const found = /^(name:[^/]+|[A-Za-z0-9]+)\/(attached|inline)\/(.+)$/.exec(id);
  if (!found) return undefined;
  return { holderId: found[1]!, origin: found[2] as 'attached' | 'inline', policy: found[3]! };
}

/** Attached and inline policies as privileges. AWS's own policies are judged by name, the customer's by what they say. */
export async function privilegesOf(session: AwsSession, holder: Holder): Promise<PrivilegeRecord[]> {
  const base = { kind: 'privileges' as const, holderKind: holder.kind, holderId: holder.id };
  const attached = await Promise.all(
    holder.attached.map(async ({ name, arn }): Promise<PrivilegeRecord> => {
      const vendorMade = /^arn:[a-z-]+:iam::aws:/.test(arn);
      const document = vendorMade ? undefined : await managedDocument(session, arn);
      return {
        ...base,
        vendorId: privilegeId(holder.id, 'attached', arn),
        name,
        admin: isAdminPolicyArn(arn) || isAdminDocument(document),
        origin: 'attached',
        raw: plain({ holder: holder.name, arn, document }),
      };
    }),
  );
  const inline = holder.inline.map(({ name, document }): PrivilegeRecord => {
    const parsed = parseDocument(document);
    return {
      ...base,
      vendorId: privilegeId(holder.id, 'inline', name),
      name,
      admin: isAdminDocument(parsed),
      origin: 'inline',
      raw: plain({ holder: holder.name, document: parsed ?? document }),
    };
  });
  return [...attached, ...inline];
}
