import {
  GetAccountAuthorizationDetailsCommand,
  ListAccountAliasesCommand,
  ListRolePoliciesCommand,
  ListAttachedRolePoliciesCommand,
  ListUsersCommand,
} from '@aws-sdk/client-iam';
import { LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { ListBucketsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { ActionName } from '../actions.ts';
import type { Capability, Probe, Verified } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { bucketClient } from './buckets.ts';
import { clientsOf } from './clients.ts';
import { callerOf, type Caller } from './directory.ts';
import { vendor } from './errors.ts';
import { groupNamesOf, groupHolder, userHolder } from './identity-lookup.ts';
import { globalRegion, type AwsSession } from './settings.ts';

/** The actions that each command needs; writes cannot be tried without doing them. */
export const actionNeeds: Partial<Record<ActionName, string>> = {
  suspendUser: 'iam:PutUserPolicy, iam:UpdateAccessKey, iam:DeleteLoginProfile',
  unsuspendUser: 'iam:DeleteUserPolicy, iam:UpdateAccessKey',
  revokeSessions: 'iam:PutUserPolicy',
  removeFromGroup: 'iam:RemoveUserFromGroup, iam:AddUserToGroup',
  removePrivilege: 'iam:DetachUserPolicy, iam:DeleteUserPolicy, iam:DetachGroupPolicy, iam:DeleteGroupPolicy',
  revokeAppPermission: 'iam:UpdateAccessKey, iam:UpdateAssumeRolePolicy',
  removePublicAccess: 's3:PutObjectAcl, s3:PutBucketPolicy, s3:PutBucketPublicAccessBlock',
  quarantineFile: 's3:GetObject, s3:PutObject, s3:DeleteObject',
  trashFile: 's3:DeleteObject',
  restoreFile: 's3:DeleteObjectVersion',
  overwriteFile: 's3:PutObject',
};

async function probe(reads: readonly (() => Promise<unknown>)[]): Promise<Probe> {
  for (const read of reads)
    try {
      await read();
    } catch (error) {
      if (Failure.is(error, 'forbidden')) {
        const missing = /: ([a-z0-9-]+:[A-Za-z]+) was refused/.exec(error.message)?.[1];
        return { state: 'missing', missing, remedy: error.details.remedy };
      }
      // Only a refusal says that a permission is missing. The credential's own failure is the caller's to hear.
      if (!(error instanceof Failure) || Failure.is(error, 'unauthorized', 'throttled')) throw error;
      return { state: 'unknown', remedy: (error as Failure).message };
    }
  return { state: 'granted' };
}

/** Policies of the principal, as far as it may read its own: AWS keeps no list of what a credential was granted. */
async function grantedTo(session: AwsSession, caller: Caller): Promise<string[]> {
  const { iam } = clientsOf(session);
  try {
    const user = /:user\/(?:.*\/)?([^/]+)$/.exec(caller.arn)?.[1];
    if (user) {
      const own = await userHolder(session, caller.userId, user);
      const holders = [own];
      for (const group of await groupNamesOf(session, user))
        holders.push(await groupHolder(session, group.id, group.name));
      return holders.flatMap(({ attached, inline }) => [
        ...attached.map(({ arn }) => arn),
        ...inline.map(({ name }) => `inline:${name}`),
      ]);
    }
    const role = /:assumed-role\/([^/]+)\//.exec(caller.arn)?.[1];
    if (!role) return [caller.arn.endsWith(':root') ? 'root' : caller.arn];
    const attached = await vendor(
      'iam:ListAttachedRolePolicies',
      iam.send(new ListAttachedRolePoliciesCommand({ RoleName: role })),
    );
    const inline = await vendor('iam:ListRolePolicies', iam.send(new ListRolePoliciesCommand({ RoleName: role })));
    return [
      ...(attached.AttachedPolicies ?? []).map(({ PolicyArn = '' }) => PolicyArn),
      ...(inline.PolicyNames ?? []).map((name) => `inline:${name}`),
    ];
  } catch (error) {
    if (Failure.is(error, 'forbidden', 'notFound')) return [];
    throw error;
  }
}

async function accountName(session: AwsSession, account: string): Promise<string> {
  if (session.settings.accountLabel) return session.settings.accountLabel;
  try {
    const answer = await vendor(
      'iam:ListAccountAliases',
      clientsOf(session).iam.send(new ListAccountAliasesCommand({})),
    );
    return answer.AccountAliases?.[0] ?? account;
  } catch (error) {
    if (Failure.is(error, 'forbidden')) return account;
    throw error;
  }
}

export async function verify(session: AwsSession): Promise<Verified> {
  const caller = await callerOf(session);
  const { iam, s3, sqs, cloudtrail } = clientsOf(session);
  const { settings } = session;
  const { trailBucket, queueUrl } = settings;

  const users = await probe([
    () =>
      vendor(
        'iam:GetAccountAuthorizationDetails',
        iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ['Group'], MaxItems: 1 })),
      ),
  ]);
  const permissions = await probe([() => vendor('iam:ListUsers', iam.send(new ListUsersCommand({ MaxItems: 1 })))]);
  const sources: (() => Promise<unknown>)[] = [];
  if (trailBucket)
    sources.push(async () =>
      vendor(
        's3:ListBucket',
        (await bucketClient(session, trailBucket)).send(new ListObjectsV2Command({ Bucket: trailBucket, MaxKeys: 1 })),
      ),
    );
  if (settings.eventHistory !== 'off')
    sources.push(() =>
      vendor(
        'cloudtrail:LookupEvents',
        cloudtrail(settings.regions[0]!).send(new LookupEventsCommand({ MaxResults: 1 })),
      ),
    );
  const activities = await probe(sources);
  const files = await probe([
    () => vendor('s3:ListAllMyBuckets', s3(globalRegion(settings)).send(new ListBucketsCommand({ MaxBuckets: 1 }))),
    ...(queueUrl
      ? [
          () =>
            vendor(
              'sqs:GetQueueAttributes',
              sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] })),
            ),
        ]
      : []),
  ]);
  const probes: Partial<Record<Capability, Probe>> = { users, permissions, activities, files };
  for (const [action, needs] of Object.entries(actionNeeds))
    probes[action as ActionName] = { state: 'unknown', missing: needs, remedy: 'AWS only tells by doing it' };
  if (!settings.quarantineBucket)
    probes.quarantineFile = {
      state: 'missing',
      missing: 'settings.quarantineBucket',
      remedy: 'name a bucket of this account to which quarantined objects are moved',
    };
  return {
    tenant: { id: caller.account, name: await accountName(session, caller.account) },
    principal: { id: caller.userId.split(':')[0]!, name: caller.arn },
    granted: await grantedTo(session, caller),
    probes,
  };
}
