import { expect, it } from 'vitest';
import type { AuthContext } from '../authorization.ts';
import { awsCredential, awsSettings, type AwsCredential, type AwsSettings } from './settings.ts';
import { authorize } from './sign.ts';

const noTokens = { get: () => Promise.reject(new Error('no token is asked for')), forget: () => undefined };
const context = (more: Partial<AwsCredential> = {}): AuthContext<AwsSettings, AwsCredential> => ({
  settings: awsSettings.parse({ regions: ['us-east-1'] }),
  // AWS's published example credential.
  credential: {
    ...awsCredential.parse({
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    }),
    ...more,
  },
  tokens: noTokens,
  shared: noTokens,
  now: () => new Date('2013-05-24T00:00:00Z'),
  fetch: () => Promise.reject(new Error('nothing is fetched')),
});

it('signs as the published S3 example does', async () => {
  const request = {
    method: 'GET',
    url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
    headers: { range: 'bytes=0-9', 'x-castellan-scope': 'us-east-1/s3' } as Record<string, string>,
  };
  await authorize(request, context());
  // "Signature Calculations for the Authorization Header", example GET Object, Amazon S3 API reference.
  expect(request.headers.authorization).toContain(
    'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
  expect(request.headers).not.toHaveProperty('x-castellan-scope');
  expect(request.headers).not.toHaveProperty('host');
});

it('carries the session token of temporary credentials and refuses a call without a scope', async () => {
  const request = () => ({
    method: 'POST',
    url: new URL('https://iam.amazonaws.com/'),
    headers: { 'x-castellan-scope': 'us-east-1/iam' } as Record<string, string>,
    body: 'Action=ListUsers&Version=2010-05-08',
  });
  const signed = request();
  await authorize(signed, context({ sessionToken: 'temporary' }));
  expect(signed.headers['x-amz-security-token']).toBe('temporary');
  expect(signed.headers.authorization).toContain('/20130524/us-east-1/iam/aws4_request');
  await expect(authorize({ ...request(), headers: {} }, context())).rejects.toThrow('cannot be signed');
});
