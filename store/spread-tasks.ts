import { randomUUID } from 'node:crypto';
import type { AnyBulkWriteOperation, ClientSession, Db, Filter, IndexDescription } from 'mongodb';
import type { RecordKind } from '../connectors/records.ts';
import { isHolderKind, type GoneHolders } from './belongings.ts';
import type { FileFacts } from './inheritance.ts';
import { recordId, type RecordRow } from './record-rows.ts';

/**
 * What lies below a folder, or a few files, must be worked out anew; or what belonged to somebody goes. `_id` is `connectionId/vendorId` of the folder, so
 * that its tasks merge.
 */
export interface SpreadDocument {
  _id: string;
  connectionId: string;
  /** All below it... */
  folder?: string;
  /** ...or these, by `_id`: when they were written, something above them was not there yet. */
  rows?: string[];
  /** ...or these were found gone, and what belonged to them goes too. */
  gone?: GoneHolders;
  since: Date;
  /** Changes whenever the task is put again. */
  stamp: string;
  /** The `_id` of the last row that was done. */
  after?: string;
  /** Who wrote without knowing of the change has ended. */
  clear?: boolean;
}

export const spreadIndexes: IndexDescription[] = [
  { name: 'oldest', key: { connectionId: 1, since: 1, _id: 1 } },
  { name: 'byRow', key: { connectionId: 1, rows: 1 } },
];

export const spreadsOf = (db: Db) => db.collection<SpreadDocument>('spreads');

/** A folder changed: its task begins anew, whatever had been done of it. */
export async function putSpreads(
  db: Db,
  session: ClientSession,
  connectionId: string,
  { folders, rows }: { folders: Iterable<string>; rows: readonly string[] },
): Promise<void> {
  const since = new Date();
  const writes: AnyBulkWriteOperation<SpreadDocument>[] = [...new Set(folders)].map((folder) => ({
    updateOne: {
      filter: { _id: recordId(connectionId, folder) },
      update: {
        $set: { stamp: randomUUID() },
        $unset: { after: true, clear: true },
        $setOnInsert: { connectionId, folder, since },
      },
      upsert: true,
    },
  }));
  if (rows.length > 0) {
    const stamp = randomUUID();
    const _id = recordId(connectionId, `rows ${stamp}`);
    writes.push({ insertOne: { document: { _id, connectionId, rows: [...rows], since, stamp } } });
  }
  if (writes.length > 0) await spreadsOf(db).bulkWrite(writes, { ordered: false, session });
}

/** Accounts or groups were found gone: who wrote meanwhile of what belonged to them is waited for. */
export async function spreadGone(
  db: Db,
  session: ClientSession,
  connectionId: string,
  gone: GoneHolders,
): Promise<void> {
  if (gone.ids.length === 0) return;
  const stamp = randomUUID();
  const _id = recordId(connectionId, `gone ${stamp}`);
  await spreadsOf(db).insertOne({ _id, connectionId, gone, since: new Date(), stamp }, { session });
}

/** Of folders, accounts and groups that a set takes away. Call it before they are marked. */
export async function spreadRemoved(
  db: Db,
  session: ClientSession,
  connectionId: string,
  kind: RecordKind,
  filter: Filter<RecordRow>,
  observedAt: Date,
): Promise<void> {
  if (kind !== 'files' && !isHolderKind(kind)) return;
  const found = await db
    .collection<RecordRow>(kind)
    .find(kind === 'files' ? { $and: [filter, { type: 'folder' }] } : filter, { session, projection: { vendorId: 1 } })
    .toArray();
  const ids = found.map(({ vendorId }) => vendorId);
  if (kind === 'files') await putSpreads(db, session, connectionId, { folders: ids, rows: [] });
  else await spreadGone(db, session, connectionId, { kind, ids, observedAt });
}

/** Of a file's row, what inheritance is worked out from and what it leads to. */
export type FileRow = Pick<RecordRow, '_id' | 'vendorId' | 'removedAt' | 'observedAt'> &
  FileFacts & {
    type: 'file' | 'folder';
    sharing: FileFacts['ownSharing'];
    sharedVia?: string;
    ownerId?: string;
    trashed?: boolean;
  };

export const fileFields = {
  vendorId: 1,
  type: 1,
  ancestors: 1,
  path: 1,
  ownSharing: 1,
  inherits: 1,
  sharing: 1,
  sharedVia: 1,
  ownerId: 1,
  trashed: 1,
  removedAt: 1,
  observedAt: 1,
} as const;

/** A row of before this field has only the effective one, which is at least as wide. */
export const ownSharingOf = (row: FileRow): FileFacts['ownSharing'] => row.ownSharing ?? row.sharing ?? 'private';

/** The rows of these files and of all above them that are stored, gone ones too. */
export async function loadWithAncestors(
  db: Db,
  session: ClientSession,
  connectionId: string,
  vendorIds: Iterable<string>,
  known: ReadonlyMap<string, FileFacts> = new Map(),
): Promise<Map<string, FileRow>> {
  const rows = new Map<string, FileRow>();
  const asked = new Set<string>();
  let wanted = [...new Set(vendorIds)];
  while (wanted.length > 0) {
    for (const id of wanted) asked.add(id);
    const found = await db
      .collection<FileRow>('files')
      .find(
        { _id: { $in: wanted.map((id) => recordId(connectionId, id)) } },
        { session, projection: fileFields, batchSize: wanted.length + 1 },
      )
      .toArray();
    // A tombstone tells of nothing.
    for (const row of found) if (row.ancestors) rows.set(row.vendorId, { ...row, ownSharing: ownSharingOf(row) });
    wanted = [...new Set(found.flatMap(({ ancestors = [] }) => ancestors))].filter(
      (id) => !asked.has(id) && !known.has(id),
    );
  }
  return rows;
}

export function factsIn(rows: ReadonlyMap<string, FileRow>): Map<string, FileFacts> {
  return new Map([...rows].filter(([, { removedAt }]) => removedAt === undefined));
}
