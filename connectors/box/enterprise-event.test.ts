import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createOcsfValidator, sharedFolder } from '../../test/contract/ocsf-validator.ts';
import { activityRecord, type ActivityRecord } from '../records.ts';
import { activityOf, type EventContext } from './enterprise-event.ts';
import { touchedBy } from './touched.ts';

const context: EventContext = {
  receivedAt: new Date('2026-05-02T10:00:00Z'),
  source: 'admin-logs-streaming',
  ownUserId: '99',
  ownClientId: 'client1',
};
const item = {
  item_type: 'file',
  item_id: '12345',
  item_name: 'plan.pdf',
  parent: { type: 'folder', id: '987', name: 'HR' },
  owned_by: { type: 'user', id: '11', name: 'User 11', login: 'user0011@acme.test' },
};
const collaboration = {
  folder_id: '987',
  folder_name: 'HR',
  user_id: '77',
  user_name: 'User 77',
  owned_by: item.owned_by,
  parent: { type: 'folder', id: '1', name: 'All' },
};
const whole = {
  type: 'event',
  event_id: '45f43783-da1c-4b9f-a609-0dee9e4bdb93',
  event_type: 'UPLOAD',
  created_at: '2025-02-24T08:10:18-08:00',
  recorded_at: '2025-02-24T08:10:20-08:00',
  session_id: 's1',
  ip_address: '81.2.69.144',
  action_by: null,
  created_by: { type: 'user', id: '12', name: 'User 12', login: 'user0012@acme.test' },
  accessible_by: { type: 'user', id: '77', name: 'User 77', login: 'user0077@other.test' },
  source: item as Record<string, unknown> | null,
  additional_details: { size: 5, version_id: '777', service_id: 'svc', service_name: 'Box Sync', role: 'Editor' },
};
const user = { source: { type: 'user', id: '15', name: 'User 15', login: 'user0015@acme.test' } };
const typed = (event_type: string, more: object = {}) => activityOf({ ...whole, event_type, ...more }, context)!.event;

describe('the class of an event', () => {
  const group = { source: { group_id: '5', group_name: 'Staff', user_id: '15', user_name: 'User 15' } };
  it.each([
    ['UPLOAD', {}, 6006, 1],
    ['ITEM_UPLOAD', {}, 6006, 1],
    ['DOWNLOAD', {}, 6006, 2],
    ['EDIT', {}, 6006, 3],
    ['DELETE', {}, 6006, 4],
    ['RENAME', {}, 6006, 5],
    ['COPY', {}, 6006, 6],
    ['MOVE', {}, 6006, 7],
    ['UNDELETE', {}, 6006, 8],
    ['PREVIEW', {}, 6006, 9],
    ['SHARE', {}, 6006, 12],
    ['UNSHARE', {}, 6006, 13],
    ['COLLABORATION_INVITE', { source: collaboration }, 6006, 12],
    ['COLLABORATION_REMOVE', { source: collaboration }, 6006, 13],
    ['LOGIN', user, 3002, 1],
    ['FAILED_LOGIN', user, 3002, 1],
    ['ADD_LOGIN_ACTIVITY_DEVICE', user, 3002, 99],
    ['NEW_USER', user, 3001, 1],
    ['DELETE_USER', user, 3001, 6],
    ['EDIT_USER', user, 3001, 99],
    ['CHANGE_ADMIN_ROLE', user, 3005, 1],
    ['GROUP_ADD_USER', group, 3006, 3],
    ['GROUP_REMOVE_USER', group, 3006, 4],
    ['GROUP_CREATION', group, 3006, 6],
    ['SHIELD_ALERT', user, 6003, 99],
    ['APPLICATION_CREATED', { source: null }, 6003, 1],
    ['SOMETHING_ODD', { source: null }, 6003, 99],
  ])('%s is %j %i, activity %i', (type, more, classUid, activityId) => {
    expect(typed(type, more)).toMatchObject({ class_uid: classUid, activity_id: activityId });
  });

  it('is API Activity where the event has not what the class needs', () => {
    expect(typed('UPLOAD', { source: null })).toMatchObject({ class_uid: 6003 });
    expect(typed('GROUP_ADD_USER', { source: { user_id: '1' } })).toMatchObject({ class_uid: 6003 });
  });
});

it('says who, what, from where, when', () => {
  expect(typed('UPLOAD')).toMatchObject({
    actor: { user: { uid: '12', name: 'user0012@acme.test' }, app_name: 'Box Sync' },
    file: { name: 'plan.pdf', uid: '12345', type_id: 1, size: 5, version: '777', owner: { uid: '11' } },
    src_endpoint: { ip: '81.2.69.144' },
    time: Date.parse('2025-02-24T08:10:18-08:00'),
    metadata: { event_code: 'UPLOAD', uid: whole.event_id },
  });
  expect(typed('FAILED_LOGIN', user)).toMatchObject({ status_id: 2, severity_id: 3 });
  expect(typed('PREVIEW', { ip_address: 'Unknown IP', created_by: { id: '2', login: '' } })).toMatchObject({
    actor: { user: { name: 'anonymous', type_id: 99 } },
    src_endpoint: { svc_name: 'Box' },
  });
});

