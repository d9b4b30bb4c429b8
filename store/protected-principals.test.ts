import { expect, it } from 'vitest';
import { protectedAmong } from './protected-principals.ts';

it('finds who is protected by any name: addresses however they are written, ids as they are', () => {
  const listed = ['Boss@Acme.test', '00uAbC'];
  expect(protectedAmong(listed, ['7', 'boss@acme.TEST'])).toBe('boss@acme.TEST');
  expect(protectedAmong(listed, ['00uAbC'])).toBe('00uAbC');
  expect(protectedAmong(listed, ['00uabc', 'boss'])).toBeUndefined();
  expect(protectedAmong([], ['00uAbC'])).toBeUndefined();
});
