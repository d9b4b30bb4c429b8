import { describe, expect, it } from 'vitest';
import { okta } from './index.ts';
import { touchedBy } from './touched.ts';

const token = { type: 'ssws', token: 'x'.repeat(42) };
const check = (settings: unknown, credential: unknown = token, local = false) => {
  try {
    okta.check(settings, credential, local);
    return 'fine';
  } catch (error) {
    return error as { kind: string; message: string; details: { field: string } };
  }
};

describe('settings', () => {
  it.each([
    [{ domain: 'acme.okta.com' }, 'acme.okta.com'],
    [{ domain: 'https://ACME.okta.com/' }, 'acme.okta.com'],
    [{ domain: 'login.acme.test' }, 'login.acme.test'],
    [{ baseUrl: 'https://acme.oktapreview.com' }, 'acme.oktapreview.com'],
  ])('%j is the org %s', (settings, label) => {
    expect(check(settings)).toBe('fine');
    expect(okta.label(settings)).toBe(label);
  });
  it.each([
    [{}, 'settings.domain', 'required'],
    [{ domain: 'acme-admin.okta.com' }, 'settings.domain', 'the org is acme.okta.com'],
    [{ domain: 'https://acme-admin.oktapreview.com' }, 'settings.domain', 'the org is acme.oktapreview.com'],
    [{ domain: 'acme' }, 'settings.domain', 'host of the org'],
    [{ domain: 'acme.okta.com/path' }, 'settings.domain', 'host of the org'],
    [{ domain: 'user@acme.okta.com' }, 'settings.domain', 'host of the org'],
    [{ baseUrl: 'http://127.0.0.1:1' }, 'settings.baseUrl', 'https'],
    [{ baseUrl: 'https://10.0.0.1' }, 'settings.baseUrl', 'public'],
    [{ baseUrl: 'https://acme.okta.com/path' }, 'settings.baseUrl', 'origin'],
    [{ domain: 'acme.okta.com', more: 1 }, 'settings.more', 'unknown'],
  ])('%j is refused at %s: %s', (settings, field, words) => {
    expect(check(settings)).toMatchObject({
      kind: 'invalid',
      details: { field },
      message: expect.stringContaining(words),
    });
  });
  it.each([
    [{ type: 'ssws' }, 'credential.token'],
    [{ type: 'basic' }, 'credential.type'],
    [{ type: 'oauth', clientId: '0oa1', privateKey: 'nonsense' }, 'credential.privateKey'],
    [{ ...token, more: 1 }, 'credential.more'],
  ])('a credential %j is refused at %s', (credential, field) => {
    expect(check({ domain: 'acme.okta.com' }, credential)).toMatchObject({ kind: 'invalid', details: { field } });
  });
});

describe('what a row touches', () => {
  const row = (eventType: string, result = 'SUCCESS') => ({
    eventType,
    outcome: { result },
    actor: { id: '00uActor', type: 'User' },
    target: [
      { id: '00u1', type: 'User' },
      { id: '00g1', type: 'UserGroup' },
      { id: '00T1', type: 'Token' },
    ],
  });
  it.each([
    ['user.lifecycle.suspend', ['accounts/00u1']],
    ['user.mfa.factor.activate', ['accounts/00u1']],
    ['group.user_membership.add', ['groups/00g1', 'memberships/00g1:00u1', 'privileges/user:00u1']],
    ['group.lifecycle.delete', ['groups/00g1']],
    ['user.account.privilege.grant', ['privileges/user:00u1']],
    ['group.privilege.revoke', ['privileges/group:00g1']],
    ['app.oauth2.as.consent.grant', ['appPermissions/user:00u1']],
    ['system.api_token.revoke', ['appPermissions/apiToken:00T1']],
    ['user.session.start', []],
  ])('%s: %j', (type, expected) => {
    expect(touchedBy(row(type)).map(({ kind, vendorId }) => `${kind}/${vendorId}`)).toEqual(expected);
    expect(touchedBy(row(type, 'FAILURE'))).toEqual([]);
  });
  it('survives any row', () => {
    for (const value of [null, 7, 'x', [], {}, { eventType: 'user.lifecycle.create', target: [null, 7, { id: 'x' }] }])
      expect(touchedBy(value)).toEqual([]);
  });
});
