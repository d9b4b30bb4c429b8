import { expect, it } from 'vitest';
import { appPermissionRecord } from '../records.ts';
import type { EventContext } from './enterprise-event.ts';
import { observedToken, parseTokenId } from './observed-tokens.ts';

const context: EventContext = {
  receivedAt: new Date('2026-05-02T10:00:00Z'),
  source: 'admin-logs',
  ownUserId: '99',
  ownClientId: 'client1',
};
const user = { type: 'user', id: '15', name: 'User 15', login: 'user0015@acme.test' };
const told = (more: object = {}) =>
  observedToken(
    {
      event_type: 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE',
      created_at: '2026-05-01T00:00:00-07:00',
      created_by: user,
      source: user,
      additional_details: { service_id: 'svc', service_name: 'Helper' },
      ...more,
    },
    context,
  );

it('is one permission of a user and an app, used when the event happened, for 60 days', () => {
  const record = told()!;
  expect(appPermissionRecord.parse(record)).toEqual(record);
  const at = new Date('2026-05-01T07:00:00Z');
  expect(record).toMatchObject({
    vendorId: 'token:15:svc',
    accountId: '15',
    appId: 'svc',
    appName: 'Helper',
    status: 'observed',
    issuedAt: at,
    lastUsedAt: at,
    changedAt: at,
    expiresAt: new Date('2026-06-30T07:00:00Z'),
  });
  expect(parseTokenId(record.vendorId)).toEqual({ userId: '15', app: 'svc' });
});

it('of a revocation it says no more than that, and names the same permission', () => {
  for (const event_type of ['OAUTH2_ACCESS_TOKEN_REVOKE', 'OAUTH2_REFRESH_TOKEN_REVOKE']) {
    const record = told({ event_type })!;
    expect(record).toMatchObject({ vendorId: 'token:15:svc', status: 'revoked' });
    expect(record).not.toHaveProperty('lastUsedAt');
  }
});

it.each([
  ['by its name where it has no id', { additional_details: { service_name: 'Helper' } }, 'token:15:Helper'],
  ['from details sent as a text', { additional_details: '{"service_id":"svc"}' }, 'token:15:svc'],
  ['as unknown where Box names none', { additional_details: null }, 'token:15:unknown'],
  ['of who did it where the event is about nobody', { source: null }, 'token:15:svc'],
])('the app is known %s', (_how, more, vendorId) => {
  expect(told(more)!.vendorId).toBe(vendorId);
});

it.each([
  ['another event', { event_type: 'LOGIN' }],
  ['a token of our own app', { additional_details: { service_id: 'client1' } }],
  ['a token of our service account', { created_by: { id: '99' } }],
  ['what has run out', { created_at: '2026-03-03T10:00:00Z' }],
  ['an event without a time', { created_at: null }],
  ['an event of nobody', { source: null, created_by: null }],
])('nothing is observed of %s', (_what, more) => {
  expect(told(more)).toBeUndefined();
});
