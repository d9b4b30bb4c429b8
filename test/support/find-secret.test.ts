import { describe, expect, it } from 'vitest';
import { findSecret } from './find-secret.ts';

const canary = '00canary/With+odd=letters?0123456789';
const found = (text: string) => findSecret(Buffer.from(text), { canary });

describe('looking for a secret', () => {
  it('finds it raw, in a URL, in JSON, in hex and in base64 of whatever it stands in', () => {
    expect(found(`token=${canary};`)).toContain('canary raw');
    expect(found(`?q=${encodeURIComponent(canary)}`)).toContain('canary in a URL');
    expect(found(JSON.stringify({ a: JSON.stringify({ b: `${canary}"` }) }))).not.toEqual([]);
    expect(found(Buffer.from(canary).toString('hex'))).toEqual(['canary in hex']);
    for (const before of ['', 'x', 'xy', 'xyz', 'Basic ']) {
      const text = `${before}${canary}:password`;
      expect(found(Buffer.from(text).toString('base64')), before).not.toEqual([]);
      expect(found(Buffer.from(text).toString('base64url')), before).not.toEqual([]);
    }
  });

  it('finds nothing where it is not', () => {
    expect(found('00canary and With+odd=letters?0123456789')).toEqual([]);
    expect(found('')).toEqual([]);
  });
});
