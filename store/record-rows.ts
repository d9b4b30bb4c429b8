import { recordSchemas, type AnyRecord, type RecordKind } from '../connectors/records.ts';
import type { Stored } from './documents.ts';
import { canonicalJson, recordHash } from './record-hash.ts';
import { toStorable } from './vendor-keys.ts';

/** A record as MongoDB has it, of any kind. */
export interface RecordRow extends Stored {
  kind: RecordKind;
  vendorId: string;
  /** Of a tombstone: when it may be forgotten. */
  forgetAt?: Date;
  [field: string]: unknown;
}

/** The record's own part of a row. */
export interface PreparedRecord {
  fields: Record<string, unknown> & { kind: RecordKind; vendorId: string };
  hash: string;
}

export const rawMaxBytes = 16 * 1024;
const excerptLength = 4_000;

export const recordId = (connectionId: string, vendorId: string): string => `${connectionId}/${vendorId}`;

/** Cuts `raw`, hashes, and makes what the vendor named storable. */
export function prepareRecord(record: AnyRecord): PreparedRecord {
  const { raw } = record;
  const vendors = canonicalJson(raw);
  const stored = tooLong(vendors.text)
    ? { truncated: true, bytes: Buffer.byteLength(vendors.text), excerpt: excerpt(vendors.text) }
    : vendors.odd
      ? toStorable(raw)
      : raw;
  const rawText = tooLong(vendors.text) ? JSON.stringify(stored) : vendors.text;
  // The same activity told again, perhaps by another source, comes at another time.
  const own = canonicalJson(record, record.kind === 'activities' ? ['raw', 'receivedAt'] : ['raw']);
  const fields = own.odd ? (toStorable({ ...record, raw: undefined }) as typeof record) : record;
  return { fields: { ...fields, raw: stored }, hash: recordHash(`${own.text}\n${rawText}`) };
}

/** A letter is at most three bytes of UTF-8, so most texts need not be measured. */
const tooLong = (text: string): boolean =>
  text.length * 3 > rawMaxBytes && (text.length > rawMaxBytes || Buffer.byteLength(text) > rawMaxBytes);

/** Not ending in half of a surrogate pair. */
const excerpt = (text: string): string => text.slice(0, excerptLength).replace(/[\uD800-\uDBFF]$/, '');

/** Where a record is, and the scan that has seen it; null when none has. */
export interface RowPlace {
  connectionId: string;
  app: string;
  scan: number | null;
}

export const newRow = (
  _id: string,
  { connectionId, app, scan }: RowPlace,
  part: string,
  { fields, hash }: PreparedRecord,
  observedAt: Date,
): RecordRow => ({ _id, connectionId, app, part, ...fields, hash, observedAt, seenScan: scan ?? 0 });

/** What the record no longer has is taken away, or an old value would outlive its source. */
export function changedRow(
  kind: RecordKind,
  { connectionId, app, scan }: RowPlace,
  part: string,
  { fields, hash }: PreparedRecord,
  observedAt: Date,
): { $set: Partial<RecordRow>; $unset: Record<string, true> } {
  const absent = Object.keys(recordSchemas[kind].shape).filter((name) => fields[name] === undefined);
  return {
    $set: { ...fields, connectionId, app, part, hash, observedAt, ...(scan === null ? {} : { seenScan: scan }) },
    $unset: Object.fromEntries([...absent, 'missingSince', 'removedAt', 'forgetAt'].map((name) => [name, true])),
  };
}
