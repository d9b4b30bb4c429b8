import { expect, it } from 'vitest';
import { unreachable } from './unreachable.ts';

it.each([
  ['ENOTFOUND', 'operator', 'the name acme.example cannot be looked up (ENOTFOUND)'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'operator', /acme.example does not prove by its certificate who it is/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'operator', /certificate/],
  ['ECONNREFUSED', 'vendor', 'GET /users was not answered (ECONNREFUSED)'],
])('%s is for the %s', (code, who, message) => {
  const failure = unreachable('GET /users', 'acme.example', code);
  expect(failure).toMatchObject({ kind: 'unavailable', details: { who, evidence: { vendorCode: code } } });
  expect(failure.message).toMatch(message);
});
