import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  type PutObjectCommandInput,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';

export interface FilledBuckets {
  buckets: string[];
  objects: number;
  queueUrl: string;
  quarantineBucket: string;
  /** `bucket/key` of an object each: public by its ACL, private with versions, private without, and one in the trash. */
  examples: { public: string; versioned: string; unversioned: string; trashed: string };
}

interface Plan {
  name: string;
  share: number;
  versioned?: boolean;
  /** Object ownership left as it was before April 2023: ACLs count. */
  acls?: boolean;
  policy?: (bucket: string) => unknown;
  blocked?: boolean;
}

const allow =
  (Principal: unknown, resource: (bucket: string) => string[], Action: string[] = ['s3:GetObject']) =>
  (bucket: string) => ({
    Version: '2012-10-17',
    Statement: [{ Sid: 'Share', Effect: 'Allow', Principal, Action, Resource: resource(bucket) }],
  });
const whole = (bucket: string) => [`arn:aws:s3:::${bucket}/*`];

const plans: readonly Plan[] = [
  { name: 'documents', share: 0.4, versioned: true },
  { name: 'website', share: 0.1, policy: allow('*', whole) },
  { name: 'almost-public', share: 0.05, policy: allow('*', whole), blocked: true },
  { name: 'partner-exchange', share: 0.15, policy: allow({ AWS: 'arn:aws:iam::210987654321:root' }, whole) },
  { name: 'press', share: 0.1, versioned: true, policy: allow('*', (bucket) => [`arn:aws:s3:::${bucket}/releases/*`]) },
  { name: 'old-shares', share: 0.08, acls: true },
  { name: 'scratch', share: 0.12 },
];

const folders = ['reports', 'releases', 'a dir', 'ümlaute', 'year=2026/month=11'];
const keyOf = (index: number) =>
  `${folders[index % folders.length]}/file+${String(index).padStart(5, '0')} (draft).txt`;

/** Buckets of every kind of sharing, and the queue that hears of their changes. */
export async function fillObjects(
  client: S3ClientConfig & { region: string; endpoint: string },
  count: number,
): Promise<FilledBuckets> {
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const sqs = new SQSClient(client as object);
  const queue = await sqs.send(new CreateQueueCommand({ QueueName: 'castellan-notifications' }));
  const queueUrl = queue.QueueUrl!;
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
  );
  const quarantineBucket = 'acme-quarantine';
  await s3.send(new CreateBucketCommand({ Bucket: quarantineBucket }));
  await s3.send(
    new PutBucketOwnershipControlsCommand({
      Bucket: quarantineBucket,
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    }),
  );

  let objects = 0;
  for (const plan of plans) {
    const Bucket = `acme-${plan.name}`;
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(
      new PutBucketOwnershipControlsCommand({
        Bucket,
        OwnershipControls: { Rules: [{ ObjectOwnership: plan.acls ? 'ObjectWriter' : 'BucketOwnerEnforced' }] },
      }),
    );
    if (plan.versioned)
      await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const most = Math.ceil(count * plan.share);
    let next = 0;
    const put = async (index: number) => {
      const input: PutObjectCommandInput = {
        Bucket,
        Key: keyOf(index),
        Body: `Object ${index} of ${Bucket}.\n`,
        ContentType: 'text/plain',
        Metadata: { origin: 'fill' },
      };
      if (plan.acls && index % 4 === 0) input.ACL = 'public-read';
      if (plan.acls && index % 4 === 1) input.GrantRead = `id="${'c'.repeat(64)}"`;
      await s3.send(new PutObjectCommand(input));
    };
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next < most) await put(next++);
      }),
    );
    objects += most;
    if (plan.policy) await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(plan.policy(Bucket)) }));
    if (plan.blocked)
      await s3.send(
        new PutPublicAccessBlockCommand({
          Bucket,
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: true,
            IgnorePublicAcls: true,
            BlockPublicPolicy: true,
            RestrictPublicBuckets: true,
          },
        }),
      );
  }
  await s3.send(new DeleteObjectCommand({ Bucket: 'acme-documents', Key: keyOf(1) }));
  for (const Bucket of ['acme-documents', 'acme-scratch', 'acme-old-shares'])
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: {
          QueueConfigurations: [
            { QueueArn: Attributes!.QueueArn, Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] },
          ],
        },
      }),
    );
  return {
    buckets: plans.map(({ name }) => `acme-${name}`),
    objects,
    queueUrl,
    quarantineBucket,
    examples: {
      public: `acme-old-shares/${keyOf(0)}`,
      versioned: `acme-documents/${keyOf(0)}`,
      unversioned: `acme-scratch/${keyOf(0)}`,
      trashed: `acme-documents/${keyOf(1)}`,
    },
  };
}
