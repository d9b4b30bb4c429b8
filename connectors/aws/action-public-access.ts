import {
  DeleteBucketPolicyCommand,
  DeletePublicAccessBlockCommand,
  GetObjectAclCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutPublicAccessBlockCommand,
  type Grant,
} from '@aws-sdk/client-s3';
import type { Action, Before } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { mostOpen } from '../records.ts';
import type { FileTarget } from './actions-file.ts';
import { touchesOf } from './actions-file.ts';
import { bucketClient, factsOf, forgetBucket } from './buckets.ts';
import { plain } from './directory.ts';
import { vendor } from './errors.ts';
import { grantHeaders } from './grant-headers.ts';
import { readFileId } from './objects.ts';
import { statementsOf } from './policies.ts';
import type { AwsSession, AwsSettings } from './settings.ts';
import { aclShares, objectPolicyShares, type PublicAccessBlock } from './sharing.ts';

export type PublicState =
  | { what: 'bucket'; bucket: string; block: PublicAccessBlock | null; public: boolean }
  | {
      what: 'object';
      bucket: string;
      key: string;
      grants: Grant[];
      policy: string | null;
      /** By its own ACL, by statements that name it alone, by what concerns the whole bucket. */
      byAcl: boolean;
      byStatement: boolean;
      byBucket: boolean;
    };

type ObjectState = Extract<PublicState, { what: 'object' }>;

async function readState(session: AwsSession, id: string): Promise<PublicState> {
  const { bucket, key } = readFileId(id);
  forgetBucket(session, bucket);
  const facts = await factsOf(session, bucket);
  if (key === undefined)
    return {
      what: 'bucket',
      bucket,
      block: facts.ownBlock ?? null,
      public: mostOpen(facts.shares) === 'public',
    };
  const s3 = await bucketClient(session, bucket);
  const acl = await vendor('s3:GetObjectAcl', s3.send(new GetObjectAclCommand({ Bucket: bucket, Key: key })));
  const grants = plain(acl.Grants ?? []) as Grant[];
  return {
    what: 'object',
    bucket,
    key,
    grants,
    policy: facts.policyText ?? null,
    byAcl: facts.acls && mostOpen(aclShares(grants, facts)) === 'public',
    byStatement: mostOpen(objectPolicyShares(facts, key)) === 'public',
    byBucket: mostOpen(facts.shares) === 'public',
  };
}

const publicGrant = ({ Grantee }: Grant) => /\/global\/(AllUsers|AuthenticatedUsers)$/.test(Grantee?.URI ?? '');

/** The policy without the public statements that name this object and nothing else; undefined when others matter too. */
function policyWithout(state: ObjectState): string | null | undefined {
  if (state.policy === null) return undefined;
  const document = JSON.parse(state.policy) as { Statement?: unknown };
  const arn = `:s3:::${state.bucket}/${state.key}`;
  const kept = statementsOf(document).filter(
    ({ allow, principals, resources, notResources }) =>
      !(
        allow &&
        !notResources &&
        resources.length > 0 &&
        resources.every((resource) => resource.endsWith(arn)) &&
        principals.some(({ type }) => type === '*')
      ),
  );
  if (kept.length === statementsOf(document).length) return undefined;
  return kept.length === 0 ? null : JSON.stringify({ ...document, Statement: kept.map(({ raw }) => raw) });
}

