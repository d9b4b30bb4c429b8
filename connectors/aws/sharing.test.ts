import { describe, expect, it } from 'vitest';
import { mostOpen } from '../records.ts';
import {
  aclShares,
  bucketPolicyShares,
  noBlock,
  objectPolicyShares,
  type BucketAccess,
  type PublicAccessBlock,
} from './sharing.ts';

const access = (statement: object | undefined, more: Partial<BucketAccess> = {}): BucketAccess => ({
  bucket: 'docs-b',
  account: '111122223333',
  owner: 'owner-id',
  block: noBlock,
  policy: statement && {
    Statement: { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::docs-b/*', ...statement },
  },
  policyPublic: undefined,
  ...more,
});
const blocked = (more: Partial<PublicAccessBlock>): PublicAccessBlock => ({ ...noBlock, ...more });
const ofBucket = (one: BucketAccess) => mostOpen(bucketPolicyShares(one));

describe('a bucket policy', () => {
  it.each([
    [{ Principal: '*' }, {}, 'public'],
    [{ Principal: { AWS: '*' } }, {}, 'public'],
    [{ NotPrincipal: { AWS: 'arn:aws:iam::111122223333:root' } }, {}, 'public'],
    [{ Principal: '*' }, { policyPublic: false }, 'external'],
    [{ Principal: '*' }, { policyPublic: true, block: blocked({ restrictPublicBuckets: true }) }, 'internal'],
    // It only stops new policies.
    [{ Principal: '*' }, { policyPublic: true, block: blocked({ blockPublicPolicy: true }) }, 'public'],
    [{ Principal: '*', Condition: { IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } } }, {}, 'external'],
    [{ Principal: '*', Condition: { StringNotEquals: { 'aws:SourceVpc': 'vpc-1' } } }, {}, 'public'],
    [{ Principal: '*', Condition: { StringEquals: { 'aws:PrincipalAccount': '111122223333' } } }, {}, 'internal'],
    [{ Principal: { AWS: 'arn:aws:iam::444455556666:root' } }, {}, 'external'],
    [{ Principal: { AWS: '444455556666' } }, {}, 'external'],
    [{ Principal: { AWS: 'arn:aws:iam::111122223333:user/amy' } }, {}, 'internal'],
    [{ Principal: { CanonicalUser: 'someone-else' } }, {}, 'external'],
    [{ Principal: { Service: 'cloudtrail.amazonaws.com' } }, {}, 'private'],
    [{ Effect: 'Deny', Principal: '*' }, {}, 'private'],
    [{ Principal: '*', Action: 's3:GetBucketLocation' }, {}, 'private'],
    [{ Principal: '*', Action: 's3:*' }, {}, 'public'],
  ])('%j with %j is %s', (statement, more, expected) => {
    expect(ofBucket(access(statement, more as Partial<BucketAccess>))).toBe(expected);
  });

  it('opens only the objects that it names', () => {
    const one = access({ Principal: '*', Resource: 'arn:aws:s3:::docs-b/public/*' });
    expect(ofBucket(one)).toBe('private');
    expect(mostOpen(objectPolicyShares(one, 'public/a.txt'))).toBe('public');
    expect(mostOpen(objectPolicyShares(one, 'secret/a.txt'))).toBe('private');
  });
});

describe('an ACL', () => {
  const all = { URI: 'http://acs.amazonaws.com/groups/global/AllUsers' };
  it('is public for everybody, unless public ACLs are ignored', () => {
    const grants = [{ Grantee: all as never, Permission: 'READ' as const }];
    expect(mostOpen(aclShares(grants, access(undefined)))).toBe('public');
    expect(mostOpen(aclShares(grants, access(undefined, { block: blocked({ ignorePublicAcls: true }) })))).toBe(
      'internal',
    );
    expect(mostOpen(aclShares(grants, access(undefined, { block: blocked({ blockPublicAcls: true }) })))).toBe(
      'public',
    );
  });
  it('leaves out the owner and tells of other accounts', () => {
    const grant = (ID: string) => ({
      Grantee: { ID, Type: 'CanonicalUser' as const },
      Permission: 'FULL_CONTROL' as const,
    });
    expect(aclShares([grant('owner-id')], access(undefined))).toEqual([]);
    expect(mostOpen(aclShares([grant('other')], access(undefined)))).toBe('external');
  });
});
