import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { Page, PageRequest, Part, Ref, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';
import type { ActivityRecord } from '../records.ts';
import { bucketClient } from './buckets.ts';
import { absentAs, vendor } from './errors.ts';
import { activityRecordOf, eventSchema, type TrailEvent } from './ocsf.ts';
import { markOf } from './seen.ts';
import type { AwsSession } from './settings.ts';
import { touchedBy } from './touched.ts';

const unzip = promisify(gunzip);
/** A log file holds some thousand records; what unpacks to more than this is no log file. */
const mostUnpackedBytes = 128 * 1024 * 1024;
const filesPerPage = 8;
const day = 86_400_000;

const dayPath = (at: Date) => at.toISOString().slice(0, 10).replaceAll('-', '/');
/** The day of a log file, from its key. */
const dayOf = (key: string) => /\/(\d{4}\/\d\d\/\d\d)\/[^/]*$/.exec(key)?.[1] ?? '';
const isLogFile = (key: string) => key.endsWith('.json.gz');

async function list(
  session: AwsSession,
  bucket: string,
  options: { Prefix: string; StartAfter?: string; Delimiter?: string; MaxKeys?: number; ContinuationToken?: string },
) {
  const s3 = await bucketClient(session, bucket);
  return vendor('s3:ListBucket', s3.send(new ListObjectsV2Command({ Bucket: bucket, ...options })));
}

async function folders(session: AwsSession, bucket: string, Prefix: string): Promise<string[]> {
  const found: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await list(session, bucket, { Prefix, Delimiter: '/', ContinuationToken });
    found.push(...(page.CommonPrefixes ?? []).map((each) => each.Prefix!).filter(Boolean));
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken);
  return found;
}

/** A part for each account and Region that delivers: `[prefix/]AWSLogs/[o-…/]<account>/CloudTrail/<region>/`. */
export async function trailParts(session: AwsSession, bucket: string): Promise<Part[]> {
  const prefix = session.settings.trailPrefix?.replace(/\/?$/, '/') ?? '';
  const top = await folders(session, bucket, `${prefix}AWSLogs/`);
  const accounts: string[] = [];
  for (const folder of top)
    if (/\/o-[a-z0-9]+\/$/.test(folder)) accounts.push(...(await folders(session, bucket, folder)));
    else accounts.push(folder);
  const regions = await inParallel(
    accounts.filter((folder) => /\/\d{12}\/$/.test(folder)),
    4,
    (folder) => folders(session, bucket, `${folder}CloudTrail/`),
  );
  return regions.flat().map((folder) => {
    const [, account, region] = /(\d{12})\/CloudTrail\/([^/]+)\/$/.exec(folder) ?? [];
    return { id: folder, title: `trail of ${account} in ${region}` };
  });
}

const fileBody = z.object({ Records: z.array(z.unknown()) });

/** The records of one log file. A file that is gone has nothing to tell any more; one that cannot be read is skipped. */
async function readFile(
  session: AwsSession,
  bucket: string,
  key: string,
): Promise<{ events: unknown[]; why?: string }> {
  const s3 = await bucketClient(session, bucket);
  const object = await absentAs(
    's3:GetObject',
    s3.send(new GetObjectCommand({ Bucket: bucket, Key: key })),
    undefined,
    'NoSuchKey',
  );
  if (!object?.Body) return { events: [], why: 'the log file is gone' };
  const bytes = await object.Body.transformToByteArray();
  try {
    // Some proxies unpack what they carry; the first two bytes tell.
    const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const text = packed ? await unzip(bytes, { maxOutputLength: mostUnpackedBytes }) : Buffer.from(bytes);
    return { events: fileBody.parse(JSON.parse(text.toString('utf8'))).Records };
  } catch (error) {
    // A torn file says nothing about its records: it is read again rather than taken for empty.
    if (object.ContentLength !== undefined && object.ContentLength !== bytes.length)
      throw new Failure(
        'unavailable',
        's3:GetObject ended before the log file did',
        { who: 'vendor' },
        { cause: error },
      );
    return { events: [], why: `not a CloudTrail log file: ${(error as Error).message.slice(0, 120)}` };
  }
}

async function readFiles(
  session: AwsSession,
  bucket: string,
  keys: readonly string[],
  keep: (event: TrailEvent) => boolean,
) {
  const files = await inParallel(keys, 4, (key) => readFile(session, bucket, key));
  const records: ActivityRecord[] = [];
  const touched: Ref[] = [];
  const skipped: Skipped[] = [];
  files.forEach(({ events, why }, index) => {
    if (why) skipped.push({ vendorId: keys[index]!, why });
    for (const raw of events) {
      const event = eventSchema.safeParse(raw);
      if (!event.success) {
        skipped.push({ vendorId: keys[index]!, why: 'a record of the log file is no object' });
        continue;
      }
      if (!keep(event.data)) continue;
      records.push(activityRecordOf(event.data, 'cloudtrail-s3', session));
      touched.push(...touchedBy(event.data));
    }
  });
  return { records, touched, skipped };
}