async function putPolicy(session: AwsSession, bucket: string, Policy: string | null): Promise<void> {
  const s3 = await bucketClient(session, bucket);
  if (Policy === null)
    await vendor('s3:DeleteBucketPolicy', s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket })));
  else await vendor('s3:PutBucketPolicy', s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy })));
}
async function putGrants(session: AwsSession, state: ObjectState, Grants: Grant[]): Promise<void> {
  const s3 = await bucketClient(session, state.bucket);
  await vendor(
    's3:PutObjectAcl',
    s3.send(
      new PutObjectAclCommand({
        Bucket: state.bucket,
        Key: state.key,
        ...grantHeaders(Grants),
      }),
    ),
  );
}
async function putBlock(session: AwsSession, bucket: string, block: PublicAccessBlock | null): Promise<void> {
  const s3 = await bucketClient(session, bucket);
  if (!block)
    return void (await vendor(
      's3:PutBucketPublicAccessBlock',
      s3.send(new DeletePublicAccessBlockCommand({ Bucket: bucket })),
    ));
  await vendor(
    's3:PutBucketPublicAccessBlock',
    s3.send(
      new PutPublicAccessBlockCommand({
        Bucket: bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: block.blockPublicAcls,
          IgnorePublicAcls: block.ignorePublicAcls,
          BlockPublicPolicy: block.blockPublicPolicy,
          RestrictPublicBuckets: block.restrictPublicBuckets,
        },
      }),
    ),
  );
}
const closed: PublicAccessBlock = {
  blockPublicAcls: true,
  ignorePublicAcls: true,
  blockPublicPolicy: true,
  restrictPublicBuckets: true,
};

function planOf(state: PublicState): Before<PublicState> {
  if (state.what === 'bucket')
    return {
      state,
      plan: [
        `Turn on all four settings of the public-access block of ${state.bucket}; ACLs and policy stay as written.`,
      ],
      irreversible: [],
      calls: 1,
      rereads: 1,
      done: !state.public,
      losesAccess: state.public ? [{ who: 'everybody', how: `what is public of ${state.bucket}` }] : [],
      touches: touchesOf(state.bucket),
    };
  const { bucket, key, byAcl, byStatement, byBucket } = state;
  if (byBucket)
    throw new Failure('conflict', `${key} is public because the whole bucket ${bucket} is`, {
      who: 'operator',
      remedy: `remove public access from the bucket: ${bucket}`,
    });
  const policy = byStatement ? policyWithout(state) : undefined;
  if (byStatement && policy === undefined)
    throw new Failure('conflict', `${key} is public by a statement of the bucket policy that names other objects too`, {
      who: 'operator',
      remedy: `remove public access from the bucket ${bucket}, or change the policy`,
    });
  return {
    state,
    plan: [
      ...(byAcl ? [`Take the public grants out of the ACL of ${key}; the other grants stay.`] : []),
      ...(byStatement
        ? [
            policy === null
              ? `Delete the policy of ${bucket}, which only makes ${key} public.`
              : `Take the statement that makes ${key} public out of the policy of ${bucket}.`,
          ]
        : []),
    ],
    irreversible: [],
    calls: Number(byAcl) + Number(byStatement),
    rereads: 1,
    done: !byAcl && !byStatement,
    losesAccess: [
      ...(byAcl ? [{ who: 'everybody', how: `the ACL of ${key}` }] : []),
      ...(byStatement ? [{ who: 'everybody', how: `the policy of ${bucket}` }] : []),
    ],
    touches: touchesOf(bucket, key),
  };
}

export const removePublicAccess: Action<FileTarget, PublicState, AwsSettings> = {
  repeat: 'readable',
  standsWhen: ['notFound'],
  read: async (session, { fileId }) => planOf(await readState(session, fileId)),
  async apply(session, { fileId }, before) {
    if (before.what === 'bucket') {
      if (before.public) await putBlock(session, before.bucket, closed);
    } else {
      if (before.byAcl)
        await putGrants(
          session,
          before,
          before.grants.filter((grant) => !publicGrant(grant)),
        );
      const policy = before.byStatement ? policyWithout(before) : undefined;
      if (policy !== undefined) await putPolicy(session, before.bucket, policy);
    }
    return { after: await readState(session, fileId) };
  },
  async undo(session, _target, before) {
    if (before.what === 'bucket') return before.public ? putBlock(session, before.bucket, before.block) : undefined;
    if (before.byStatement) await putPolicy(session, before.bucket, before.policy);
    if (before.byAcl) await putGrants(session, before, before.grants);
  },
  verified: (_before, after) => (after.what === 'bucket' ? !after.public : !after.byAcl && !after.byStatement),
};
