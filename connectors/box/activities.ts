import { z } from 'zod';
import type { Stage } from '../connector.ts';
import type { Page, PageRequest, Ref, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import type { ActivityRecord, AppPermissionRecord } from '../records.ts';
import { ownId } from './accounts.ts';
import { call } from './api.ts';
import { activityOf } from './enterprise-event.ts';
import { observedToken } from './observed-tokens.ts';
import { eventPage } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';
import { touchedBy } from './touched.ts';

const day = 86_400_000;
/** The history is kept for a year; a quarter of it is read at first. It may miss what is written late. */
export const retentionMs = 90 * day;
export const latenessMs = day;

const largestPage = 500;
/** The oldest that the stream keeps, two weeks ago. */
const oldest = '0';

/** Beyond 2^53: never a number. */
const position = z.string().regex(/^-?\d{1,30}$|^now$/);
const cursor = createCursor(1, z.object({ position }));

interface EventPage {
  records: ActivityRecord[];
  observed: AppPermissionRecord[];
  skipped: Skipped[];
  touched: Ref[];
  /** Rows that were sent, and where the stream stands after them. */
  length: number;
  position: string;
}

/** The position as text, though Box may write it as a number that `JSON.parse` would round. */
export function positionOf(body: string): string | undefined {
  const quoted = body.replace(/("next_stream_position"\s*:\s*)(-?\d+)/g, '$1"$2"');
  const found = position.safeParse((JSON.parse(quoted) as { next_stream_position?: unknown }).next_stream_position);
  return found.success ? found.data : undefined;
}

async function eventsOf(
  session: BoxSession,
  stream: 'admin_logs' | 'admin_logs_streaming',
  at: string | undefined,
  range: { created_after?: string; created_before?: string } = {},
): Promise<EventPage | 'refused'> {
  const answer = await call(session, 'GET', '/events', '/events', {
    accept: [400],
    query: { stream_type: stream, stream_position: at, limit: largestPage, ...range },
  });
  if (answer.status === 400) return 'refused';
  const { entries } = answer.json(eventPage);
  const next = positionOf(answer.text());
  if (next === undefined) throw new Failure('unavailable', 'GET /events tells no position', { who: 'vendor' });
  const context = {
    receivedAt: session.now(),
    source: stream === 'admin_logs' ? ('admin-logs' as const) : ('admin-logs-streaming' as const),
    ownUserId: entries.length > 0 ? await ownId(session) : undefined,
    ownClientId: session.identity.clientId,
  };
  // Sent at least once, often twice on one page; what comes again later is known by its id in the store.
  const records = new Map<string, ActivityRecord>();
  const skipped: Skipped[] = [];
  for (const entry of entries) {
    const record = activityOf(entry, context);
    if (record) records.set(record.vendorId, record);
    else skipped.push({ why: 'an event that is not an object' });
  }
  const touched = new Map(entries.flatMap(touchedBy).map((ref) => [`${ref.kind}/${ref.vendorId}`, ref]));
  return {
    records: [...records.values()],
    observed: entries.flatMap((entry) => observedToken(entry, context) ?? []),
    skipped,
    touched: [...touched.values()],
    length: entries.length,
    position: next,
  };
}

const refused = (why: string) =>
  new Failure('invalid', `GET /events is refused: ${why}`, { evidence: { operation: 'GET /events', status: 400 } });

/** The history, chronological: `[from, until)`. */
async function sweep(session: BoxSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const until = request.until ?? session.now();
  const from = request.from ?? new Date(session.now().getTime() - retentionMs);
  if (from >= until) return { records: [] };
  const at = request.cursor === undefined ? undefined : cursor.read(request.cursor).position;
  const page = await eventsOf(session, 'admin_logs', at, {
    created_after: from.toISOString(),
    created_before: until.toISOString(),
  });
  if (page === 'refused') {
    if (at !== undefined) throw new Failure('restart', 'the position in the history is no longer taken');
    throw refused('the range of time');
  }
  // A page may be short though more follows; only nothing, or no progress, is the end.
  const ended = page.length === 0 || page.position === at;
  // What a bounded request finds is old: it is no reason to look at anything again.
  return {
    records: page.records,
    observed: page.observed,
    skipped: page.skipped,
    next: ended ? undefined : cursor.write({ position: page.position }),
  };
}

/** The stream: at least once, late events too. Its position is kept even after an empty page. */
async function changes(session: BoxSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const stored = request.cursor ?? request.checkpoint;
  const at = stored === undefined ? 'now' : cursor.read(stored).position;
  let page = await eventsOf(session, 'admin_logs_streaming', at);
  // Too old or unknown: from the oldest that is kept; what was before is the history's.
  if (page === 'refused' && stored !== undefined) page = await eventsOf(session, 'admin_logs_streaming', oldest);
  if (page === 'refused') throw refused('the stream cannot be opened');
  const checkpoint = cursor.write({ position: page.position });
  if (stored === undefined) return { records: [], checkpoint };
  const more = page.length > 0 && page.position !== at;
  return {
    records: page.records,
    observed: page.observed,
    skipped: page.skipped,
    touched: page.touched,
    checkpoint,
    next: more ? checkpoint : undefined,
  };
}

export const activitiesStage: Stage<ActivityRecord, Settings> = { sweep, changes, retentionMs, latenessMs };
