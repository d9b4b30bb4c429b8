import { LookupEventsCommand, type LookupAttribute } from '@aws-sdk/client-cloudtrail';
import { z } from 'zod';
import type { Page, PageRequest, Ref, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import type { ActivityRecord } from '../records.ts';
import { clientsOf } from './clients.ts';
import { vendor } from './errors.ts';
import { activityRecordOf, eventSchema } from './ocsf.ts';
import { markOf } from './seen.ts';
import type { AwsSession } from './settings.ts';
import { touchedBy } from './touched.ts';

export const eventsPartPrefix = 'events/';
const day = 86_400_000;
const kept = 90 * day;
/** A window is a day; after one that fitted a page the next is twice as long, so that a quiet Region costs few calls. */
const windowMs = day;
const longestWindowMs = 32 * day;
/** Events come late by minutes; the marks of this time keep them from coming twice. */
const overlapMs = 20 * 60_000;
const pageSize = 50;
const mostRestarts = 5;

/**
 * One window, one filter, one page. The answers are newest first, so a window has fixed ends, and a token that is no
 * longer taken begins the window again: what was read of it is written once more with the same ids.
 */
const place = z.strictObject({
  start: z.number(),
  end: z.number(),
  /** Where the last window ends, kept from the first page on: a caller's `until` may be "now". */
  until: z.number(),
  filter: z.int(),
  token: z.string().optional(),
  restarts: z.int(),
});
type Place = z.infer<typeof place>;
const cursor = createCursor(1, place);
const checkpoint = createCursor(
  1,
  z.strictObject({ end: z.number(), seen: z.array(z.tuple([z.string(), z.number()])) }),
);

// ReadOnly takes only one of the two, and sign-ins without a readOnly member exist: they are asked for by name.
const filters: Record<'all' | 'writes', (LookupAttribute | undefined)[]> = {
  all: [undefined],
  writes: [
    { AttributeKey: 'ReadOnly', AttributeValue: 'false' },
    { AttributeKey: 'EventName', AttributeValue: 'ConsoleLogin' },
  ],
};

async function readPage(session: AwsSession, request: PageRequest, at: Place) {
  const region = request.part.id.slice(eventsPartPrefix.length);
  const { eventHistory } = session.settings;
  const all = filters[eventHistory === 'writes' ? 'writes' : 'all'];
  const attribute = all[at.filter];
  try {
    const page = await vendor(
      'cloudtrail:LookupEvents',
      clientsOf(session)
        .cloudtrail(region)
        .send(
          new LookupEventsCommand({
            StartTime: new Date(at.start),
            EndTime: new Date(at.end),
            MaxResults: pageSize,
            NextToken: at.token,
            LookupAttributes: attribute && [attribute],
          }),
        ),
    );
    const records: ActivityRecord[] = [];
    const touched = new Map<string, Ref[]>();
    const skipped: Skipped[] = [];
    for (const { CloudTrailEvent = '', EventId } of page.Events ?? []) {
      let value: unknown;
      try {
        value = JSON.parse(CloudTrailEvent);
      } catch {
        skipped.push({ vendorId: EventId, why: 'the event history gave an event that is not JSON' });
        continue;
      }
      const event = eventSchema.safeParse(value);
      if (!event.success) {
        skipped.push({ vendorId: EventId, why: 'the event history gave an event that is no object' });
        continue;
      }
      const record = activityRecordOf(event.data, 'cloudtrail-history', session);
      records.push(record);
      touched.set(record.vendorId, touchedBy(event.data));
    }
    const next: Place | undefined =
      page.NextToken !== undefined
        ? { ...at, token: page.NextToken }
        : at.filter + 1 < all.length
          ? { ...at, filter: at.filter + 1, token: undefined }
          : undefined;
    return { records, touched, skipped, next };
  } catch (error) {
    if (!Failure.is(error, 'restart') || at.token === undefined) throw error;
    if (at.restarts >= mostRestarts)
      throw new Failure('unavailable', `${error.message}: the window was begun ${mostRestarts} times`, {
        who: 'vendor',
      });
    return {
      records: [],
      touched: new Map<string, Ref[]>(),
      skipped: [],
      next: { ...at, filter: 0, token: undefined, restarts: at.restarts + 1 } satisfies Place,
    };
  }
}

export async function eventsSweep(session: AwsSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const wanted = (request.until ?? session.now()).getTime();
  const from = Math.max(request.from?.getTime() ?? 0, session.now().getTime() - kept);
  if (request.cursor === undefined && from >= wanted) return { records: [] };
  const at: Place =
    request.cursor === undefined
      ? { start: from, end: Math.min(from + windowMs, wanted), until: wanted, filter: 0, restarts: 0 }
      : cursor.read(request.cursor);
  const { until } = at;
  const { records, skipped, next } = await readPage(session, request, at);
  const span = at.end - at.start;
  const quiet = at.token === undefined && at.restarts === 0;
  const length = quiet ? Math.min(2 * Math.max(span, windowMs), longestWindowMs) : windowMs;
  const following: Place | undefined =
    next ??
    (at.end < until
      ? { start: at.end, end: Math.min(at.end + length, until), until, filter: 0, restarts: 0 }
      : undefined);
  return {
    // The end of a window belongs to it for the vendor, and to the next one for us.
    records: records.filter(({ event }) => event.time < at.end),
    skipped,
    next: following && cursor.write(following),
  };
}

export async function eventsChanges(session: AwsSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const now = session.now().getTime();
  if (request.checkpoint === undefined)
    return { records: [], checkpoint: checkpoint.write({ end: (request.from ?? new Date(now)).getTime(), seen: [] }) };
  const stand = checkpoint.read(request.checkpoint);
  const at: Place =
    request.cursor === undefined
      ? { start: Math.max(stand.end - overlapMs, now - kept), end: now, until: now, filter: 0, restarts: 0 }
      : cursor.read(request.cursor);
  const seen = new Map(stand.seen);
  const { records, touched, skipped, next } = await readPage(session, request, at);
  const fresh = records.filter(({ vendorId }) => !seen.has(markOf(vendorId)));
  for (const { vendorId, event } of fresh) seen.set(markOf(vendorId), event.time);
  const end = next ? stand.end : at.end;
  return {
    records: fresh,
    touched: fresh.flatMap(({ vendorId }) => touched.get(vendorId) ?? []),
    skipped,
    // The position moves when the window was read to its end; until then only what was seen is remembered.
    checkpoint: checkpoint.write({ end, seen: [...seen].filter(([, time]) => time >= end - overlapMs - 1000) }),
    next: next && cursor.write(next),
  };
}
