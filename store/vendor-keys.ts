/**
 * Names of members that BSON or its JavaScript driver would refuse or turn into something else: zero bytes end a name,
 * `_bsontype` and `$ref` make a value look like one of the driver's own classes. They are stored percent-encoded.
 */
const odd = /[\0%]|^\$(?:ref|id|db)$|^_bsontype$/;

export const isOddKey = (key: string): boolean => odd.test(key);

const percent = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

function encode(key: string): string {
  if (!isOddKey(key)) return key;
  const safe = key.replace(/[\0%]/g, percent);
  return isOddKey(key) && safe === key ? percent(key.charAt(0)) + key.slice(1) : safe;
}

const decode = (key: string): string =>
  key.includes('%') ? key.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))) : key;

/** MongoDB refuses documents nested deeper than 100 levels, of which the record itself takes some. */
export const maxDepth = 60;
export const tooDeep = '[nested too deeply]';

function mapKeys(value: unknown, rename: (key: string) => string, depth: number): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (depth >= maxDepth) return tooDeep;
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename, depth + 1));
  // Not by assignment: a member named `__proto__` would become the prototype.
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [rename(key), mapKeys(member, rename, depth + 1)]),
  );
}

/** A copy that MongoDB can hold. */
export const toStorable = (value: unknown): unknown => mapKeys(value, encode, 0);

/** What `toStorable` was given, but for what was nested too deeply. */
export const fromStorable = (value: unknown): unknown => mapKeys(value, decode, -1);
