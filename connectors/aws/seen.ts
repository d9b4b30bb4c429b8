import { createHash } from 'node:crypto';

/** Short marks of what was handled, for a checkpoint: 48 bits each, so two of ten thousand collide once in six million. */
export const markOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 8);
