import { expect, test } from 'vitest';
import { afterCursor, BadCursor, fromCursor, pageOf, toCursor } from './paging.ts';

test('a cursor comes back as it was', () => {
  expect(fromCursor(toCursor([17, 'act_é/"']), ['number', 'string'])).toEqual([17, 'act_é/"']);
});

test('a number without end is none', () => {
  expect(() => fromCursor(Buffer.from('[1e999]').toString('base64url'), ['number'])).toThrow(BadCursor);
});

test.each([
  '',
  'not a cursor',
  '%%%',
  Buffer.from('{"$gt":""}').toString('base64url'),
  Buffer.from('[17,{"$gt":""}]').toString('base64url'),
  Buffer.from('[17]').toString('base64url'),
  Buffer.from('[17,"a","b"]').toString('base64url'),
  Buffer.from('["17","a"]').toString('base64url'),
  Buffer.from('[1e999,"a"]').toString('base64url'),
  Buffer.from('[1e300,"a"]').toString('base64url'),
])('%j is no cursor', (cursor) => {
  expect(() => afterCursor(cursor)).toThrow(BadCursor);
});

test('the last page has no next', () => {
  const item = (n: number) => ({ _id: `id${n}`, createdAt: new Date(n) });
  expect(pageOf([item(2), item(1)], 2)).toEqual({ items: [item(2), item(1)] });
  const page = pageOf([item(3), item(2), item(1)], 2);
  expect(page.items).toHaveLength(2);
  expect(fromCursor(page.next!, ['number', 'string'])).toEqual([2, 'id2']);
});
