/** Deterministic random numbers in [0, 1): the same seed gives the same tenant, faults and ids on every machine. */
export type Random = () => number;

/** A 32-bit generator (the mulberry32 recurrence); good enough to spread data, never used for secrets. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One of the given values. */
export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Base-62 text of the given length. */
export function letters(random: Random, length: number): string {
  let text = '';
  for (let at = 0; at < length; at++) text += ALPHABET[Math.floor(random() * 62)];
  return text;
}

/** A number in base 62, padded to `length`. */
export function base62(value: number, length: number): string {
  let text = '';
  for (let left = value; left > 0 || text === ''; left = Math.floor(left / 62)) text = ALPHABET[left % 62] + text;
  return text.padStart(length, '0');
}

/** A version 4 shaped uuid from the seed. */
export function seededUuid(random: Random): string {
  const hex = () =>
    Math.floor(random() * 0x10000)
      .toString(16)
      .padStart(4, '0');
  return `${hex()}${hex()}-${hex()}-4${hex().slice(1)}-${(8 + Math.floor(random() * 4)).toString(16)}${hex().slice(1)}-${hex()}${hex()}${hex()}`;
}
