import {
  GetGroupPolicyCommand,
  GetUserCommand,
  GetUserPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListGroupsForUserCommand,
  ListUserPoliciesCommand,
} from '@aws-sdk/client-iam';
import type { Looked, Ref } from '../pages.ts';
import type { StageRecords } from '../records.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { clientsOf } from './clients.ts';
import { credentialReport, signInOf } from './credential-report.ts';
import { accountOf, allPages, groupsOf, pick, usersOf } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import {
  accountRecordOf,
  groupRecordOf,
  membershipId,
  membershipRecordOf,
  privilegesOf,
  readPrivilegeId,
  rootPrivilege,
  rootRecord,
  type Holder,
} from './identity-records.ts';
import { partitionOf, type AwsSession } from './settings.ts';

type Row = StageRecords['users'];

/** The policies of one user, as of now. */
export async function userHolder(session: AwsSession, id: string, UserName: string): Promise<Holder> {
  const { iam } = clientsOf(session);
  const holder: Holder = { kind: 'accounts', id, name: UserName, inline: [], attached: [] };
  const names: string[] = [];
  await allPages(
    (Marker) => vendor('iam:ListUserPolicies', iam.send(new ListUserPoliciesCommand({ UserName, Marker }))),
    (page) => names.push(...(page.PolicyNames ?? [])),
  );
  await allPages(
    (Marker) =>
      vendor('iam:ListAttachedUserPolicies', iam.send(new ListAttachedUserPoliciesCommand({ UserName, Marker }))),
    (page) => {
      for (const { PolicyName = '', PolicyArn = '' } of page.AttachedPolicies ?? [])
        holder.attached.push({ name: PolicyName, arn: PolicyArn });
    },
  );
  for (const PolicyName of names) {
    const policy = await absentAs(
      'iam:GetUserPolicy',
      iam.send(new GetUserPolicyCommand({ UserName, PolicyName })),
      undefined,
      'NoSuchEntityException',
    );
    if (policy) holder.inline.push({ name: PolicyName, document: policy.PolicyDocument });
  }
  return holder;
}

export async function groupHolder(session: AwsSession, id: string, GroupName: string): Promise<Holder> {
  const { iam } = clientsOf(session);
  const holder: Holder = { kind: 'groups', id, name: GroupName, inline: [], attached: [] };
  const names: string[] = [];
  await allPages(
    (Marker) => vendor('iam:ListGroupPolicies', iam.send(new ListGroupPoliciesCommand({ GroupName, Marker }))),
    (page) => names.push(...(page.PolicyNames ?? [])),
  );
  await allPages(
    (Marker) =>
      vendor('iam:ListAttachedGroupPolicies', iam.send(new ListAttachedGroupPoliciesCommand({ GroupName, Marker }))),
    (page) => {
      for (const { PolicyName = '', PolicyArn = '' } of page.AttachedPolicies ?? [])
        holder.attached.push({ name: PolicyName, arn: PolicyArn });
    },
  );
  for (const PolicyName of names) {
    const policy = await absentAs(
      'iam:GetGroupPolicy',
      iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName })),
      undefined,
      'NoSuchEntityException',
    );
    if (policy) holder.inline.push({ name: PolicyName, document: policy.PolicyDocument });
  }
  return holder;
}

export async function groupNamesOf(session: AwsSession, UserName: string): Promise<{ id: string; name: string }[]> {
  const groups: { id: string; name: string }[] = [];
  await allPages(
    (Marker) =>
      vendor('iam:ListGroupsForUser', clientsOf(session).iam.send(new ListGroupsForUserCommand({ UserName, Marker }))),
    (page) => {
      for (const { GroupId, GroupName } of page.Groups ?? [])
        if (GroupId && GroupName) groups.push({ id: GroupId, name: GroupName });
    },
  );
  return groups;
}

async function readUser(session: AwsSession, name: string): Promise<Row[] | undefined> {
  const answer = await absentAs(
    'iam:GetUser',
    clientsOf(session).iam.send(new GetUserCommand({ UserName: name })),
    undefined,
    'NoSuchEntityException',
  );
  const user = answer?.User;
  if (!user?.UserId) return undefined;
  const holder = await userHolder(session, user.UserId, name);
  const signIn = await signInOf(session, { UserName: name, PasswordLastUsed: user.PasswordLastUsed });
  const groups = await groupNamesOf(session, name);
  return [
    accountRecordOf(user, signIn, holder),
    ...groups.map(({ id }) => membershipRecordOf(id, user.UserId!)),
    ...(await privilegesOf(session, holder)),
  ];
}

