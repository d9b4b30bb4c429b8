import { z } from 'zod';
import type { Page, PageRequest, Ref, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import type { ActivityRecord } from '../records.ts';
import { timeOf } from '../kit/ocsf.ts';
import { call, isPlaced, noSuchPlace, ownUserAgent, pathOf, placeGone, type OktaSession } from './api.ts';
import { activityOf } from './log-event.ts';
import { anyList } from './schemas.ts';
import { touchedBy } from './touched.ts';

const day = 86_400_000;
/** Okta keeps rows for 90 days, and takes seconds to hours to persist some. */
export const retentionMs = 90 * day;
export const latenessMs = 60 * 60_000;

const logs = '/api/v1/logs';
const largestPage = 1000;
/** A slice that fits one page is followed by one twice as long: a first scan is not ninety calls of a scarce quota. */
const longestSliceDays = 16;
/** Where a chain begins again whose address Okta no longer takes. */
const overlapMs = 60 * 60_000;

const path = z.string().startsWith(`${logs}?`);
/** In a sweep: the slice begins at `from`; within it the next page. */
const sweepCursor = createCursor(
  1,
  z.object({ from: z.iso.datetime(), days: z.number().positive(), path: path.optional() }),
);
/** Of the polling chain: the address to ask next, and the latest `published` seen. */
const chain = createCursor(1, z.object({ path, seen: z.iso.datetime() }));

const query = (parameters: Record<string, string>) =>
  `${logs}?${new URLSearchParams({ ...parameters, limit: String(largestPage), sortOrder: 'ASCENDING' })}`;

interface LogPage {
  records: ActivityRecord[];
  skipped: Skipped[];
  touched: Ref[];
  next?: string;
  length: number;
}

async function logPage(session: OktaSession, from: string, accept: readonly number[] = []): Promise<LogPage | null> {
  const answer = await call(session, 'GET', logs, from, { accept });
  if (answer.status >= 300) return null;
  const rows = answer.json(anyList);
  const context = {
    receivedAt: session.now(),
    ownUserAgent: ownUserAgent(session.connectionId),
    ownClientId: session.identity.clientId,
  };
  const records: ActivityRecord[] = [];
  const skipped: Skipped[] = [];
  for (const row of rows) {
    const record = activityOf(row, context);
    if (record) records.push(record);
    else skipped.push({ why: 'a System Log row that is not an object' });
  }
  const next = answer.link('next');
  return {
    records,
    skipped,
    touched: rows.flatMap(touchedBy),
    next: next === undefined ? undefined : pathOf(session, next),
    length: rows.length,
  };
}

/** Bounded requests, which end: `[from, until)` in slices of a day, longer ones while each fits one page. */
export async function sweepActivities(session: OktaSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const until = request.until ?? session.now();
  const earliest = new Date(session.now().getTime() - retentionMs);
  const first = { from: (request.from ?? earliest).toISOString(), days: 1, path: undefined };
  const place = request.cursor === undefined ? first : sweepCursor.read(request.cursor);
  const from = new Date(place.from);
  if (from >= until) return { records: [] };
  const end = new Date(Math.min(from.getTime() + place.days * day, until.getTime()));
  const bounds = { since: from.toISOString(), until: end.toISOString() };
  const path = place.path ?? query(bounds);
  const page = await logPage(session, path, isPlaced(path) ? placeGone : []);
  if (page === null) throw noSuchPlace(logs);
  const fits = page.length < largestPage && page.next === undefined && place.path === undefined;
  const days = fits ? Math.min(place.days * 2, longestSliceDays) : 1;
  const next =
    page.next !== undefined
      ? sweepCursor.write({ ...place, path: page.next })
      : end < until
        ? sweepCursor.write({ from: end.toISOString(), days })
        : undefined;
  // What a bounded request finds is old: it is not a reason to look at anything again.
  return { records: page.records, skipped: page.skipped, next };
}

/**
 * The polling chain: no `until`, ascending, then only ever the `next` link, which Okta gives with every page, also an
 * empty one. It is the checkpoint. A short page means that nothing more is there now.
 */
export async function activityChanges(session: OktaSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const stored = request.cursor ?? request.checkpoint;
  if (stored === undefined) {
    // By the vendor's clock where that is behind: from a later moment on, what happens until then would be passed over.
    const now = session.now();
    const from = (request.from && request.from < now ? request.from : now).toISOString();
    return { records: [], checkpoint: chain.write({ path: query({ since: from }), seen: from }) };
  }
  const place = chain.read(stored);
  let asked = place.path;
  let page = await logPage(session, asked, [400, 404]);
  if (page === null) {
    const oldest = session.now().getTime() - retentionMs;
    const since = new Date(Math.max(Date.parse(place.seen) - overlapMs, oldest)).toISOString();
    asked = query({ since });
    page = (await logPage(session, asked))!;
  }
  const published = page.records.map(({ raw }) => timeOf((raw as { published?: unknown }).published) ?? 0);
  // A row dated in the future must not carry the point of a new beginning past rows that are still to come.
  const latest = Math.min(Math.max(Date.parse(place.seen), ...published), session.now().getTime());
  const checkpoint = chain.write({ path: page.next ?? asked, seen: new Date(latest).toISOString() });
  const more = page.length >= largestPage && page.next !== undefined && page.next !== asked;
  return {
    records: page.records,
    skipped: page.skipped,
    touched: page.touched,
    checkpoint,
    next: more ? checkpoint : undefined,
  };
}
