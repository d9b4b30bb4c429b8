import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createOcsfValidator, sharedFolder } from '../../test/contract/ocsf-validator.ts';
import { activityRecord, type ActivityRecord } from '../records.ts';
import { activityOf } from './log-event.ts';

const context = {
  receivedAt: new Date('2026-05-02T10:00:00Z'),
  ownUserAgent: 'castellan/1 (abc)',
  ownClientId: '0oaself',
};
const whole = {
  uuid: '6b1f0000-0000-11f0-8000-000000000001',
  published: '2026-05-02T10:11:12.345Z',
  version: '0',
  eventType: 'user.session.start',
  severity: 'INFO',
  legacyEventType: 'core.user_auth.login_success',
  displayMessage: 'User login to Okta',
  actor: { id: '00u1', type: 'User', alternateId: 'user0001@acme.test', displayName: 'User 1', detailEntry: null },
  client: {
    userAgent: { rawUserAgent: 'Mozilla/5.0', os: 'Mac OS X', browser: 'CHROME' },
    zone: 'null',
    device: 'Computer',
    id: null,
    ipAddress: '198.51.100.7',
    geographicalContext: {
      city: 'Berlin',
      country: 'Germany',
      postalCode: '10115',
      geolocation: { lat: 52.5, lon: 13.4 },
    },
  },
  device: null,
  outcome: { result: 'SUCCESS', reason: null },
  target: [
    { id: '00u2', type: 'User', alternateId: 'user0002@acme.test', displayName: 'User 2', detailEntry: null },
    { id: '00g1', type: 'UserGroup', alternateId: 'unknown', displayName: 'Group 1' },
    { id: '0oa1', type: 'AppInstance', alternateId: 'App 1', displayName: 'App 1' },
  ],
  transaction: { type: 'WEB', id: 'Zx1', detail: { requestApiTokenId: '00T1' } },
  debugContext: {
    debugData: { requestUri: '/api/v1/authn', requestId: 'r1', privilegeGranted: 'Super administrator, Read only' },
  },
  authenticationContext: { externalSessionId: '102x', authenticationStep: 0, issuer: null },
  securityContext: { asNumber: 3320, asOrg: 'as', isp: 'isp', domain: 'isp.test', isProxy: false },
  request: { ipChain: [{ ip: '198.51.100.7', version: 'V4' }, { ip: '2001:db8::1' }] },
};
const typed = (eventType: string, more: object = {}) => activityOf({ ...whole, eventType, ...more }, context)!.event;

describe('the class of an event', () => {
  it.each([
    ['user.session.start', 3002, 1],
    ['user.session.end', 3002, 2],
    ['user.authentication.sso', 3002, 1],
    ['policy.evaluate_sign_on', 3002, 6],
    ['user.lifecycle.create', 3001, 1],
    ['user.lifecycle.suspend', 3001, 5],
    ['user.lifecycle.unsuspend', 3001, 2],
    ['user.lifecycle.delete.initiated', 3001, 6],
    ['user.account.lock', 3001, 9],
    ['user.account.unlock_by_admin', 3001, 12],
    ['user.account.reset_password', 3001, 4],
    ['user.account.update_profile', 3001, 99],
    ['user.mfa.factor.activate', 3001, 10],
    ['user.account.privilege.grant', 3005, 1],
    ['user.account.privilege.revoke', 3005, 2],
    ['application.user_membership.add', 3005, 1],
    ['app.oauth2.as.consent.revoke', 3005, 2],
    ['group.user_membership.add', 3006, 3],
    ['group.lifecycle.create', 3006, 6],
    ['group.privilege.grant', 3006, 1],
    ['application.lifecycle.create', 3004, 1],
    ['policy.rule.update', 3004, 3],
    ['system.api_token.revoke', 3004, 4],
    ['system.org.rate_limit.warning', 6003, 99],
    ['application.user_membership.show_password', 6003, 2],
    ['some.thing.new', 6003, 99],
  ])('%s is %i, activity %i', (type, classUid, activityId) => {
    expect(typed(type)).toMatchObject({ class_uid: classUid, activity_id: activityId, metadata: { event_code: type } });
  });

  it('is API Activity where the row has not what the class needs', () => {
    expect(typed('user.account.privilege.grant', { target: null, actor: null })).toMatchObject({ class_uid: 6003 });
    expect(typed('group.user_membership.add', { target: [{ type: 'UserGroup' }] })).toMatchObject({ class_uid: 6003 });
  });
});

