import { hash } from 'node:crypto';
import { isOddKey, maxDepth, tooDeep } from './vendor-keys.ts';

export interface Canonical {
  text: string;
  /** Some member's name or the depth needs `toStorable` before it is stored. */
  odd: boolean;
}

/** JSON with the members of every object sorted by name: equal values give equal text. */
export function canonicalJson(value: unknown): Canonical {
  const found = { odd: false };
  return { text: write(value, found, 0) ?? 'null', odd: found.odd };
}

function write(value: unknown, found: { odd: boolean }, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return String(value);
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return 'null';
  if (value instanceof Date) return JSON.stringify(value);
  if (depth >= maxDepth) {
    found.odd = true;
    return `"${tooDeep}"`;
  }
  if (Array.isArray(value)) {
    let items = '';
    for (const [at, item] of value.entries())
      items += `${at === 0 ? '' : ','}${write(item, found, depth + 1) ?? 'null'}`;
    return `[${items}]`;
  }
  let members = '';
  for (const key of Object.keys(value).sort()) {
    if (isOddKey(key)) found.odd = true;
    const text = write((value as Record<string, unknown>)[key], found, depth + 1);
    if (text !== undefined) members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${text}`;
  }
  return `{${members}}`;
}

/** 132 bits of SHA-256 as 22 letters. */
export const recordHash = (canonical: string): string => hash('sha256', canonical, 'base64url').slice(0, 22);
