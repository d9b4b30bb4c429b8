import type { Db } from 'mongodb';
import { canonicalJson, recordHash } from '../../store/record-hash.ts';
import { fileRecord, recordKinds, type RecordKind } from '../../connectors/records.ts';
import { rowsOf } from '../support/stored-truth.ts';

const most = 5;

/** "accounts: lost 2 (a, b)"; empty when both have the same, each once. */
export function setDifferences(name: string, stored: readonly string[], wanted: readonly string[]): string[] {
  const [have, want] = [new Set(stored), new Set(wanted)];
  const lost = [...want].filter((one) => !have.has(one));
  const extra = [...have].filter((one) => !want.has(one));
  const some = (list: readonly string[]) => `${list.length} (${list.slice(0, most).join(', ')})`;
  return [
    ...(lost.length > 0 ? [`${name}: lost ${some(lost)}`] : []),
    ...(extra.length > 0 ? [`${name}: invented ${some(extra)}`] : []),
    ...(stored.length > have.size ? [`${name}: ${stored.length - have.size} twice`] : []),
  ];
}

type Row = Awaited<ReturnType<typeof rowsOf>>[number];

/** The same of rows. `mayStay`: rows of these accounts may be there though they are not wanted. */
export function rowDifferences(
  name: string,
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  wanted: readonly string[],
  mayStay: ReadonlySet<string> = new Set(),
): string[] {
  const want = new Set(wanted);
  const isOf = (row: Row) => ['accountId', 'holderId', 'ownerId'].some((of) => mayStay.has(row[of] as string));
  return setDifferences(name, rows.filter((row) => want.has(keyOf(row)) || !isOf(row)).map(keyOf), wanted);
}

export const idOf = ({ vendorId }: Row): string => vendorId;

type Rows = Map<string, Record<string, unknown>>;
/** By kind and by the vendor's id, what is there. */
export type Present = Record<string, Rows>;

const arrival = ['receivedAt', 'source', 'hash', 'observedAt', 'seenScan', '_id', 'connectionId'];

/** When and by which of the app's logs it came to us, and whether it was this very connection that did it. */
const ofOneRun = { logged_time: undefined, log_name: undefined, labels: undefined };

/** The hash of an activity covers what no two runs have in common. */
function withoutArrival(row: Record<string, unknown>): Record<string, unknown> {
  const event = row['event'] as { metadata?: object } | undefined;
  const timeless = { ...row, event: { ...event, metadata: { ...event?.metadata, ...ofOneRun } } };
  return { ...timeless, hash: recordHash(canonicalJson(timeless, arrival).text) };
}

/** What an item tells of the folders above changes with them, and is not asked for again: its path and sharing are. */
const ofAbove = { has_collaborations: undefined, path_collection: undefined };

function withoutAbove(row: Record<string, unknown>): Record<string, unknown> {
  const told = Object.fromEntries(Object.keys(fileRecord.shape).map((name) => [name, row[name]]));
  const raw = { ...(row['raw'] as object), ...ofAbove };
  return { ...row, raw, hash: recordHash(canonicalJson({ ...told, raw, sharing: row['sharing'] }).text) };
}

const comparable: Partial<Record<RecordKind, typeof withoutAbove>> = {
  activities: withoutArrival,
  files: withoutAbove,
};

export async function presentOf(db: Db, connectionId: string): Promise<Present> {
  const present = await Promise.all(
    recordKinds.map(async (kind) => {
      const rows = (await rowsOf(db, connectionId, kind)).filter((row) => !row['removedAt']);
      return [kind, new Map(rows.map((row) => [row.vendorId, comparable[kind]?.(row) ?? row]))] as const;
    }),
  );
  return Object.fromEntries(present);
}

/** Against the records of a run that nothing disturbed, whose log has gone on meanwhile. */
export function differencesFromUndisturbed(disturbed: Present, undisturbed: Present): string[] {
  return Object.entries(disturbed).flatMap(([kind, rows]) => {
    const calm = undisturbed[kind] ?? new Map<string, Record<string, unknown>>();
    const ids = [...calm.keys()];
    const other = [...rows].filter(([id, row]) => calm.has(id) && calm.get(id)!['hash'] !== row['hash']);
    const example = other[0];
    return [
      ...setDifferences(
        `${kind} beside an undisturbed run`,
        [...rows.keys()],
        kind === 'activities' ? ids.filter((id) => rows.has(id)) : ids,
      ),
      ...(example
        ? [
            `${kind}: ${other.length} have another hash, e.g. ${example[0]} in ${fieldsThatDiffer(example[1], calm.get(example[0])!)}`,
          ]
        : []),
    ];
  });
}

const ofStorage = ['_id', 'connectionId', 'hash', 'observedAt', 'seenScan', 'part', 'missingSince'];

function fieldsThatDiffer(row: Record<string, unknown>, calm: Record<string, unknown>): string {
  const names = [...new Set([...Object.keys(row), ...Object.keys(calm)])].filter((name) => !ofStorage.includes(name));
  return names
    .flatMap((name) => {
      const [is, was] = [canonicalJson(row[name]).text, canonicalJson(calm[name]).text];
      if (is === was) return [];
      // From a little before the first letter that is another.
      const at = Math.max(0, [...is].findIndex((letter, n) => letter !== was[n]) - 40);
      return [`${name}: …${is.slice(at, at + 120)}, not …${was.slice(at, at + 120)}`];
    })
    .join('; ');
}
