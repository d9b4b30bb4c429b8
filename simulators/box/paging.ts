import { numberOf } from './route.ts';
import type { Call } from './route.ts';
import { badRequest } from './respond.ts';

/** An offset page of a whole list. Above 10,000 Box refuses. */
export function offsetPage<T>(
  call: Call,
  rows: readonly T[],
  render: (row: T) => unknown,
  standard = 100,
): Record<string, unknown> {
  const limit = numberOf(call, 'limit', standard, 1_000, 1);
  const offset = numberOf(call, 'offset', 0, Number.MAX_SAFE_INTEGER);
  if (offset > 10_000) throw badRequest('Bad Request: offset is above 10000', 'bad_request');
  return { total_count: rows.length, entries: rows.slice(offset, offset + limit).map(render), limit, offset };
}

/** A marker page of rows with rising `seq`: the marker names the last row given. */
export function markerPage<T extends { seq: number }>(
  call: Call,
  list: string,
  rows: readonly T[],
  render: (row: T) => unknown,
  standard = 100,
): Record<string, unknown> {
  const limit = numberOf(call, 'limit', standard, 1_000, 1);
  const [after] = openMarker(call, list) ?? [0];
  const from = rows.findIndex((row) => row.seq > Number(after));
  const page = from < 0 ? [] : rows.slice(from, from + limit);
  const more = from >= 0 && from + limit < rows.length;
  const last = page.at(-1);
  return {
    entries: page.map(render),
    limit,
    next_marker: more && last ? sealMarker(call, list, [last.seq]) : null,
  };
}

export function sealMarker(call: Call, list: string, position: readonly number[]): string {
  return call.markers.seal(`${list} ${call.user.id}`, call.state.now(), position);
}

/** The position in `marker`; undefined without one. */
export function openMarker(call: Call, list: string): (number | string)[] | undefined {
  const text = call.query.get('marker');
  if (text === null || text === '') return undefined;
  const { knobs } = call.state;
  return call.markers.open(`${list} ${call.user.id}`, text, knobs.markerMs > 0 ? call.state.now() - knobs.markerMs : 0);
}