it('marks our own', () => {
  expect(typed('UPLOAD', { created_by: { id: '99' } }).metadata).toMatchObject({ labels: ['castellan-self'] });
  expect(typed('UPLOAD', { additional_details: '{"service_id":"client1"}' }).metadata).toHaveProperty('labels');
  expect(typed('UPLOAD').metadata).not.toHaveProperty('labels');
});

describe('what an event touches', () => {
  it.each([
    ['UPLOAD', {}, [{ kind: 'files', vendorId: 'file:12345', part: '11' }]],
    ['COLLABORATION_INVITE', { source: collaboration }, [{ kind: 'files', vendorId: 'folder:987', part: '11' }]],
    [
      'GROUP_ADD_ITEM',
      { source: { ...collaboration, group_id: '5' } },
      [{ kind: 'files', vendorId: 'folder:987', part: '11' }],
    ],
    ['DOWNLOAD', {}, []],
    ['PREVIEW', {}, []],
    ['LOGIN', user, []],
    ['UPLOAD', { source: null }, []],
    ['UPLOAD', { source: { item_type: 'folder', item_id: '0' } }, []],
    ['UPLOAD', { source: { item_type: 'file', item_id: '../1' } }, []],
    [
      'CHANGE_ADMIN_ROLE',
      user,
      [
        { kind: 'accounts', vendorId: '15', part: 'accounts' },
        { kind: 'privileges', vendorId: 'role:15', part: 'accounts' },
      ],
    ],
    [
      'GROUP_ADD_USER',
      { source: { group_id: '5', user_id: '15' } },
      [
        { kind: 'memberships', vendorId: '5:15', part: 'groups' },
        { kind: 'privileges', vendorId: 'group-admin:5:15', part: 'groups' },
      ],
    ],
  ])('%s %j', (event_type, more, refs) => {
    expect(touchedBy({ ...whole, accessible_by: null, event_type, ...more })).toEqual(refs);
  });
});

it('keeps an event without an id once, and is null for what is no event', () => {
  const { event_id: _, ...event } = whole;
  expect(activityOf(event, context)!.vendorId).toBe(activityOf({ ...event }, context)!.vendorId);
  expect([null, 7, 'text', [], {}].map((value) => activityOf(value, context))).toEqual([null, null, null, null, null]);
});

/** Every variant of an event in which one member, at any depth, is missing, null, empty or of another type. */
function* damaged(value: unknown): Generator<unknown> {
  for (const replacement of [undefined, null, '', 'unknown', -1.5, [null, 'x'], { id: 5 }]) yield replacement;
  if (value === null || typeof value !== 'object') return;
  for (const key of Object.keys(value))
    for (const inner of damaged((value as Record<string, unknown>)[key])) {
      const copy = { ...(value as Record<string, unknown>) };
      if (inner === undefined) delete copy[key];
      else copy[key] = inner;
      yield copy;
    }
}

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value as object).some(hasNull));

const types = ['UPLOAD', 'COLLABORATION_INVITE', 'LOGIN', 'NEW_USER', 'CHANGE_ADMIN_ROLE', 'GROUP_ADD_USER', 'NEW'];
const sources = [item, collaboration, user.source, { group_id: '5', group_name: 'Staff', user_id: '15' }];

function judged(problemsOf: (record: ActivityRecord) => unknown): { seen: number; wrong: unknown[] } {
  const wrong: unknown[] = [];
  let seen = 0;
  for (const source of sources)
    for (const row of damaged({ ...whole, source }))
      for (const event_type of types) {
        const given = row !== null && typeof row === 'object' && !Array.isArray(row) ? { ...row, event_type } : row;
        const record = activityOf(given, context);
        const problems = record && problemsOf(record);
        touchedBy(given);
        if (record) seen += 1;
        if (problems && wrong.length < 5) wrong.push({ given, problems });
      }
  return { seen, wrong };
}

it('is a record without a null, however damaged the event', { timeout: 30_000 }, () => {
  const { seen, wrong } = judged((record) =>
    hasNull(record.event) ? 'a null' : activityRecord.safeParse(record).error?.issues,
  );
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(1500);
});

const specs = sharedFolder('CASTELLAN_SPECS', 'specs');
const samples = sharedFolder('CASTELLAN_SAMPLES', 'samples');
describe.runIf(specs)('under the OCSF 1.8 schemas', () => {
  const check = createOcsfValidator(specs!);
  it('every damaged variant is valid', { timeout: 60_000 }, () => {
    expect(judged(({ event }) => check(event)[0]).wrong).toEqual([]);
  });

  it.runIf(samples)('every sample event is valid, also trimmed', () => {
    const events = JSON.parse(readFileSync(`${samples}/box-enterprise-events.json`, 'utf8')) as Record<
      string,
      unknown
    >[];
    expect(events.length).toBeGreaterThan(5);
    for (const event of events) {
      const record = activityOf(event, context)!;
      expect({ type: event.event_type, problems: check(record.event) }).toEqual({
        type: event.event_type,
        problems: [],
      });
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
if (!samples)
  console.warn('sample events are not beside the project (CASTELLAN_SAMPLES): only own events were checked');
