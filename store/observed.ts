import type { AnyBulkWriteOperation, ClientSession, Db } from 'mongodb';
import { appPermissionRecord, observedPart, type AppPermissionRecord } from '../connectors/records.ts';
import { findGoneHolders } from './belongings.ts';
import { changedRow, newRow, prepareRecord, recordId, type RecordRow } from './record-rows.ts';
import { fromStorable } from './vendor-keys.ts';

/** What events say of one permission, and when the newest request that brought one was sent. */
export interface Observed {
  record: AppPermissionRecord;
  observedAt: Date;
}

type Counts = Record<'added' | 'changed' | 'unchanged' | 'removed', number>;

const later = (a: Date | undefined, b: Date | undefined): Date | undefined => (!a || (b && b > a) ? b : a);
const earlier = (a: Date | undefined, b: Date | undefined): Date | undefined => (!a || (b && b < a) ? b : a);
const at = ({ changedAt }: AppPermissionRecord): number => changedAt?.getTime() ?? 0;

/**
 * Events come out of order and more than once, so that two words on one permission make the same whichever is heard
 * first: the later event's, issued at the first and used at the last. In one second a revocation counts as the later.
 */
export function mergeObserved(a: AppPermissionRecord, b: AppPermissionRecord): AppPermissionRecord {
  const second = at(b) > at(a) || (at(b) === at(a) && b.status === 'revoked');
  const [older, newer] = second ? [a, b] : [b, a];
  return {
    ...newer,
    appName: newer.appName ?? older.appName,
    issuedAt: earlier(a.issuedAt, b.issuedAt),
    lastUsedAt: later(a.lastUsedAt, b.lastUsedAt),
    expiresAt: later(a.expiresAt, b.expiresAt),
  };
}

export function hearObserved(
  heard: Map<string, Observed>,
  connectionId: string,
  record: AppPermissionRecord,
  observedAt: Date,
): void {
  const _id = recordId(connectionId, record.vendorId);
  const before = heard.get(_id);
  heard.set(
    _id,
    before
      ? { record: mergeObserved(before.record, record), observedAt: later(before.observedAt, observedAt)! }
      : { record, observedAt },
  );
}

/**
 * Within the transaction of a group. What is of before an account was found gone does not bring its permissions back,
 * nor what is of before one had run out; of what a list shows, that list tells.
 */
export async function writeObserved(
  db: Db,
  session: ClientSession,
  { connectionId, app }: { connectionId: string; app: string },
  heard: ReadonlyMap<string, Observed>,
): Promise<Counts> {
  const rows = db.collection<RecordRow>('appPermissions');
  const counts: Counts = { added: 0, changed: 0, unchanged: 0, removed: 0 };
  const found = await rows.find({ _id: { $in: [...heard.keys()] } }, { session }).toArray();
  const known = new Map(found.map((row) => [row._id, row]));
  const words = [...heard.values()].map(({ record }) => record);
  const isOfGone = await findGoneHolders(db, session, connectionId, 'appPermissions', words);
  const place = { connectionId, app, scan: null };
  const inserts: RecordRow[] = [];
  const updates: AnyBulkWriteOperation<RecordRow>[] = [];
  for (const [_id, { record, observedAt }] of heard) {
    const row = known.get(_id);
    const happened = record.changedAt ?? observedAt;
    const shown = row && !row.removedAt;
    if (isOfGone(record, happened) || (shown ? row.part !== observedPart : row && row.removedAt! >= happened)) {
      counts.unchanged += 1;
      continue;
    }
    const prepared = prepareRecord(shown ? mergeObserved(recordOf(row), record) : record);
    if (shown && row.hash === prepared.hash) {
      counts.unchanged += 1;
      continue;
    }
    counts[shown ? 'changed' : 'added'] += 1;
    if (!row) inserts.push(newRow(_id, place, observedPart, prepared, observedAt));
    else {
      const update = changedRow('appPermissions', place, observedPart, prepared, later(row.observedAt, observedAt)!);
      updates.push({ updateOne: { filter: { _id }, update } });
    }
  }
  if (inserts.length > 0) await rows.insertMany(inserts, { session, ordered: false, ignoreUndefined: true });
  if (updates.length > 0) await rows.bulkWrite(updates, { session, ordered: false, ignoreUndefined: true });
  return counts;
}

function recordOf(row: RecordRow): AppPermissionRecord {
  const fields = fromStorable(row) as Record<string, unknown>;
  const names = Object.keys(appPermissionRecord.shape);
  return Object.fromEntries(
    names.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  ) as unknown as AppPermissionRecord;
}
