import { z } from 'zod';
import { Failure } from './failures.ts';

/**
 * A position as opaque text and back: base64url of `[version, value]`. Nested lists keep a stack in the value. A text of
 * another version, or one that does not fit, is a Failure `restart`: the part is begun again, nothing is guessed.
 */
export function createCursor<T extends z.ZodType>(version: number, schema: T) {
  const whole = z.tuple([z.literal(version), schema]);
  return {
    write: (value: z.output<T>): string => Buffer.from(JSON.stringify([version, value])).toString('base64url'),
    read(text: string): z.output<T> {
      try {
        return whole.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))[1] as z.output<T>;
      } catch (cause) {
        throw new Failure('restart', 'the stored position cannot be read by this version', {}, { cause });
      }
    },
  };
}
