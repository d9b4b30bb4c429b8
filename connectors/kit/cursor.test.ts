import { expect, it } from 'vitest';
import { z } from 'zod';
import { createCursor } from './cursor.ts';

const cursor = createCursor(2, z.object({ stack: z.array(z.string()) }));

it('comes back as it was written, and as plain text', () => {
  const text = cursor.write({ stack: ['groups?after=1', 'ä'] });
  expect(text).toMatch(/^[\w-]+$/);
  expect(cursor.read(text)).toEqual({ stack: ['groups?after=1', 'ä'] });
});

it.each(['', 'nonsense', createCursor(1, z.object({ stack: z.array(z.string()) })).write({ stack: [] })])(
  'begins the part again when it cannot be read: %s',
  (text) => {
    expect(() => cursor.read(text)).toThrow(expect.objectContaining({ kind: 'restart' }));
  },
);
