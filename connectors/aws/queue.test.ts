import { expect, it } from 'vitest';
import { readNotices } from './queue.ts';

const s3 = (key: string) => ({
  Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'docs-b' }, object: { key, size: 5 } } }],
});

it('reads the form-encoded key of a notification', () => {
  expect(readNotices(JSON.stringify(s3('a+dir/f%2B1.txt')))).toEqual({
    notices: [{ bucket: 'docs-b', key: 'a dir/f+1.txt' }],
    bad: 0,
  });
});

it('takes a key that does not decode as it stands', () => {
  expect(readNotices(JSON.stringify(s3('100%')))?.notices).toEqual([{ bucket: 'docs-b', key: '100%' }]);
});

it('reads the same inside SNS, and the form of EventBridge, whose key is not encoded', () => {
  const inside = { Type: 'Notification', Message: JSON.stringify(s3('a+b')) };
  expect(readNotices(JSON.stringify(inside))?.notices).toEqual([{ bucket: 'docs-b', key: 'a b' }]);
  const bridged = { source: 'aws.s3', detail: { bucket: { name: 'docs-b' }, object: { key: 'a+b' } } };
  expect(readNotices(JSON.stringify(bridged))?.notices).toEqual([{ bucket: 'docs-b', key: 'a+b' }]);
});

it('has nothing to tell of the validation message, and knows what is no notification', () => {
  const validation = { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'docs-b' };
  expect(readNotices(JSON.stringify(validation))).toEqual({ notices: [], bad: 0 });
  expect(readNotices('not json')).toBeUndefined();
  expect(readNotices('{"Type":"Notification","Message":"{"}')).toBeUndefined();
  expect(readNotices('{"hello":1}')).toBeUndefined();
  expect(readNotices(JSON.stringify({ Records: [{}, s3('k').Records[0]] }))).toEqual({
    notices: [{ bucket: 'docs-b', key: 'k' }],
    bad: 1,
  });
});
