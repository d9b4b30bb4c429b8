import { expect, it } from 'vitest';
import { redact, secretsOf } from './redact.ts';

it('collects the long texts of a credential, however nested', () => {
  expect(secretsOf({ type: 'oauth', key: { d: 'abcdefgh' }, scopes: ['okta.users.read'], n: 1, x: null })).toEqual([
    'abcdefgh',
    'okta.users.read',
  ]);
});

it('removes secrets as they are, in JSON and in URLs', () => {
  const secret = 'pass"wörd/+1';
  const text = `${secret} ${JSON.stringify({ a: secret })} x=${encodeURIComponent(secret)}`;
  const out = redact(text, [secret]);
  expect(out).not.toContain('wörd');
  expect(out).not.toContain('w%C3%B6rd');
});

it.each([
  'Authorization: SSWS 00abcdefghijk',
  '{"access_token":"short-one"}',
  '{"tempPassword":"Ab1!xyz9"}',
  '{"resetPasswordUrl":"https://acme.test/reset/aaaa"}',
  'client_secret=verysecret&x=1',
  'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln',
  'AKIAIOSFODNN7EXAMPLE',
  '-----BEGIN PRIVATE KEY-----\nMIIE',
])('hides what looks like a secret: %s', (text) => {
  const out = redact(text);
  expect(out).toContain('[redacted]');
  for (const piece of ['00abcdefghijk', 'short-one', 'Ab1!xyz9', 'reset/aaaa', 'verysecret', 'eyJ', 'AKIA', 'MIIE'])
    expect(out).not.toContain(piece);
});

it('leaves what support needs', () => {
  const text = '{"errorCode":"E0000006","errorSummary":"You do not have permission","errorId":"oaeK3x"}';
  expect(redact(text, ['unrelated-secret'])).toBe(text);
});