async function readGroup(session: AwsSession, id: string): Promise<Row[] | undefined> {
  const group = pick(await groupsOf(session), id);
  if (!group?.GroupId || !group.GroupName) return undefined;
  return [
    groupRecordOf(group),
    ...(await privilegesOf(session, await groupHolder(session, group.GroupId, group.GroupName))),
  ];
}

/** What a ref is about: a user or group to read, and the record that must then be among what was read. */
async function subjectOf(
  session: AwsSession,
  ref: Ref,
): Promise<{ user?: string; group?: string; wanted: string } | 'absent' | 'unknown' | 'root'> {
  const account = await accountOf(session);
  if (ref.kind === 'accounts') {
    if (ref.vendorId === account) return 'root';
    const user = pick(await usersOf(session), ref.vendorId);
    return user?.UserName ? { user: user.UserName, wanted: user.UserId! } : 'absent';
  }
  if (ref.kind === 'groups') {
    const group = pick(await groupsOf(session), ref.vendorId);
    return group?.GroupId ? { group: group.GroupId, wanted: group.GroupId } : 'absent';
  }
  if (ref.kind === 'memberships') {
    const [groupId = '', accountId = ''] = ref.vendorId.split('/');
    const user = pick(await usersOf(session), accountId);
    const group = pick(await groupsOf(session), groupId);
    if (!user?.UserName || !group?.GroupId) return 'absent';
    return { user: user.UserName, wanted: membershipId(group.GroupId, user.UserId!) };
  }
  if (ref.kind !== 'privileges') return 'unknown';
  if (ref.vendorId === `${account}/root`) return 'root';
  const parts = readPrivilegeId(ref.vendorId);
  if (!parts || parts.holderId.startsWith('AROA')) return 'unknown';
  const wanted = (id: string) => `${id}/${parts.origin}/${parts.policy}`;
  const user = pick(await usersOf(session), parts.holderId);
  if (user?.UserName) return { user: user.UserName, wanted: wanted(user.UserId!) };
  const group = pick(await groupsOf(session), parts.holderId);
  return group?.GroupId ? { group: group.GroupId, wanted: wanted(group.GroupId) } : 'absent';
}

/**
 * The present state of users and groups, with their memberships and policies. A ref may name a user or group as
 * `name:<name>`; what is absent is then told by the id that its record has.
 */
export async function lookupIdentities(session: AwsSession, refs: readonly Ref[]): Promise<Looked<Row>> {
  const records = new Map<string, Row>();
  const absent: Ref[] = [];
  const unknown: Ref[] = [];
  const reading = new Map<string, Promise<Row[] | undefined>>();
  const once = (key: string, read: () => Promise<Row[] | undefined>) => {
    let rows = reading.get(key);
    if (!rows) reading.set(key, (rows = read()));
    return rows;
  };
  await inParallel(refs, 4, async (ref) => {
    const subject = await subjectOf(session, ref);
    if (subject === 'absent') return void absent.push(ref);
    if (subject === 'unknown') return void unknown.push(ref);
    if (subject === 'root') {
      const account = await accountOf(session);
      const report = await credentialReport(session);
      const root = report?.get(`arn:${partitionOf(session.settings)}:iam::${account}:root`);
      for (const row of [rootRecord(account, root), rootPrivilege(account)])
        if (row.kind === ref.kind) records.set(`${row.kind} ${row.vendorId}`, row);
      return;
    }
    const { user, group, wanted } = subject;
    const rows = user
      ? await once(`user ${user}`, () => readUser(session, user))
      : await once(`group ${group}`, () => readGroup(session, group!));
    for (const row of rows ?? []) records.set(`${row.kind} ${row.vendorId}`, row);
    if (!rows?.some(({ kind, vendorId }) => kind === ref.kind && vendorId === wanted))
      absent.push({ ...ref, vendorId: wanted });
  });
  return { records: [...records.values()], absent, unknown };
}
