import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSeal, keyIdOf, parseMasterKey, SealError, type SealPlace } from './seal.ts';

const key = randomBytes(32);
const place: SealPlace = { connectionId: 'con_a', field: 'credential', version: 3 };
const secret = { token: 'canary-9f2b', nested: { list: [1, 'ü'] } };

describe('a seal', () => {
  test('gives back what was sealed', () => {
    const seal = createSeal(key);
    expect(seal.unseal(seal.seal(secret, place), place)).toEqual(secret);
  });

  test('shows nothing of it, and never looks the same twice', () => {
    const seal = createSeal(key);
    const [one, two] = [seal.seal(secret, place), seal.seal(secret, place)];
    expect(JSON.stringify(one)).not.toContain('canary');
    expect(Buffer.from(one.data, 'base64').toString('latin1')).not.toContain('canary');
    expect(one.data).not.toBe(two.data);
    expect(one.wrapped).not.toBe(two.wrapped);
    expect(one.keyId).toBe(keyIdOf(key));
  });

  test.each<[string, Partial<SealPlace>]>([
    ['connection', { connectionId: 'con_b' }],
    ['field', { field: 'webhookSecret' }],
    ['version', { version: 4 }],
  ])('does not open for another %s', (_what, other) => {
    const seal = createSeal(key);
    expect(() => seal.unseal(seal.seal(secret, place), { ...place, ...other })).toThrow(SealError);
  });

  test('binds the data too, not only its key', () => {
    const seal = createSeal(key);
    const [one, two] = [seal.seal(secret, place), seal.seal(secret, place)];
    expect(() => seal.unseal({ ...one, data: two.data, iv: two.iv, tag: two.tag }, place)).toThrow(SealError);
  });

  test.each(['wrapped', 'iv', 'data', 'tag'] as const)('notices a changed %s', (member) => {
    const seal = createSeal(key);
    const sealed = seal.seal(secret, place);
    const bytes = Buffer.from(sealed[member], 'base64');
    bytes[bytes.length - 1]! ^= 1;
    expect(() => seal.unseal({ ...sealed, [member]: bytes.toString('base64') }, place)).toThrow(/damaged/);
  });

  test('accepts no shortened tag', () => {
    const seal = createSeal(key);
    const sealed = seal.seal(secret, place);
    const tag = Buffer.from(sealed.tag, 'base64').subarray(0, 4).toString('base64');
    expect(() => seal.unseal({ ...sealed, tag }, place)).toThrow(SealError);
  });

  test('names the key that is missing, and no secret', () => {
    const sealed = createSeal(key).seal(secret, place);
    const other = createSeal(randomBytes(32));
    expect(() => other.unseal(sealed, place)).toThrow(new RegExp(`credential of con_a .* key ${keyIdOf(key)}`));
  });

  test('cannot be made without a key, nor of nothing', () => {
    expect(() => createSeal(null).seal(secret, place)).toThrow(/CASTELLAN_KEY/);
    expect(() => createSeal(key).seal(undefined, place)).toThrow(SealError);
    expect(() => createSeal(randomBytes(16))).toThrow(SealError);
  });
});

describe('a rotation', () => {
  const newKey = randomBytes(32);

  test('opens what the old key sealed, and seals with the new one', () => {
    const sealed = createSeal(key).seal(secret, place);
    const seal = createSeal(newKey, [key]);
    expect(seal.unseal(sealed, place)).toEqual(secret);
    expect(seal.seal(secret, place).keyId).toBe(keyIdOf(newKey));
  });

  test('wraps anew, so that the old key can go, and leaves the data alone', () => {
    const sealed = createSeal(key).seal(secret, place);
    const rewrapped = createSeal(newKey, [key]).rewrap(sealed, place);
    expect(rewrapped).toMatchObject({ keyId: keyIdOf(newKey), data: sealed.data });
    expect(createSeal(newKey).unseal(rewrapped!, place)).toEqual(secret);
    expect(createSeal(newKey).rewrap(rewrapped!, place)).toBeNull();
  });

  test('wraps nothing for another place', () => {
    const sealed = createSeal(key).seal(secret, place);
    expect(() => createSeal(newKey, [key]).rewrap(sealed, { ...place, version: 9 })).toThrow(SealError);
  });
});

describe('a master key', () => {
  test.each(['hex', 'base64', 'base64url'] as const)('is read from %s', (encoding) => {
    expect(parseMasterKey(` ${key.toString(encoding)}\n`)).toEqual(key);
  });

  test.each(['', 'password', randomBytes(16).toString('hex'), randomBytes(33).toString('base64')])(
    'is not %j',
    (text) => {
      expect(() => parseMasterKey(text)).toThrow(/32 bytes/);
    },
  );
});
