import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreateLoginProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutGroupPolicyCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { fillObjects, type FilledBuckets } from './fill-objects.ts';
import { fillTrail } from './fill-trail.ts';

export interface AwsFillOptions {
  /** Of moto, or of the front server before it. */
  endpoint: string;
  region?: string;
  users?: number;
  groups?: number;
  objects?: number;
  /** CloudTrail records, as they came; each becomes part of a log file of its own account, Region and day. */
  trailRecords?: readonly Record<string, unknown>[];
}

export interface AwsFilled extends FilledBuckets {
  credential: { accessKeyId: string; secretAccessKey: string };
  users: number;
  groups: number;
  /** Active keys of users, the first ones to try an action on. */
  accessKeyIds: string[];
  trailBucket: string;
  trailFiles: number;
  trailRecords: number;
}

const statement = (Effect: string, Action: unknown, Resource: unknown = '*') =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect, Action, Resource }] });
const trust = (Principal: unknown, Condition?: unknown) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', ...(Condition ? { Condition } : {}) }],
  });

/** `work` over `count` numbers, eight at a time: moto answers one request after the other. */
async function times(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

const userName = (index: number) => `user${String(index).padStart(4, '0')}@example.com`;

/** Fills an empty account: users in all states, groups, policies, roles, buckets of every kind of sharing, log files. */
export async function fillAws(options: AwsFillOptions): Promise<AwsFilled> {
  const { endpoint, region = 'us-east-1', users = 60, groups = 8, objects = 1020, trailRecords = [] } = options;
  const client = {
    region,
    endpoint,
    credentials: { accessKeyId: 'AKIAFILLFILLFILLFILL', secretAccessKey: 'fill'.repeat(10) },
  };
  const iam = new IAMClient(client);
  const ours = await iam.send(new CreateUserCommand({ UserName: 'castellan' }));
  const key = await iam.send(new CreateAccessKeyCommand({ UserName: ours.User!.UserName }));
  await iam.send(
    new PutUserPolicyCommand({
      UserName: 'castellan',
      PolicyName: 'castellan',
      PolicyDocument: statement('Allow', '*'),
    }),
  );

  const editors = await iam.send(
    new CreatePolicyCommand({
      PolicyName: 'Editors',
      PolicyDocument: statement('Allow', ['s3:GetObject', 's3:PutObject']),
    }),
  );
  const everything = await iam.send(
    new CreatePolicyCommand({ PolicyName: 'Everything', PolicyDocument: statement('Allow', '*') }),
  );
  await times(groups, async (index) => {
    const GroupName = `group${String(index).padStart(2, '0')}`;
    await iam.send(new CreateGroupCommand({ GroupName }));
    if (index === 0) await iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn: everything.Policy!.Arn }));
    else if (index % 2) await iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn: editors.Policy!.Arn }));
    else
      await iam.send(
        new PutGroupPolicyCommand({ GroupName, PolicyName: 'read', PolicyDocument: statement('Allow', 's3:Get*') }),
      );
  });

  const accessKeyIds: string[] = [];
  await times(users, async (index) => {
    const UserName = userName(index);
    await iam.send(new CreateUserCommand({ UserName }));
    await iam.send(
      new AddUserToGroupCommand({ UserName, GroupName: `group${String(index % groups).padStart(2, '0')}` }),
    );
    // People with a password, programs with keys, some with both, some with neither.
    if (index % 3 !== 1)
      await iam.send(
        new CreateLoginProfileCommand({ UserName, Password: `Castle-${index}-gate!`, PasswordResetRequired: true }),
      );
    if (index % 3 === 1 || index % 6 === 0) {
      const made = await iam.send(new CreateAccessKeyCommand({ UserName }));
      const AccessKeyId = made.AccessKey!.AccessKeyId!;
      if (index % 12 === 0) await iam.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: 'Inactive' }));
      else accessKeyIds.push(AccessKeyId);
    }
    if (index % 10 === 3) await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: editors.Policy!.Arn }));
    if (index % 10 === 7)
      await iam.send(
        new PutUserPolicyCommand({
          UserName,
          PolicyName: 'own',
          PolicyDocument: statement('Allow', 'sqs:SendMessage'),
        }),
      );
  });

  const partner = { AWS: 'arn:aws:iam::210987654321:root' };
  for (const [RoleName, AssumeRolePolicyDocument] of [
    ['partner-open', trust(partner)],
    ['partner-with-external-id', trust(partner, { StringEquals: { 'sts:ExternalId': 'agreed-upon' } })],
    ['worker', trust({ Service: 'ec2.amazonaws.com' })],
  ] as const)
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));

  const buckets = await fillObjects(client, objects);
  const trail = await fillTrail(client, trailRecords);
  return {
    ...buckets,
    ...trail,
    credential: { accessKeyId: key.AccessKey!.AccessKeyId!, secretAccessKey: key.AccessKey!.SecretAccessKey! },
    users: users + 1,
    groups,
    accessKeyIds: accessKeyIds.sort(),
  };
}