it('says who, whom, what, from where', () => {
  expect(typed('user.account.privilege.grant')).toMatchObject({
    user: { uid: '00u2', name: 'user0002@acme.test' },
    actor: { user: { uid: '00u1', type_id: 1 }, session: { uid: '102x' } },
    privileges: ['Super administrator', 'Read only'],
    src_endpoint: { ip: '198.51.100.7', location: { city: 'Berlin', lat: 52.5 }, autonomous_system: { number: 3320 } },
    status_id: 1,
    time: Date.parse('2026-05-02T10:11:12.345Z'),
    unmapped: { transaction: { detail: { requestApiTokenId: '00T1' } } },
  });
});

it('marks our own calls by user agent or client id', () => {
  const agent = { client: { userAgent: { rawUserAgent: 'castellan/1 (abc)' } } };
  expect(typed('user.lifecycle.suspend', agent).metadata).toMatchObject({ labels: ['castellan-self'] });
  expect(typed('user.lifecycle.suspend', { actor: { id: '0oaself', type: 'PublicClientApp' } }).metadata).toMatchObject(
    {
      labels: ['castellan-self'],
    },
  );
  expect(typed('user.lifecycle.suspend').metadata).not.toHaveProperty('labels');
});

it('labels types that no family knows', () => {
  expect(typed('galaxy.hitchhiker.towel').metadata).toMatchObject({ labels: ['castellan-unknown-event'] });
  expect(typed('user.lifecycle.sing').metadata).not.toHaveProperty('labels');
});

it('keeps a row without an id once, and is null for what is no row', () => {
  const { uuid: _, ...row } = whole;
  expect(activityOf(row, context)!.vendorId).toBe(activityOf({ ...row }, context)!.vendorId);
  expect([null, 7, 'text', [], {}].map((value) => activityOf(value, context))).toEqual([null, null, null, null, null]);
});

/** Every variant of a row in which one member, at any depth, is missing, null, empty or of another type. */
function* damaged(value: unknown): Generator<unknown> {
  for (const replacement of [undefined, null, '', 'unknown', -1.5, [null, 'x'], { id: 5 }]) yield replacement;
  if (value === null || typeof value !== 'object') return;
  for (const key of Object.keys(value)) {
    for (const inner of damaged((value as Record<string, unknown>)[key])) {
      const copy = { ...(value as Record<string, unknown>) };
      if (inner === undefined) delete copy[key];
      else copy[key] = inner;
      yield copy;
    }
  }
}

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value as object).some(hasNull));

const specs = sharedFolder('CASTELLAN_SPECS', 'specs');
const samples = sharedFolder('CASTELLAN_SAMPLES', 'samples');
const types = [
  'user.session.start',
  'user.lifecycle.suspend',
  'user.account.privilege.grant',
  'group.user_membership.add',
  'application.lifecycle.create',
  'some.thing.new',
];

/** Wrong variants of a row; counting and collecting, since an `expect` a variant takes longer than the mapping. */
function judged(problemsOf: (record: ActivityRecord) => unknown): { seen: number; wrong: unknown[] } {
  const wrong: unknown[] = [];
  let seen = 0;
  for (const row of damaged(whole))
    for (const eventType of types) {
      const given = row !== null && typeof row === 'object' && !Array.isArray(row) ? { ...row, eventType } : row;
      const record = activityOf(given, context);
      const problems = record && problemsOf(record);
      if (record) seen += 1;
      if (problems && wrong.length < 5) wrong.push({ given, problems });
    }
  return { seen, wrong };
}

it('is a record without a null, however damaged the row', { timeout: 30_000 }, () => {
  const { seen, wrong } = judged((record) =>
    hasNull(record.event) ? 'a null' : activityRecord.safeParse(record).error?.issues,
  );
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(1500);
});

describe.runIf(specs)('under the OCSF 1.8 schemas', () => {
  const check = createOcsfValidator(specs!);
  it('every damaged variant is valid', { timeout: 30_000 }, () => {
    expect(judged(({ event }) => check(event)[0]).wrong).toEqual([]);
  });

  it.runIf(samples)('every sample event is valid, also trimmed', () => {
    const events = JSON.parse(readFileSync(`${samples}/okta-system-log.json`, 'utf8')) as Record<string, unknown>[];
    expect(events.length).toBeGreaterThan(10);
    for (const event of events) {
      const record = activityOf(event, context)!;
      expect({ type: event.eventType, problems: check(record.event) }).toEqual({ type: event.eventType, problems: [] });
      expect(record.raw).toBe(event);
      for (const key of Object.keys(event)) {
        const { [key]: _, ...rest } = event;
        expect(check(activityOf(rest, context)!.event)).toEqual([]);
        expect(check(activityOf({ ...event, [key]: null }, context)!.event)).toEqual([]);
      }
    }
  });
});
if (!specs) console.warn('OCSF schemas are not beside the project (CASTELLAN_SPECS): conformance was not checked');
if (!samples) console.warn('sample events are not beside the project (CASTELLAN_SAMPLES): only own rows were checked');
