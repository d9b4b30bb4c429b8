import {
  GetBucketAclCommand,
  GetBucketLocationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  ListBucketsCommand,
  type Bucket,
  type Grant,
  type PublicAccessBlockConfiguration,
} from '@aws-sdk/client-s3';
import type { Page, PageRequest, Part } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import type { FileRecord, Share } from '../records.ts';
import { clientsOf, forget, remembered } from './clients.ts';
import { accountOf, plain } from './directory.ts';
import { absentAs, vendor } from './errors.ts';
import { scopeHeader } from './request-handler.ts';
import { endpointOf, globalRegion, inScope, partitionOf, type AwsSession } from './settings.ts';
import { parseDocument } from './policies.ts';
import { aclShares, bucketPolicyShares, noBlock, type BucketAccess, type PublicAccessBlock } from './sharing.ts';

/** The part that follows the queue; a bucket's name never begins so. */
export const queuePart = '!queue';

/** All that is known of a bucket: where it is, what it keeps, who gets in. */
export interface BucketFacts extends BucketAccess {
  region: string;
  /** ACLs count only where ownership is not enforced. */
  acls: boolean;
  grants: Grant[];
  versioning: 'enabled' | 'suspended' | 'never';
  mfaDelete: boolean;
  policyText: string | undefined;
  /** Of the bucket alone; `block` has the account's beside it. */
  ownBlock: PublicAccessBlock | undefined;
  shares: Share[];
}

const blockOf = (found: PublicAccessBlockConfiguration | undefined): PublicAccessBlock | undefined =>
  found && {
    blockPublicAcls: found.BlockPublicAcls === true,
    ignorePublicAcls: found.IgnorePublicAcls === true,
    blockPublicPolicy: found.BlockPublicPolicy === true,
    restrictPublicBuckets: found.RestrictPublicBuckets === true,
  };

/** The account's own block, from S3's control service; without the permission the buckets' own decide alone. */
function accountBlock(session: AwsSession): Promise<PublicAccessBlock> {
  return remembered(session, 'account public access block', async () => {
    const account = await accountOf(session);
    const region = session.settings.regions[0]!;
    const suffix = partitionOf(session.settings) === 'aws-cn' ? '.cn' : '';
    const base = endpointOf(session.settings, 's3') ?? `https://${account}.s3-control.${region}.amazonaws.com${suffix}`;
    const answer = await session.fetch({
      method: 'GET',
      url: new URL('/v20180820/configuration/publicAccessBlock', base),
      operation: 's3:GetAccountPublicAccessBlock',
      headers: { [scopeHeader]: `${region}/s3`, 'x-amz-account-id': account },
      accept: [403, 404, 501],
    });
    if (answer.status !== 200) return noBlock;
    const text = answer.text();
    const set = (name: string) => new RegExp(`<${name}>\\s*true\\s*</${name}>`, 'i').test(text);
    return {
      blockPublicAcls: set('BlockPublicAcls'),
      ignorePublicAcls: set('IgnorePublicAcls'),
      blockPublicPolicy: set('BlockPublicPolicy'),
      restrictPublicBuckets: set('RestrictPublicBuckets'),
    };
  });
}

const regionKey = (bucket: string) => `bucket region ${bucket}`;
const factsKey = (bucket: string) => `bucket facts ${bucket}`;
export function forgetBucket(session: AwsSession, bucket: string): void {
  forget(session, factsKey(bucket));
}

export function regionOf(session: AwsSession, bucket: string): Promise<string> {
  return remembered(session, regionKey(bucket), async () => {
    const { s3 } = clientsOf(session);
    const answer = await vendor(
      's3:GetBucketLocation',
      s3(globalRegion(session.settings)).send(new GetBucketLocationCommand({ Bucket: bucket })),
    );
    const place = answer.LocationConstraint as string | undefined;
    return !place ? globalRegion(session.settings) : place === 'EU' ? 'eu-west-1' : place;
  });
}

/** The client of the bucket's own Region. */
export async function bucketClient(session: AwsSession, bucket: string) {
  return clientsOf(session).s3(await regionOf(session, bucket));
}

