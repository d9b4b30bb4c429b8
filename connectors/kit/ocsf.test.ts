import { describe, expect, it } from 'vitest';
import { address, compact, emailAddress, having, ocsfEvent, text, timeOf, type OcsfInput } from './ocsf.ts';

describe('ocsfEvent', () => {
  const input = {
    class: 'authentication',
    activity: 1,
    time: 1000.7,
    severity: 1,
    status: 'success',
    product: { name: 'Acme', vendor: 'Acme' },
    attributes: { user: { name: 'a', uid: null }, src_endpoint: { ip: undefined } },
  } as const;

  it('numbers, names and leaves out what is absent', () => {
    expect(ocsfEvent(input)).toMatchObject({
      class_uid: 3002,
      type_uid: 300201,
      type_name: 'Authentication: Logon',
      time: 1000,
      status: 'Success',
      user: { name: 'a' },
      metadata: { version: '1.8.0' },
    });
    expect(ocsfEvent(input)).not.toHaveProperty('src_endpoint');
    expect(ocsfEvent(input)).not.toHaveProperty('unmapped');
    expect(ocsfEvent(input).metadata).not.toHaveProperty('labels');
  });

  it('makes an activity that the class does not know "other"', () => {
    expect(ocsfEvent({ ...input, activity: 55, activityName: 'dance' })).toMatchObject({
      activity_id: 99,
      activity_name: 'dance',
      type_uid: 300299,
    });
    expect(ocsfEvent({ ...input, activity: 0 })).toMatchObject({ activity_id: 0, activity_name: 'Unknown' });
  });

  it('keeps the word of another status and marks our own calls', () => {
    expect(ocsfEvent({ ...input, status: 'other', statusName: 'CHALLENGE', self: true })).toMatchObject({
      status_id: 99,
      status: 'CHALLENGE',
      metadata: { labels: ['castellan-self'] },
    });
  });

  it('labels events of unknown types, so that they can be counted', () => {
    const labels = (more: Partial<OcsfInput>) =>
      (ocsfEvent({ ...input, ...more }).metadata as { labels?: string[] }).labels;
    expect(labels({ class: 'apiActivity', activity: 99 })).toEqual(['castellan-unknown-event']);
    expect(labels({ class: 'apiActivity', activity: 2 })).toBeUndefined();
    expect(labels({ class: 'apiActivity', activity: 2, unknown: true, self: true })).toEqual([
      'castellan-self',
      'castellan-unknown-event',
    ]);
    expect(labels({ class: 'apiActivity', activity: 99, unknown: false })).toBeUndefined();
  });
});

it('compacts at any depth', () => {
  expect(compact({ a: null, b: [null, { c: '' }], d: { e: { f: undefined } }, g: 0, h: false, i: NaN })).toEqual({
    g: 0,
    h: false,
  });
  expect(compact({ a: [{}] })).toBeUndefined();
});

it.each([
  ['2026-05-02T10:11:12.345Z', Date.UTC(2026, 4, 2, 10, 11, 12, 345)],
  ['2022-03-22 14:21:53.225', Date.UTC(2022, 2, 22, 14, 21, 53, 225)],
  ['2020-11-25 21:27:03.496000000', Date.UTC(2020, 10, 25, 21, 27, 3, 496)],
  ['2026-05-02T10:11:12+02:00', Date.UTC(2026, 4, 2, 8, 11, 12)],
  [1_700_000_000, 1_700_000_000_000],
  [1_700_000_000_123, 1_700_000_000_123],
  ['redacted', undefined],
  [null, undefined],
  [{}, undefined],
])('reads %s as a time', (value, expected) => {
  expect(timeOf(value)).toBe(expected);
});

it('takes only what is an address, a mail address, a text', () => {
  expect(['1.2.3.4', '::1', 'cloudtrail.amazonaws.com', 'fe80::1%eth0', 7, null].map(address)).toEqual([
    '1.2.3.4',
    '::1',
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(['a@b.test', 'unknown', 'ä@b.test', 'a@b'].map(emailAddress)).toEqual([
    'a@b.test',
    undefined,
    undefined,
    undefined,
  ]);
  expect(['a', ' ', 5, true, {}, null].map(text)).toEqual(['a', undefined, '5', 'true', undefined, undefined]);
  expect(having({ name: '', uid: 'x' }, 'name', 'uid')).toEqual({ name: '', uid: 'x' });
  expect(having({ name: '' }, 'name')).toBeUndefined();
});
