import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Answer, Call } from '../call.ts';
import type { Session } from '../connector.ts';
import type { Skipped } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { anyList } from './schemas.ts';
import { originOf, type Settings } from './settings.ts';

export type OktaSession = Session<Settings>;

/** How our own calls are known again in the System Log: Okta keeps the user agent of every request. */
export const ownUserAgent = (connectionId: string) =>
  `castellan/1 (${createHash('sha256').update(connectionId).digest('hex').slice(0, 16)})`;

/** A call by path. `operation` is the path as Okta's API description has it; `path` may hold ids and a query. */
export function call(
  session: OktaSession,
  method: string,
  operation: string,
  path: string,
  options: Pick<Call, 'accept' | 'body' | 'timeoutMs'> = {},
): Promise<Answer> {
  return session.fetch({
    method,
    url: `${originOf(session.settings)}${path}`,
    operation: `${method} ${operation}`,
    headers: { 'user-agent': ownUserAgent(session.connectionId) },
    ...options,
  });
}

/** A segment of a path made of an id that came from elsewhere. */
export function segment(id: string): string {
  // '.' and '..' survive encoding and would climb out of their place.
  if (/^\.*$/.test(id)) throw new Failure('invalid', 'an Okta id cannot be empty or made of dots');
  return encodeURIComponent(id);
}

/** A list's rows that have the expected shape; the others are told, not dropped silently. */
export function rowsOf<T extends z.ZodType>(list: readonly unknown[] | null | undefined, schema: T) {
  const rows: z.output<T>[] = [];
  const skipped: Skipped[] = [];
  for (const item of list ?? []) {
    const parsed = schema.safeParse(item);
    if (parsed.success) rows.push(parsed.data);
    else skipped.push({ why: `unexpected shape at ${parsed.error.issues[0]?.path.join('.') || 'the top'}` });
  }
  return { rows, skipped };
}

/** The path and query of an address on the org's own origin; what a cursor keeps of it. */
export function pathOf(session: OktaSession, address: string): string {
  const origin = originOf(session.settings);
  const url = URL.canParse(address, origin) ? new URL(address, origin) : undefined;
  if (url?.origin !== origin || url.username || url.password)
    throw new Failure('unavailable', 'the answer leads to another origin, which is refused', { who: 'vendor' });
  return url.pathname + url.search;
}

export interface ListPage<T> {
  rows: T[];
  skipped: Skipped[];
  /** Path and query of the next page. */
  next?: string;
  /** Rows as they were sent, before any was refused. */
  length: number;
}

/** How Okta refuses an `after` that it no longer knows. What follows it is not read, so it must not look like the end. */
export const placeGone = [400, 404, 410];
export const isPlaced = (path: string): boolean => /[?&]after=/.test(path);
export const noSuchPlace = (operation: string): Failure =>
  new Failure('restart', `GET ${operation}: the position in the list is no longer taken`);

/** One page of a list: rows, and where the next page is. */
export async function list<T extends z.ZodType>(
  session: OktaSession,
  operation: string,
  path: string,
  schema: T,
  accept: readonly number[] = [],
): Promise<ListPage<z.output<T>>> {
  const placed = isPlaced(path);
  const answer = await call(session, 'GET', operation, path, { accept: placed ? [...accept, ...placeGone] : accept });
  if (placed && placeGone.includes(answer.status)) throw noSuchPlace(operation);
  if (answer.status >= 300) return { rows: [], skipped: [], length: 0 };
  const sent = answer.json(anyList);
  const next = answer.link('next');
  return { ...rowsOf(sent, schema), length: sent.length, next: next === undefined ? undefined : pathOf(session, next) };
}

/** More pages than any one user's or group's list has; past it the vendor's paging does not end. */
const mostPages = 500;

/** All pages of a short list. */
export async function listAll<T extends z.ZodType>(
  session: OktaSession,
  operation: string,
  path: string,
  schema: T,
  accept: readonly number[] = [],
): Promise<{ rows: z.output<T>[]; skipped: Skipped[] }> {
  const rows: z.output<T>[] = [];
  const skipped: Skipped[] = [];
  let next: string | undefined = path;
  for (let pages = 0; next !== undefined; pages++) {
    if (pages >= mostPages) throw new Failure('unavailable', `GET ${operation} does not end`, { who: 'vendor' });
    const page: ListPage<z.output<T>> = await list(session, operation, next, schema, accept);
    rows.push(...page.rows);
    skipped.push(...page.skipped);
    next = page.next;
  }
  return { rows, skipped };
}

export const dateOf = (value: string | null | undefined): Date | undefined => {
  const date = new Date(value ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
};
export const textOf = (value: string | null | undefined): string | undefined => value || undefined;