export function factsOf(session: AwsSession, bucket: string): Promise<BucketFacts> {
  return remembered(session, factsKey(bucket), async () => {
    const region = await regionOf(session, bucket);
    const s3 = clientsOf(session).s3(region);
    const Bucket = bucket;
    const [account, acl, policy, status, own, whole, ownership, versioning] = await Promise.all([
      accountOf(session),
      vendor('s3:GetBucketAcl', s3.send(new GetBucketAclCommand({ Bucket }))),
      absentAs('s3:GetBucketPolicy', s3.send(new GetBucketPolicyCommand({ Bucket })), undefined, 'NoSuchBucketPolicy'),
      absentAs(
        's3:GetBucketPolicyStatus',
        s3.send(new GetBucketPolicyStatusCommand({ Bucket })),
        undefined,
        'NoSuchBucketPolicy',
        'AccessDenied',
      ),
      absentAs(
        's3:GetBucketPublicAccessBlock',
        s3.send(new GetPublicAccessBlockCommand({ Bucket })),
        undefined,
        'NoSuchPublicAccessBlockConfiguration',
      ),
      accountBlock(session),
      absentAs(
        's3:GetBucketOwnershipControls',
        s3.send(new GetBucketOwnershipControlsCommand({ Bucket })),
        undefined,
        'OwnershipControlsNotFoundError',
      ),
      vendor('s3:GetBucketVersioning', s3.send(new GetBucketVersioningCommand({ Bucket }))),
    ]);
    const ownBlock = blockOf(own?.PublicAccessBlockConfiguration);
    const block: PublicAccessBlock = {
      blockPublicAcls: whole.blockPublicAcls || ownBlock?.blockPublicAcls === true,
      ignorePublicAcls: whole.ignorePublicAcls || ownBlock?.ignorePublicAcls === true,
      blockPublicPolicy: whole.blockPublicPolicy || ownBlock?.blockPublicPolicy === true,
      restrictPublicBuckets: whole.restrictPublicBuckets || ownBlock?.restrictPublicBuckets === true,
    };
    const access: BucketAccess = {
      bucket,
      account,
      owner: acl.Owner?.ID,
      block,
      policy: parseDocument(policy?.Policy),
      policyPublic: status?.PolicyStatus?.IsPublic,
    };
    const acls = ownership?.OwnershipControls?.Rules?.[0]?.ObjectOwnership !== 'BucketOwnerEnforced';
    const grants = acl.Grants ?? [];
    return {
      ...access,
      region,
      acls,
      grants,
      versioning:
        versioning.Status === 'Enabled' ? 'enabled' : versioning.Status === 'Suspended' ? 'suspended' : 'never',
      mfaDelete: versioning.MFADelete === 'Enabled',
      policyText: policy?.Policy,
      ownBlock,
      shares: [...(acls ? aclShares(grants, access) : []), ...bucketPolicyShares(access)],
    };
  });
}

/** The bucket itself, as the folder of its objects. */
export function bucketRecord(facts: BucketFacts, createdAt?: Date): FileRecord {
  const { bucket, region, owner, versioning, acls, block, policy, policyPublic } = facts;
  return {
    kind: 'files',
    vendorId: bucket,
    name: bucket,
    path: `/${bucket}`,
    type: 'folder',
    ancestors: [],
    ownerId: owner,
    createdAt,
    trashed: false,
    shares: facts.shares,
    raw: plain({
      bucket,
      region,
      owner,
      versioning,
      acls,
      publicAccessBlock: block,
      policy,
      policyPublic,
      grants: facts.grants,
    }),
  };
}

/** Buckets as parts, and the queue that tells of changes in all of them. */
export async function bucketParts(session: AwsSession, request: PageRequest): Promise<Page<Part>> {
  const { s3 } = clientsOf(session);
  const page = await vendor(
    's3:ListAllMyBuckets',
    s3(globalRegion(session.settings)).send(
      new ListBucketsCommand({ MaxBuckets: 1000, ContinuationToken: request.cursor }),
    ),
  );
  const named = (page.Buckets ?? []).filter((bucket): bucket is Bucket & { Name: string } => bucket.Name !== undefined);
  const records: Part[] = named
    .filter(({ Name }) => inScope(session.settings, Name))
    .map(({ Name }) => ({ id: Name, title: `bucket ${Name}` }));
  if (request.cursor === undefined && session.settings.queueUrl)
    records.unshift({ id: queuePart, title: 'S3 notifications' });
  if (page.ContinuationToken !== undefined && page.ContinuationToken === request.cursor)
    throw new Failure('unavailable', 's3:ListAllMyBuckets repeats its place', { who: 'vendor' });
  return { records, next: page.ContinuationToken };
}
