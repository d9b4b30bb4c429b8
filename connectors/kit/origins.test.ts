import { expect, it } from 'vitest';
import { isPublicAddress, matchesOrigin, originProblem, publicLookup } from './origins.ts';

it.each([
  ['https://acme.okta.com', 'https://acme.okta.com/api', true],
  ['https://acme.okta.com', 'https://ACME.okta.com:443/api', true],
  ['https://acme.okta.com', 'http://acme.okta.com/api', false],
  ['https://acme.okta.com', 'https://acme.okta.com.evil.test/', false],
  ['https://acme.okta.com', 'https://acme-okta.com/', false],
  ['https://acme.okta.com', 'https://acme.okta.com:8443/', false],
  ['http://127.0.0.1:9001', 'http://127.0.0.1:9001/x', true],
  ['http://127.0.0.1:9001', 'http://127.0.0.1:9002/x', false],
  ['https://*.s3.amazonaws.com', 'https://logs.eu.s3.amazonaws.com/k', true],
  ['https://*.s3.amazonaws.com', 'https://s3.amazonaws.com/k', false],
  ['https://*.s3.amazonaws.com', 'https://evil.test/.s3.amazonaws.com', false],
  ['https://s3.*.amazonaws.com', 'https://s3.eu-west-1.amazonaws.com/', true],
  ['https://s3.*.amazonaws.com', 'https://s3.a.b.amazonaws.com/', false],
  ['https://evil.*', 'https://evil.test/', false],
])('%s takes %s: %s', (pattern, url, expected) => {
  expect(matchesOrigin(pattern, new URL(url))).toBe(expected);
});

it.each([
  'http://acme.okta.com',
  'https://localhost',
  'https://LOCALHOST.',
  'https://api.internal',
  'https://intranet',
  'https://127.1',
  'https://0x7f000001',
  'https://2130706433',
  'https://10.1.2.3',
  'https://169.254.169.254',
  'https://192.168.1.1',
  'https://[::1]',
  'https://[fd00::1]',
  'https://[::ffff:10.0.0.1]',
  'https://[64:ff9b::a00:1]',
  'https://user:pass@acme.okta.com',
  'ftp://acme.okta.com',
])('refuses %s', (url) => {
  expect(originProblem(new URL(url), false)).toBeTypeOf('string');
});

it('allows what is public, and local ones where told', () => {
  expect(originProblem(new URL('https://acme.okta.com'), false)).toBeUndefined();
  expect(originProblem(new URL('http://127.0.0.1:9001'), true)).toBeUndefined();
  expect(originProblem(new URL('http://u:p@127.0.0.1:9001'), true)).toBeTypeOf('string');
  expect(isPublicAddress('8.8.8.8')).toBe(true);
  expect(isPublicAddress('2a00:1450::1')).toBe(true);
  expect(isPublicAddress('not-an-address')).toBe(false);
});

it('refuses a name that resolves to a private address, when connecting', async () => {
  const error = await new Promise((resolve) => publicLookup('localhost', { all: true }, (failed) => resolve(failed)));
  expect(error).toMatchObject({ code: 'ENOTPUBLIC' });
});
