import type { z } from 'zod';
import type { Answer, Call } from '../call.ts';
import type { Skipped } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { markerPage, offsetPage } from './schemas.ts';
import { apiOrigin, type BoxSession } from './settings.ts';

export type Query = Record<string, string | number | boolean | undefined>;
type Options = Pick<Call, 'accept' | 'body' | 'headers'> & { query?: Query };

/** `operation` is the path as Box's API description has it; `path` may hold ids. */
export function call(
  session: BoxSession,
  method: string,
  operation: string,
  path: string,
  { query = {}, ...options }: Options = {},
): Promise<Answer> {
  const url = new URL(`${apiOrigin(session.settings)}/2.0${path}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return session.fetch({ method, url, operation: `${method} ${operation}`, ...options });
}

/** A segment of a path made of an id that came from elsewhere. */
export function segment(id: string): string {
  if (!/^\w{1,40}$/.test(id)) throw new Failure('invalid', 'not an id of Box');
  return id;
}

/** A list's rows that have the expected shape; the others are told, not dropped silently. */
export function rowsOf<T extends z.ZodType>(list: readonly unknown[], schema: T) {
  const rows: z.output<T>[] = [];
  const skipped: Skipped[] = [];
  for (const entry of list) {
    const parsed = schema.safeParse(entry);
    if (parsed.success) rows.push(parsed.data);
    else skipped.push({ why: `unexpected shape at ${parsed.error.issues[0]?.path.join('.') || 'the top'}` });
  }
  return { rows, skipped };
}

export interface ListPage<T> {
  rows: T[];
  skipped: Skipped[];
  /** The marker or offset of the next page. */
  next?: string;
}

const longestMarker = 4000;

export async function listByMarker<T extends z.ZodType>(
  session: BoxSession,
  operation: string,
  path: string,
  schema: T,
  { marker, accept, query }: { marker?: string; accept?: readonly number[]; query?: Query } = {},
): Promise<ListPage<z.output<T>>> {
  // Markers end at some time. Where that is no answer to the caller, its part begins again.
  const placed = marker !== undefined && !accept?.includes(400);
  const answer = await call(session, 'GET', operation, path, {
    accept: placed ? [...(accept ?? []), 400] : accept,
    query: { ...query, marker },
  });
  if (placed && answer.status === 400)
    throw new Failure('restart', `GET ${operation}: the position in the list is no longer taken`);
  if (answer.status >= 300) return { rows: [], skipped: [] };
  const page = answer.json(markerPage);
  const next = page.next_marker === undefined || page.next_marker === null ? '' : String(page.next_marker);
  if (next.length > longestMarker) throw new Failure('unavailable', `GET ${operation}: the marker is too long`);
  if (next !== '' && next === marker) throw new Failure('unavailable', `GET ${operation} repeats a page`);
  return { ...rowsOf(page.entries, schema), ...(next !== '' ? { next } : {}) };
}

/** Box refuses offsets above this. */
export const largestOffset = 10_000;

export async function listByOffset<T extends z.ZodType>(
  session: BoxSession,
  operation: string,
  path: string,
  schema: T,
  { offset = 0, limit = 1000, accept, query }: { offset?: number; limit?: number; accept?: number[]; query?: Query },
): Promise<ListPage<z.output<T>> & { total: number; beyond?: string }> {
  const answer = await call(session, 'GET', operation, path, { accept, query: { ...query, limit, offset } });
  if (answer.status >= 300) return { rows: [], skipped: [], total: 0 };
  const page = answer.json(offsetPage);
  const { rows, skipped } = rowsOf(page.entries, schema);
  // By the limit that was used, not by the rows: what we may not see counts.
  const next = offset + (page.limit ?? limit);
  const total = page.total_count;
  if (next >= total) return { rows, skipped, total };
  if (next > largestOffset) {
    const beyond = `${total - next} more of GET ${operation}: Box lists none beyond ${largestOffset}`;
    return { rows, skipped: [...skipped, { why: beyond }], total, beyond };
  }
  return { rows, skipped, total, next: String(next) };
}

/** More pages than a list of one object has; past it the paging does not end. */
const mostPages = 500;

/** All pages of a short list. */
export async function all<T>(page: (next: string | undefined) => Promise<ListPage<T>>): Promise<ListPage<T>> {
  const rows: T[] = [];
  const skipped: Skipped[] = [];
  let next: string | undefined;
  let pages = 0;
  do {
    if (pages++ >= mostPages) throw new Failure('unavailable', 'a list of Box does not end', { who: 'vendor' });
    const read = await page(next);
    rows.push(...read.rows);
    skipped.push(...read.skipped);
    next = read.next;
  } while (next !== undefined);
  return { rows, skipped };
}

/** What a session has read once and may use again. */
const memory = new WeakMap<BoxSession, Map<string, Promise<unknown>>>();
export function remembered<T>(session: BoxSession, key: string, read: () => Promise<T>): Promise<T> {
  let known = memory.get(session);
  if (!known) memory.set(session, (known = new Map()));
  let value = known.get(key) as Promise<T> | undefined;
  if (!value) {
    value = read();
    const held = known;
    held.set(key, value);
    value.catch(() => held.delete(key));
  }
  return value;
}

/** Box writes times with an offset, and they are never compared as text. */
export const dateOf = (value: string | null | undefined): Date | undefined => {
  const date = new Date(value ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
};
export const textOf = (value: string | null | undefined): string | undefined => value || undefined;
