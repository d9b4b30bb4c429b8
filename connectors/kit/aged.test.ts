import { expect, it } from 'vitest';
import { createAged } from './aged.ts';

const at = (ms: number) => new Date(ms);

it('knows something for a while, also where the clock was set back', () => {
  const aged = createAged<string>({ forMs: 10, most: 5 });
  aged.set('a', 'known', at(100));
  expect(aged.get('a', at(109))).toBe('known');
  expect(aged.get('a', at(110))).toBeUndefined();
  expect(aged.get('a', at(99))).toBeUndefined();
  expect(aged.get('b', at(100))).toBeUndefined();
});

it('keeps the newest of too many', () => {
  const aged = createAged<number>({ forMs: 10, most: 2 });
  for (const key of ['a', 'b', 'a', 'c']) aged.set(key, 1, at(0));
  expect(['a', 'b', 'c'].map((key) => aged.get(key, at(0)))).toEqual([1, undefined, 1]);
});
