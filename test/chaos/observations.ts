import type { Collection, Document, Timestamp } from 'mongodb';
import { recordKinds, type RecordKind } from '../../connectors/records.ts';
import { stubborn } from './stubborn.ts';

/** Of the account that MongoDB keeps of what was committed. */
export interface Entry extends Document {
  op: string;
  ns: string;
  o: Document;
  o2?: Document;
}

const kinds: readonly string[] = recordKinds;
const most = 5;

/** Where the account of what was committed stands now. */
export async function lastCommitted(oplog: Collection): Promise<Timestamp | undefined> {
  const [last] = await stubborn(() => oplog.find<{ ts: Timestamp }>({}).sort({ $natural: -1 }).limit(1).toArray());
  return last?.ts;
}

export const committedSince = (oplog: Collection, since: Timestamp): Promise<Entry[]> =>
  stubborn(() => oplog.find<Entry>({ ts: { $gt: since } } as object).toArray());

const single = (entries: readonly Entry[]): Entry[] =>
  entries.flatMap((entry) => (entry.o['applyOps'] as Entry[] | undefined) ?? [entry]);
const kindOf = ({ ns }: Entry): string => ns?.split('.').at(-1) ?? '';
const idOf = ({ o, o2 }: Entry): string => String(o2?.['_id'] ?? o['_id']);

/**
 * Every record that was replaced by an older observation. A later scan puts such a one right, so that what is there in
 * the end does not tell.
 */
export function olderOverNewer(entries: readonly Entry[]): string[] {
  const newest = new Map<string, number>();
  const wrong = new Set<string>();
  for (const entry of single(entries)) {
    const kind = kindOf(entry);
    if (!kinds.includes(kind) || kind === 'activities') continue;
    const id = `${kind} ${idOf(entry)}`;
    const at = entry.op === 'd' ? undefined : timeSet(entry.o, 'observedAt');
    if (entry.op === 'd') newest.delete(id);
    if (at === undefined) continue;
    if (at < (newest.get(id) ?? 0)) wrong.add(id);
    newest.set(id, at);
  }
  const some = [...wrong].slice(0, most).join(', ');
  return wrong.size > 0 ? [`an older observation replaced a newer one of ${wrong.size} (${some})`] : [];
}

/** Whether this record was marked as gone meanwhile; it may be there again. */
export const wasTakenForGone = (entries: readonly Entry[], kind: RecordKind, id: string): boolean =>
  single(entries).some(
    (entry) => kindOf(entry) === kind && idOf(entry) === id && timeSet(entry.o, 'removedAt') !== undefined,
  );

/** Of a whole row, or of what an update changes. */
function timeSet(o: Document, name: string): number | undefined {
  const diff = o['diff'] as { u?: Document; i?: Document } | undefined;
  const at: unknown = diff ? (diff.u?.[name] ?? diff.i?.[name]) : o[name];
  return at instanceof Date ? at.getTime() : undefined;
}
