import type { Collection, Document, Timestamp } from 'mongodb';
import { recordKinds } from '../../connectors/records.ts';
import { stubborn } from './stubborn.ts';

interface Entry extends Document {
  ts: Timestamp;
  op: string;
  ns: string;
  o: Document;
  o2?: Document;
}

const kinds: readonly string[] = recordKinds;
const most = 5;

/** Where the account of what was committed stands now. */
export async function lastCommitted(oplog: Collection): Promise<Timestamp | undefined> {
  const [last] = await stubborn(() => oplog.find<Entry>({}).sort({ $natural: -1 }).limit(1).toArray());
  return last?.ts;
}

/**
 * Every record that was replaced by an older observation since then. A later scan puts such a one right, so that what is
 * there in the end does not tell.
 */
export async function olderOverNewer(oplog: Collection, since: Timestamp | undefined): Promise<string[]> {
  if (!since) return [];
  const entries = await stubborn(() => oplog.find<Entry>({ ts: { $gt: since } }).toArray());
  const newest = new Map<string, number>();
  const wrong = new Set<string>();
  for (const { op, ns, o, o2 } of entries.flatMap((entry) => (entry.o['applyOps'] as Entry[] | undefined) ?? [entry])) {
    const kind = ns?.split('.').at(-1) ?? '';
    if (!kinds.includes(kind) || kind === 'activities') continue;
    const id = `${kind} ${String(o2?.['_id'] ?? o['_id'])}`;
    const at = op === 'd' ? undefined : observedAt(o);
    if (op === 'd') newest.delete(id);
    if (at === undefined) continue;
    if (at < (newest.get(id) ?? 0)) wrong.add(id);
    newest.set(id, at);
  }
  const some = [...wrong].slice(0, most).join(', ');
  return wrong.size > 0 ? [`an older observation replaced a newer one of ${wrong.size} (${some})`] : [];
}

/** Of a whole row, or of what an update changes. */
function observedAt(o: Document): number | undefined {
  const diff = o['diff'] as { u?: Document; i?: Document } | undefined;
  const at: unknown = diff ? (diff.u?.['observedAt'] ?? diff.i?.['observedAt']) : o['observedAt'];
  return at instanceof Date ? at.getTime() : undefined;
}
