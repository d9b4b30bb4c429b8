import { expect, it } from 'vitest';
import { activityRecordOf, type TrailEvent } from './ocsf.ts';
import type { AwsSession } from './settings.ts';
import { touchedBy } from './touched.ts';

const session = {
  settings: {},
  identity: { accessKeyId: 'AKIAOURS' },
  now: () => new Date('2026-05-02T12:00:00Z'),
} as unknown as AwsSession;
const classOf = (event: TrailEvent) => activityRecordOf(event, 'test', session).event.class_uid;
const iam = (eventName: string, requestParameters: object, more: object = {}): TrailEvent => ({
  eventID: 'e1',
  eventTime: '2026-05-02T10:11:12Z',
  eventSource: 'iam.amazonaws.com',
  eventName,
  requestParameters,
  userIdentity: { type: 'IAMUser', principalId: 'AIDA1', userName: 'amy', accessKeyId: 'AKIATHEIRS' },
  ...more,
});

it.each([
  [iam('CreateUser', { userName: 'bob' }), 3001],
  [iam('CreateAccessKey', {}), 3001],
  [iam('AttachUserPolicy', { userName: 'bob', policyArn: 'arn:aws:iam::aws:policy/X' }), 3005],
  [iam('PutRolePolicy', { roleName: 'r', policyName: 'p' }), 3005],
  [iam('AddUserToGroup', { userName: 'bob', groupName: 'g' }), 3006],
  [iam('CreateUser', {}), 6003],
  [iam('NoSuchThing', { userName: 'bob' }), 6003],
  [{ ...iam('ConsoleLogin', {}), eventSource: 'signin.amazonaws.com' }, 3002],
  [{ ...iam('GetObject', { bucketName: 'b', key: 'k' }), eventSource: 's3.amazonaws.com' }, 6006],
  [{ ...iam('GetObject', { bucketName: 'b' }), eventSource: 's3.amazonaws.com' }, 6003],
  [{}, 6003],
])('puts %j into its class %i', (event, expected) => {
  expect(classOf(event)).toBe(expected);
});

it('fails what failed, keeps the record, and marks our own calls', () => {
  const failed = activityRecordOf(
    iam('ConsoleLogin', {}, { eventSource: 'signin.amazonaws.com', responseElements: { ConsoleLogin: 'Failure' } }),
    'test',
    session,
  );
  expect(failed.event).toMatchObject({ status_id: 2, user: { uid: 'AIDA1', name: 'amy' } });
  expect(failed.raw).toMatchObject({ eventName: 'ConsoleLogin' });
  const ours = activityRecordOf(
    iam('ListUsers', {}, { userIdentity: { accessKeyId: 'AKIAOURS', arn: 'a:b/c' } }),
    'test',
    session,
  );
  expect(ours.event).toMatchObject({ metadata: { labels: ['castellan-self'] } });
  expect(failed.event).not.toHaveProperty('metadata.labels');
});

it('gives a record without an id one that is the same each time', () => {
  const one = activityRecordOf({ eventName: 'X' }, 'test', session).vendorId;
  expect(one).toMatch(/^sha256:/);
  expect(activityRecordOf({ eventName: 'X' }, 'test', session).vendorId).toBe(one);
  expect(activityRecordOf({ eventName: 'Y' }, 'test', session).vendorId).not.toBe(one);
});

it('touches what changed, and nothing for reads and failures', () => {
  expect(touchedBy(iam('RemoveUserFromGroup', { userName: 'bob', groupName: 'g' }))).toEqual([
    { kind: 'accounts', vendorId: 'name:bob' },
    { kind: 'groups', vendorId: 'name:g' },
    { kind: 'memberships', vendorId: 'name:g/name:bob' },
  ]);
  expect(touchedBy({ ...iam('PutBucketPolicy', { bucketName: 'b' }), eventSource: 's3.amazonaws.com' })).toEqual([
    { kind: 'files', vendorId: 'b', part: 'b' },
  ]);
  expect(touchedBy(iam('GetUser', { userName: 'bob' }, { readOnly: true }))).toEqual([]);
  expect(touchedBy(iam('CreateUser', { userName: 'bob' }, { errorCode: 'AccessDenied' }))).toEqual([]);
});
