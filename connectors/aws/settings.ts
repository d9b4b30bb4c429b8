import { z } from 'zod';
import type { Session } from '../connector.ts';

const region = z.string().regex(/^[a-z]{2,}(-[a-z0-9]+)+$/, 'must be a Region such as eu-west-1');
const bucketName = z.string().min(3).max(63);
const address = z.url({ protocol: /^https?$/ });

/** The services that this connector calls, by the name with which their requests are signed. */
export const services = ['iam', 'sts', 's3', 'sqs', 'cloudtrail'] as const;
export type ServiceName = (typeof services)[number];

export const awsSettings = z.strictObject({
  /** The Regions whose event history and buckets are read. IAM, root and global sign-in events are in us-east-1. */
  regions: z.array(region).min(1).max(40),
  accountLabel: z.string().min(1).max(80).optional(),
  /** The role to assume in the customer's account; the credential is then that of the one who assumes it. */
  roleArn: z
    .string()
    .regex(/^arn:aws(-cn|-us-gov)?:iam::\d{12}:role\/.+$/, 'must be the ARN of a role')
    .optional(),
  externalId: z.string().min(2).max(1224).optional(),
  /** One address for every service, or one a service. Without them: the vendor's own. */
  baseUrl: address.optional(),
  endpoints: z.partialRecord(z.enum(services), address).optional(),
  /** Where CloudTrail delivers its log files. */
  trailBucket: bucketName.optional(),
  trailPrefix: z.string().max(200).optional(),
  /** Log files of days before this many days ago are not read. All of them are, unless told. */
  trailDays: z.int().min(1).optional(),
  /** `all`: LookupEvents with reads too; `writes`: without them, as 2 calls a second are all there is; `off`. */
  eventHistory: z.enum(['all', 'writes', 'off']).default('all'),
  /** Receives the S3 notifications, directly or through SNS or EventBridge. */
  queueUrl: address.optional(),
  quarantineBucket: bucketName.optional(),
  buckets: z
    .strictObject({ include: z.array(z.string()).optional(), exclude: z.array(z.string()).optional() })
    .optional(),
  /** How much of the documented CloudTrail limit is ours: the account's other programs spend of it too. */
  quotaShare: z.number().min(0.05).max(1).default(0.5),
});
export type AwsSettings = z.output<typeof awsSettings>;

export const awsCredential = z.strictObject({
  accessKeyId: z.string().regex(/^(AKIA|ASIA|ABIA)[A-Z0-9]{12,}$/, 'must be an access key id'),
  secretAccessKey: z.string().min(16).max(200),
  sessionToken: z.string().min(1).optional(),
});
export type AwsCredential = z.output<typeof awsCredential>;

export type AwsSession = Session<AwsSettings>;

/** `aws`, `aws-cn` or `aws-us-gov`: the first part of every ARN of the account. */
export function partitionOf(settings: AwsSettings): string {
  const first = settings.regions[0]!;
  return first.startsWith('cn-') ? 'aws-cn' : first.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** The Region with which global services are signed. */
export const globalRegion = (settings: AwsSettings): string =>
  ({ aws: 'us-east-1', 'aws-cn': 'cn-north-1', 'aws-us-gov': 'us-gov-west-1' })[partitionOf(settings)]!;

export function endpointOf(settings: AwsSettings, service: ServiceName): string | undefined {
  return settings.endpoints?.[service] ?? settings.baseUrl;
}

/** The Region of a queue, from its address where that tells it. */
export const queueRegion = (settings: AwsSettings): string =>
  /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\./.exec(settings.queueUrl ?? '')?.[1] ?? settings.regions[0]!;

/** Whether a bucket is in the scope that the operator set; a trailing `*` stands for any ending. */
export function inScope(settings: AwsSettings, bucket: string): boolean {
  const matches = (pattern: string) =>
    pattern.endsWith('*') ? bucket.startsWith(pattern.slice(0, -1)) : bucket === pattern;
  const { include, exclude } = settings.buckets ?? {};
  return (!include || include.some(matches)) && !exclude?.some(matches);
}
