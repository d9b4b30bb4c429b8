import { compileFilter, readPath } from './filter.ts';
import type { Operator } from './filter.ts';
import { limitOf, listAnswer, urlWith } from './paging.ts';
import { badFilter, invalid, OktaError } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import { indexBy, RETENTION_MS } from './system-log-store.ts';
import type { LogEvent, LogRow } from './system-log-store.ts';

const DAY = 86_400_000;
const OPERATORS: readonly Operator[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sw', 'ew', 'co', 'pr'];
const ROOTS = new Set(
  'uuid published eventType version severity legacyEventType displayMessage actor client device outcome target transaction debugContext authenticationContext securityContext request'.split(
    ' ',
  ),
);

function moment(call: Call, name: string): number | undefined {
  const text = call.query.get(name);
  if (text === null) return undefined;
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw invalid(name, `${name}: The date format in your query is not recognized.`);
  return at;
}

function predicate(call: Call): (event: LogEvent) => boolean {
  const filter = call.query.get('filter');
  const tests: ((event: LogEvent) => boolean)[] = [];
  if (filter !== null) {
    try {
      const grammar = (name: string) => (ROOTS.has(name.split('.')[0] as string) ? OPERATORS : undefined);
      tests.push(compileFilter<LogEvent>(filter, grammar, (event, name) => readPath(event, name.split('.'))));
    } catch (error) {
      throw badFilter((error as Error).message);
    }
  }
  const q = call.query.get('q');
  if (q !== null) {
    const words = q.split(/\s+/).filter((word) => word !== '');
    if (words.length > 10 || words.some((word) => word.length > 40))
      throw invalid('q', 'q: at most 10 keywords of at most 40 characters');
    tests.push((event) => {
      const text = JSON.stringify(event).toLowerCase();
      return words.every((word) => text.includes(word.toLowerCase()));
    });
  }
  return (event) => tests.every((test) => test(event));
}

/** Polling: no `until`, ascending. Order of persistence, no end, `next` is its own URL when nothing is new. */
function poll(call: Call, since: number, limit: number, list: string): Answer {
  const rows = call.state.log.persisted();
  const test = predicate(call);
  const after = call.query.get('after');
  const oldest = call.state.now() - RETENTION_MS;
  const position = after === null ? undefined : Number(call.cursors.open(list, after)[0]);
  // `since` counts from when a row was persisted here, so a late row is not lost.
  let at = position ?? indexBy(rows, (row) => row.persistedAt < Math.max(since, oldest));
  const events: LogEvent[] = [];
  for (; at < rows.length && events.length < limit; at++) {
    const row = rows[at] as LogRow;
    if (row.persistedAt >= oldest && test(row.event)) events.push(row.event);
  }
  const next = urlWith(call, { after: call.cursors.seal(list, [at]), since: undefined, limit: String(limit) });
  return {
    status: 200,
    body: events,
    links: [
      { rel: 'self', href: urlWith(call, {}) },
      { rel: 'next', href: next },
    ],
  };
}

/** Bounded: by `published`, with an end. */
function bounded(call: Call, since: number, until: number, limit: number, list: string): Answer {
  const descending = call.query.get('sortOrder') === 'DESCENDING' || call.state.knobs.logNewestFirst;
  const rows = call.state.log.published();
  const test = predicate(call);
  const from = indexBy(rows, (row) => row.publishedAt < Math.max(since, call.state.now() - RETENTION_MS));
  const to = indexBy(rows, (row) => row.publishedAt < until);
  const after = call.query.get('after');
  const [atTime, atSeq] = after === null ? [] : (call.cursors.open(list, after) as [number, number]);
  const passed = (row: LogRow) =>
    atTime !== undefined &&
    (row.publishedAt === atTime
      ? descending
        ? row.seq >= (atSeq as number)
        : row.seq <= (atSeq as number)
      : descending
        ? row.publishedAt > atTime
        : row.publishedAt < atTime);
  const found: LogRow[] = [];
  const end = descending ? from - 1 : to;
  let at = descending
    ? (atTime === undefined
        ? to
        : Math.min(
            to,
            indexBy(rows, (row) => row.publishedAt <= atTime),
          )) - 1
    : atTime === undefined
      ? from
      : Math.max(
          from,
          indexBy(rows, (row) => row.publishedAt < atTime),
        );
  for (; at !== end && found.length < limit; at += descending ? -1 : 1) {
    const row = rows[at] as LogRow;
    if (!passed(row) && test(row.event)) found.push(row);
  }
  const last = found.at(-1);
  const next = found.length === limit && last ? call.cursors.seal(list, [last.publishedAt, last.seq]) : undefined;
  return listAnswer(
    call,
    found.map((row) => row.event),
    next,
    limit,
  );
}

function listEvents(call: Call): Answer {
  const { query, state } = call;
  const now = state.now();
  const limit = limitOf(call, 100, 1000, 0);
  const order = query.get('sortOrder') ?? 'ASCENDING';
  if (order !== 'ASCENDING' && order !== 'DESCENDING') throw invalid('sortOrder', 'sortOrder: ASCENDING or DESCENDING');
  const until = moment(call, 'until');
  const since = moment(call, 'since') ?? (until ?? now) - 7 * DAY;
  if (since < now - 180 * DAY)
    throw new OktaError(400, 'E0000053', 'Invalid filter expression.', ['since: more than 180 days ago']);
  if (until !== undefined && until < since) throw invalid('until', 'until: must not be before since');
  const kept = ['filter', 'q', 'until', 'sortOrder'].map((name) => query.get(name) ?? '').join(' ');
  const list = `logs ${kept}`;
  if (until === undefined && order === 'ASCENDING') return poll(call, since, limit, list);
  return bounded(call, since, until ?? now + DAY, limit, list);
}

export const logRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/v1/logs',
    scope: 'okta.logs.read',
    permission: 'logs.read',
    query: ['since', 'until', 'after', 'filter', 'q', 'limit', 'sortOrder'],
    handle: listEvents,
  },
];
