import { hash } from 'node:crypto';
import { isOddKey, maxDepth, tooDeep } from './vendor-keys.ts';

export interface Canonical {
  text: string;
  /** Some member's name or the depth needs `toStorable` before it is stored. */
  odd: boolean;
}

/** Names come back in every record: what there is to know of one is worked out once. */
const names = new Map<string, { quoted: string; odd: boolean }>();
const namesMost = 20_000;

function nameOf(key: string): { quoted: string; odd: boolean } {
  let name = names.get(key);
  if (!name) {
    if (names.size >= namesMost) names.clear();
    name = { quoted: `${JSON.stringify(key)}:`, odd: isOddKey(key) };
    names.set(key, name);
  }
  return name;
}

/** JSON with the members of every object sorted by name: equal values give equal text. Members in `without` are left out. */
export function canonicalJson(value: unknown, without: readonly string[] = []): Canonical {
  const found = { odd: false };
  return { text: write(value, found, 0, without) ?? 'null', odd: found.odd };
}

const nothing: readonly string[] = [];

/** Most texts need no escape, and finding that out costs less than the general way. */
const plain = /^[ !#-[\]-~]*$/;

function write(
  value: unknown,
  found: { odd: boolean },
  depth: number,
  without: readonly string[] = nothing,
): string | undefined {
  switch (typeof value) {
    case 'string':
      return plain.test(value) ? `"${value}"` : JSON.stringify(value);
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
  if (value instanceof Date) return `"@${value.getTime()}"`;
  if (depth >= maxDepth) {
    found.odd = true;
    return `"${tooDeep}"`;
  }
  let text = '';
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) {
      if (at > 0) text += ',';
      text += write(value[at], found, depth + 1) ?? 'null';
    }
    return `[${text}]`;
  }
  const keys = Object.keys(value);
  if (keys.length > 1) keys.sort();
  for (const key of keys) {
    if (without.length > 0 && without.includes(key)) continue;
    const member = write((value as Record<string, unknown>)[key], found, depth + 1);
    if (member === undefined) continue;
    const name = nameOf(key);
    if (name.odd) found.odd = true;
    if (text !== '') text += ',';
    text += name.quoted + member;
  }
  return `{${text}}`;
}

/** 132 bits of SHA-256 as 22 letters. */
export const recordHash = (canonical: string): string => hash('sha256', canonical, 'base64url').slice(0, 22);
