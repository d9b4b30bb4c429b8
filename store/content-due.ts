import type { ClientSession, Collection, Db } from 'mongodb';
import type { ContentFields, FileContent } from './content-documents.ts';
import type { ConnectionDocument, PositionDocument } from './documents.ts';
import type { RecordRow } from './record-rows.ts';

/** How contents are read where they are: absent where they are not. */
export interface ContentPlace {
  maxBytes: number;
}

export const defaultContentBytes = 100 * 1024 * 1024;

/** Asked anew for each group of files: whoever switches it on means the very next scan. */
export async function contentPlace(
  db: Db,
  connectionId: string,
  stage: PositionDocument['stage'],
): Promise<ContentPlace | undefined> {
  if (stage !== 'files' && stage !== 'pending') return undefined;
  const connection = await db
    .collection<ConnectionDocument>('connections')
    .findOne({ _id: connectionId, content: 'on' }, { projection: { contentMaxBytes: 1 } });
  return connection ? { maxBytes: connection.contentMaxBytes ?? defaultContentBytes } : undefined;
}

/** What a file's row tells of its content; for the projection of known rows. */
export const contentFields = { type: 1, trashed: 1, version: 1, content: 1, contentDue: 1 } as const;
export type KnownContent = ContentFields & Record<string, unknown>;

interface FileWrites {
  known: ReadonlyMap<string, KnownContent>;
  inserts: readonly (RecordRow & ContentFields)[];
  updates: readonly { _id: string; update: { $set: Partial<RecordRow>; $unset: Record<string, true> } }[];
  /** Unchanged rows by the time they were observed. */
  same: ReadonlyMap<number, readonly string[]>;
}

/** What changed while we watch goes before what a sweep finds. */
const first = new Date(0);

/**
 * Marks, in the transaction that writes files, those whose content is not what was read of it. The mark is in the row
 * itself: it costs an entry in an index that has only marked rows.
 * @param scan the sweep's, or null of what changed
 */
export async function markContents(
  rows: Collection<RecordRow>,
  session: ClientSession,
  { content: place, scan }: { content: ContentPlace; scan: number | null },
  { known, inserts, updates, same }: FileWrites,
): Promise<void> {
  const dueAt = (observedAt: Date): Date => (scan === null ? first : observedAt);
  const wanted = (file: KnownContent, content: FileContent | undefined): boolean =>
    file['type'] === 'file' &&
    file['trashed'] !== true &&
    typeof file['version'] === 'string' &&
    isOpen(content, file['version'], place, scan !== null);

  for (const row of inserts) if (wanted(row, undefined)) row.contentDue = dueAt(row.observedAt);
  for (const { _id, update } of updates) {
    const before = known.get(_id);
    const changed = before?.['version'] !== update.$set['version'];
    if (!wanted(update.$set, before?.content)) Object.assign(update.$unset, { contentDue: true, contentWork: true });
    else if (changed || !before?.contentDue) {
      update.$set['contentDue'] = dueAt(update.$set.observedAt!);
      // Whoever reads the content before loses the right to say what it is.
      if (changed) update.$unset['contentWork'] = true;
    }
  }
  for (const [at, ids] of same) {
    const open = ids.filter((id) => !known.get(id)!.contentDue && wanted(known.get(id)!, known.get(id)!.content));
    if (open.length === 0) continue;
    await rows.updateMany({ _id: { $in: open } }, { $set: { contentDue: dueAt(new Date(at)) } }, { session });
  }
}

function isOpen(
  content: FileContent | undefined,
  version: string,
  { maxBytes }: ContentPlace,
  sweeping: boolean,
): boolean {
  if (content?.version !== version) return true;
  if (!('skipped' in content)) return false;
  return content.skipped === 'tooLarge' ? (content.size ?? Infinity) <= maxBytes : sweeping;
}
