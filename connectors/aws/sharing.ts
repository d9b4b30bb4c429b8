import type { Grant } from '@aws-sdk/client-s3';
import type { Share, Sharing } from '../records.ts';
import { accountIn, covers, namesAction, statementsOf, type Statement } from './policies.ts';

/** `IgnorePublicAcls` and `RestrictPublicBuckets` are the two settings that change who gets in; of account or bucket. */
export interface PublicAccessBlock {
  blockPublicAcls: boolean;
  ignorePublicAcls: boolean;
  blockPublicPolicy: boolean;
  restrictPublicBuckets: boolean;
}
export const noBlock: PublicAccessBlock = {
  blockPublicAcls: false,
  ignorePublicAcls: false,
  blockPublicPolicy: false,
  restrictPublicBuckets: false,
};

/** What decides who may reach the objects of a bucket. */
export interface BucketAccess {
  bucket: string;
  account: string;
  /** The canonical id of the bucket's owner. */
  owner: string | undefined;
  block: PublicAccessBlock;
  policy: unknown;
  /** AWS's own verdict on the policy, where it may be asked. */
  policyPublic: boolean | undefined;
}

const group = 'http://acs.amazonaws.com/groups/';
const groupNames: Record<string, string> = {
  [`${group}global/AllUsers`]: 'AllUsers',
  [`${group}global/AuthenticatedUsers`]: 'AuthenticatedUsers',
  [`${group}s3/LogDelivery`]: 'LogDelivery',
};

/** The grants of a bucket's or object's ACL besides the owner's own. */
export function aclShares(grants: readonly Grant[], access: Pick<BucketAccess, 'owner' | 'block'>): Share[] {
  return grants.flatMap(({ Grantee, Permission = '' }): Share[] => {
    const role = Permission.toLowerCase();
    if (Grantee?.URI) {
      const name = groupNames[Grantee.URI] ?? Grantee.URI;
      const open = name === 'AllUsers' || name === 'AuthenticatedUsers';
      const blocked = open && access.block.ignorePublicAcls;
      return [
        {
          type: 'acl',
          to: name === 'AllUsers' ? '*' : name,
          role,
          sharing: open && !blocked ? 'public' : 'internal',
          evidence: `ACL grants ${Permission} to ${name}${blocked ? '; without effect: public ACLs are ignored' : ''}`,
        },
      ];
    }
    const to = Grantee?.ID ?? Grantee?.EmailAddress;
    if (!to || to === access.owner) return [];
    return [{ type: 'account', to, role, sharing: 'external', evidence: `ACL grants ${Permission} to account ${to}` }];
  });
}

// What a statement must let through to matter for a file, most telling first.
const tellingActions = [
  ['s3:GetObject', 'read'],
  ['s3:PutObject', 'write'],
  ['s3:DeleteObject', 'delete'],
  ['s3:PutObjectAcl', 'share'],
  ['s3:ListBucket', 'list'],
  ['s3:PutBucketPolicy', 'administer'],
] as const;

// With one of these a `*` is not everybody: AWS's own rule for "public" looks at the same keys.
const narrowing =
  /^(aws:(sourceip|sourcevpc|sourcevpce|sourcearn|sourceaccount|sourceorgid|principalorgid|principalorgpaths|principalaccount|principalarn|userid|username)|s3:(dataaccesspointaccount|dataaccesspointarn|accesspointnetworkorigin))$/;

function conditionOf(statement: Statement): { keys: string[]; account?: string } {
  const keys: string[] = [];
  let account: string | undefined;
  for (const [operator, entries] of Object.entries(statement.condition))
    for (const [key, value] of Object.entries(entries)) {
      // A negated or "if exists" test lets in whoever does not send the key.
      if (!narrowing.test(key.toLowerCase()) || /Not|IfExists|Null/i.test(operator)) continue;
      keys.push(key);
      if (/^aws:(principalaccount|sourceaccount)$/i.test(key) && typeof value === 'string') account = value;
    }
  return { keys, account };
}

function statementShares(statement: Statement, access: BucketAccess): Share[] {
  const roles = tellingActions.filter(([action]) => namesAction(statement, action)).map(([, role]) => role);
  if (!statement.allow || roles.length === 0) return [];
  const role = roles.join(' ');
  const name = statement.sid ? `statement ${statement.sid}` : 'a statement';
  const { keys, account } = conditionOf(statement);
  const narrowed = keys.length ? `, narrowed by ${keys.join(', ')}` : '';
  const principals = statement.notPrincipals ? [{ type: '*', value: '*' }] : statement.principals;
  return principals.flatMap(({ type, value }): Share[] => {
    if (type === 'Service') return [];
    const evidence = `bucket policy: ${name} allows ${role} to ${type} ${value}${narrowed}`;
    if (type === '*') {
      let sharing: Sharing = keys.length === 0 && access.policyPublic !== false ? 'public' : 'external';
      if (account === access.account) sharing = 'internal';
      const closed = sharing !== 'internal' && access.block.restrictPublicBuckets && access.policyPublic !== false;
      return [
        {
          type: 'policy',
          to: '*',
          role,
          sharing: closed ? 'internal' : sharing,
          evidence: closed ? `${evidence}; without effect: public buckets are restricted` : evidence,
        },
      ];
    }
    const owner = accountIn(value);
    const own = owner === access.account || (type === 'CanonicalUser' && value === access.owner);
    // A public policy that is restricted closes the bucket for other accounts as well.
    const closed = !own && access.block.restrictPublicBuckets && access.policyPublic === true;
    return [{ type: 'policy', to: value, role, sharing: own || closed ? 'internal' : 'external', evidence }];
  });
}

/** Whether a statement speaks of the bucket as a whole: of itself, or of every object in it. */
function ofWholeBucket(statement: Statement, arn: string): boolean {
  if (statement.notResources) return true;
  return statement.resources.some((pattern) => {
    const own = pattern.replace(/^arn:[a-z-]+:s3:::/, '');
    const bucket = arn.replace(/^arn:[a-z-]+:s3:::/, '');
    return own === '*' || own === bucket || covers(own, `${bucket}/\u0000`);
  });
}

const arnOf = (access: BucketAccess) => `arn:aws:s3:::${access.bucket}`;

/** The shares that the policy gives on the whole bucket. */
export function bucketPolicyShares(access: BucketAccess): Share[] {
  return statementsOf(access.policy)
    .filter((statement) => ofWholeBucket(statement, arnOf(access)))
    .flatMap((statement) => statementShares(statement, access));
}

/** The shares that the policy gives on one object alone, by a prefix or its name. */
export function objectPolicyShares(access: BucketAccess, key: string): Share[] {
  return statementsOf(access.policy)
    .filter(
      (statement) =>
        !ofWholeBucket(statement, arnOf(access)) &&
        statement.resources.some((pattern) =>
          covers(pattern.replace(/^arn:[a-z-]+:s3:::/, ''), `${access.bucket}/${key}`),
        ),
    )
    .flatMap((statement) => statementShares(statement, access));
}
