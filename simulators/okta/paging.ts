import type { OrderedTable } from '../kit/ordered-table.ts';
import { invalid } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call } from './route.ts';

/** The limit asked for; below 1 or above the documented maximum is refused. Real Okta clamps on some endpoints. */
export function limitOf(call: Call, standard: number, maximum: number, minimum = 1): number {
  const text = call.query.get('limit');
  if (text === null) return standard;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < minimum || limit > maximum)
    throw invalid('limit', `limit: must be between ${minimum} and ${maximum}`);
  return limit;
}

/** The URL of this request with some parameters set anew (undefined takes one out). */
export function urlWith(call: Call, changes: Record<string, string | undefined>): string {
  const query = new URLSearchParams(call.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return `${call.base}${call.path}${text ? `?${text}` : ''}`;
}

export interface PageOf<T> {
  rows: T[];
  /** Position after the last row when more may follow. */
  next?: string;
}

/** Takes up to `limit` rows that pass, after the row that the cursor names. */
export function takePage<T extends { id: string; seq: number }>(
  call: Call,
  list: string,
  table: OrderedTable<T>,
  limit: number,
  passes: (row: T) => boolean = () => true,
): PageOf<T> {
  const after = call.query.get('after');
  const seq = after === null ? 0 : Number(call.cursors.open(list, after)[0]);
  const { pageRows } = call.state.knobs;
  const most = pageRows > 0 ? Math.min(limit, pageRows) : limit;
  const rows: T[] = [];
  for (let at = table.indexAfter(seq); at < table.size; at++) {
    const row = table.rows[at] as T;
    if (!passes(row)) continue;
    if (rows.length === most) return { rows, next: call.cursors.seal(list, [(rows.at(-1) as T).seq]) };
    rows.push(row);
  }
  return { rows };
}

/** A list answer with Link lines. */
export function listAnswer(call: Call, body: unknown[], next: string | undefined, limit: number): Answer {
  const links: Answer['links'] = [{ rel: 'self', href: urlWith(call, {}) }];
  if (next !== undefined) links.push({ rel: 'next', href: urlWith(call, { after: next, limit: String(limit) }) });
  return { status: 200, body, links };
}
