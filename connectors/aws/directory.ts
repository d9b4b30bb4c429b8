import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListGroupsCommand,
  ListUsersCommand,
  type Group,
  type User,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { Failure } from '../kit/failures.ts';
import { clientsOf, forget, remembered } from './clients.ts';
import { absentAs, vendor } from './errors.ts';
import { parseDocument } from './policies.ts';
import type { AwsSession } from './settings.ts';

/** Most lists of IAM: 1,000 a page is the vendor's most, and a shorter page is not the last one. */
export const iamPageSize = 1000;
// A list of a million entries; a marker that never ends is the vendor's mistake, not ours to follow for ever.
const mostPages = 1000;

/** Reads a list of IAM to its end. */
export async function allPages<P extends { IsTruncated?: boolean; Marker?: string }>(
  read: (marker: string | undefined) => Promise<P>,
  take: (page: P) => void,
): Promise<void> {
  let marker: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const answer = await read(marker);
    take(answer);
    if (!answer.IsTruncated) return;
    if (!answer.Marker || answer.Marker === marker)
      throw new Failure('unavailable', 'IAM says that a list goes on, but not where', { who: 'vendor' });
    marker = answer.Marker;
  }
  throw new Failure('unavailable', `IAM lists more than ${mostPages} pages`, { who: 'vendor' });
}

export interface Caller {
  account: string;
  arn: string;
  userId: string;
}
export function callerOf(session: AwsSession): Promise<Caller> {
  return remembered(session, 'caller', async () => {
    const answer = await vendor('sts:GetCallerIdentity', clientsOf(session).sts.send(new GetCallerIdentityCommand({})));
    if (!answer.Account || !answer.Arn || !answer.UserId)
      throw new Failure('unavailable', 'sts:GetCallerIdentity answered without an account', { who: 'vendor' });
    return { account: answer.Account, arn: answer.Arn, userId: answer.UserId };
  });
}
export const accountOf = async (session: AwsSession): Promise<string> =>
  session.tenantId ?? (await callerOf(session)).account;

interface Named<T> {
  byId: Map<string, T>;
  byName: Map<string, T>;
}

/**
 * IAM asks by name, but only the id is never used again, so records carry ids. The names are listed once a session:
 * 1,000 a call.
 */
export function usersOf(session: AwsSession): Promise<Named<User>> {
  return remembered(session, 'users', async () => {
    const known: Named<User> = { byId: new Map(), byName: new Map() };
    await allPages(
      (Marker) =>
        vendor('iam:ListUsers', clientsOf(session).iam.send(new ListUsersCommand({ Marker, MaxItems: iamPageSize }))),
      (page) => {
        for (const user of page.Users ?? []) {
          known.byId.set(user.UserId!, user);
          known.byName.set(user.UserName!, user);
        }
      },
    );
    return known;
  });
}
export function groupsOf(session: AwsSession): Promise<Named<Group>> {
  return remembered(session, 'groups', async () => {
    const known: Named<Group> = { byId: new Map(), byName: new Map() };
    await allPages(
      (Marker) =>
        vendor('iam:ListGroups', clientsOf(session).iam.send(new ListGroupsCommand({ Marker, MaxItems: iamPageSize }))),
      (page) => {
        for (const group of page.Groups ?? []) {
          known.byId.set(group.GroupId!, group);
          known.byName.set(group.GroupName!, group);
        }
      },
    );
    return known;
  });
}
export function forgetNames(session: AwsSession): void {
  forget(session, 'users');
  forget(session, 'groups');
}

/** What a ref of a user or group says: its id, or `name:` and the name, as an audit row has no more. */
export const byName = (name: string): string => `name:${name}`;
export function pick<T>(known: Named<T>, id: string): T | undefined {
  return id.startsWith('name:') ? known.byName.get(id.slice(5)) : known.byId.get(id);
}

/** The user of an account id; a Failure `notFound` when there is none. */
export async function userOf(
  session: AwsSession,
  accountId: string,
): Promise<User & { UserName: string; UserId: string }> {
  const user = pick(await usersOf(session), accountId);
  if (!user?.UserName || !user.UserId)
    throw new Failure('notFound', `there is no IAM user ${accountId}; the root account cannot be acted upon`, {
      who: 'operator',
    });
  return user as User & { UserName: string; UserId: string };
}

/** The document of a managed policy in its default version; undefined when it is gone. */
export function managedDocument(session: AwsSession, arn: string): Promise<unknown> {
  return remembered(session, `policy ${arn}`, async () => {
    const { iam } = clientsOf(session);
    const policy = await absentAs(
      'iam:GetPolicy',
      iam.send(new GetPolicyCommand({ PolicyArn: arn })),
      undefined,
      'NoSuchEntityException',
    );
    const VersionId = policy?.Policy?.DefaultVersionId;
    if (!VersionId) return undefined;
    const version = await absentAs(
      'iam:GetPolicyVersion',
      iam.send(new GetPolicyVersionCommand({ PolicyArn: arn, VersionId })),
      undefined,
      'NoSuchEntityException',
    );
    return parseDocument(version?.PolicyVersion?.Document);
  });
}

/** An SDK object as plain JSON: dates as text, nothing undefined. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;