const sweepCursor = createCursor(1, z.strictObject({ after: z.string() }));
const timeOf = (event: TrailEvent) => Date.parse(String(event.eventTime ?? ''));

/** Every event of `[from, until)`: the files of those days, and of the day after, as delivery takes its time. */
export async function trailSweep(session: AwsSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const bucket = session.settings.trailBucket!;
  const Prefix = request.part.id;
  const { trailDays } = session.settings;
  const floor = trailDays === undefined ? 0 : session.now().getTime() - trailDays * day;
  const from = Math.max(request.from?.getTime() ?? 0, floor);
  const until = request.until?.getTime() ?? Infinity;
  const StartAfter =
    request.cursor === undefined
      ? from > 0
        ? `${Prefix}${dayPath(new Date(from))}`
        : undefined
      : sweepCursor.read(request.cursor).after;
  const page = await list(session, bucket, { Prefix, StartAfter, MaxKeys: filesPerPage });
  const all = (page.Contents ?? []).map(({ Key = '' }) => Key);
  const last = until === Infinity ? undefined : dayPath(new Date(until + day));
  const keys = all.filter((key) => isLogFile(key) && (last === undefined || dayOf(key) <= last));
  const { records, skipped } = await readFiles(session, bucket, keys, (event) => {
    const at = timeOf(event);
    // An event without a readable time belongs to whoever reads it first.
    return Number.isNaN(at) || (at >= from && at < until);
  });
  const ended = !page.IsTruncated || all.length === 0 || (last !== undefined && dayOf(all.at(-1)!) > last);
  return { records, skipped, next: ended ? undefined : sweepCursor.write({ after: all.at(-1)! }) };
}

/** `day`: from which day on files are listed. `seen`: marks of those that were read, so that a late one is not missed. */
const checkpoint = createCursor(1, z.strictObject({ day: z.string(), seen: z.array(z.string()) }));
/** The files that are left of a round, under one name: `unread`, or another where an earlier version wrote it. */
const changesCursor = createCursor(1, z.record(z.string(), z.array(z.string())));
const mostUnread = 400;
const mostSeen = 20_000;

async function filesSince(session: AwsSession, bucket: string, Prefix: string, fromDay: string) {
  const found: { key: string; at: Date | undefined }[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await list(session, bucket, { Prefix, StartAfter: `${Prefix}${fromDay}`, ContinuationToken });
    for (const { Key = '', LastModified } of page.Contents ?? [])
      if (isLogFile(Key)) found.push({ key: Key, at: LastModified });
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken);
  return found;
}

/**
 * Files that came since. A late file may sort before the last one read, so the current and the previous day are listed
 * whole each time and what was read is remembered.
 */
export async function trailChanges(session: AwsSession, request: PageRequest): Promise<Page<ActivityRecord>> {
  const bucket = session.settings.trailBucket!;
  const Prefix = request.part.id;
  const now = session.now();
  if (request.checkpoint === undefined) {
    const from = request.from ?? now;
    const start = dayPath(new Date(from.getTime() - day));
    const there = await filesSince(session, bucket, Prefix, start);
    const seen = there.filter(({ at }) => at !== undefined && at < from).map(({ key }) => markOf(key));
    return { records: [], checkpoint: checkpoint.write({ day: start, seen: seen.slice(-mostSeen) }) };
  }
  const stand = checkpoint.read(request.checkpoint);
  const seen = new Set(stand.seen);
  const listed = request.cursor === undefined ? undefined : Object.values(changesCursor.read(request.cursor)).flat();
  let day0 = stand.day;
  let unread = listed ?? [];
  if (!listed) {
    const there = (await filesSince(session, bucket, Prefix, stand.day)).map(({ key }) => key);
    unread = there.filter((key) => !seen.has(markOf(key)));
    if (unread.length <= filesPerPage) {
      // All of them are read with this page, so the days before yesterday need no more listing.
      const yesterday = dayPath(new Date(now.getTime() - day));
      if (yesterday > day0) {
        day0 = yesterday;
        const kept = new Set(there.filter((key) => dayOf(key) >= day0).map(markOf));
        for (const mark of [...seen]) if (!kept.has(mark)) seen.delete(mark);
      }
    }
    unread = unread.slice(0, mostUnread);
  }
  const keys = unread.slice(0, filesPerPage);
  const { records, touched, skipped } = await readFiles(session, bucket, keys, () => true);
  for (const key of keys) seen.add(markOf(key));
  const rest = unread.slice(filesPerPage);
  return {
    records,
    touched,
    skipped,
    checkpoint: checkpoint.write({ day: day0, seen: [...seen].slice(-mostSeen) }),
    next: rest.length > 0 ? changesCursor.write({ unread: rest }) : undefined,
  };
}
