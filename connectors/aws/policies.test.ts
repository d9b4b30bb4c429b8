import { expect, it } from 'vitest';
import { covers, isAdminDocument, isAdminPolicyArn, isDenyAll, parseDocument } from './policies.ts';

const document = (statement: object) => ({ Statement: { Effect: 'Allow', Action: '*', Resource: '*', ...statement } });

it.each([
  [{}, true],
  [{ Action: ['s3:*', 'iam:*'] }, true],
  [{ Action: 'IAM:*' }, true],
  [{ Action: 's3:*' }, false],
  [{ Resource: 'arn:aws:s3:::b/*' }, false],
  [{ Effect: 'Deny' }, false],
])('an administrator is whom a policy like %j gives everything: %s', (statement, admin) => {
  expect(isAdminDocument(document(statement))).toBe(admin);
});

it('knows AWS’s own administrator policies, and no customer policy of that name', () => {
  expect(isAdminPolicyArn('arn:aws:iam::aws:policy/AdministratorAccess')).toBe(true);
  expect(isAdminPolicyArn('arn:aws:iam::aws:policy/IAMFullAccess')).toBe(true);
  expect(isAdminPolicyArn('arn:aws:iam::111122223333:policy/AdministratorAccess')).toBe(false);
});

it('takes only an unconditional denial of everything for a suspension', () => {
  expect(isDenyAll(document({ Effect: 'Deny' }))).toBe(true);
  expect(isDenyAll(document({ Effect: 'Deny', Condition: { Bool: { a: 'b' } } }))).toBe(false);
  expect(isDenyAll(document({ Effect: 'Deny', Action: 's3:*' }))).toBe(false);
});

it('reads documents plain and URL-encoded, and says when one is neither', () => {
  const text = JSON.stringify(document({ Sid: '100%' }));
  expect(parseDocument(text)).toEqual(JSON.parse(text));
  expect(parseDocument(encodeURIComponent(text))).toEqual(JSON.parse(text));
  expect(parseDocument('%7B')).toBeUndefined();
});

it('matches patterns whole, with dots and line ends as themselves', () => {
  expect(covers('docs-b/*', 'docs-b/a\nb')).toBe(true);
  expect(covers('docs.b/?', 'docsxb/a')).toBe(false);
  expect(covers('s3:Get*', 'S3:GETOBJECT', true)).toBe(true);
  expect(covers('b', 'ab')).toBe(false);
});
