import type { ClientSession, Db } from 'mongodb';
import { mostOpen, type Share } from '../connectors/records.ts';
import { createInheritance, type FileFacts } from './inheritance.ts';
import type { RecordRow } from './record-rows.ts';
import { factsIn, loadWithAncestors, putSpreads, type FileRow } from './spread-tasks.ts';

/** What a group is about to write of files. */
export interface FileWrites {
  connectionId: string;
  inserts: readonly RecordRow[];
  updates: readonly { _id: string; update: { $set: Partial<RecordRow>; $unset: Record<string, true> } }[];
  /** By `_id`: were gone, and are there again. */
  back: readonly string[];
  gone: readonly string[];
}

/** By their ids. */
interface Noticed {
  /** Folders that come into sight: new, back, out of the trash, or with another owner, whose tree they come into. */
  come: string[];
  /** Those of them that were in the trash. */
  fromTrash: ReadonlySet<string>;
  /** New, from a page that was asked for before a folder above was found gone or in the trash. */
  overtaken: string[];
}

/**
 * Works out place and sharing of what is written, and puts a task where what lies below changes with it. To be called
 * in the transaction, before the writes.
 */
export async function inherit(db: Db, session: ClientSession, writes: FileWrites): Promise<Noticed> {
  const { connectionId, inserts, updates } = writes;
  const idOf = (_id: string): string => _id.slice(connectionId.length + 1);
  const fresh = inserts.filter(({ removedAt }) => removedAt === undefined);
  const said = new Map<string, FileFacts>();
  for (const row of fresh) said.set(row.vendorId, readFacts(row));
  for (const { _id, update } of updates) said.set(idOf(_id), readFacts(update.$set));
  if (said.size === 0 && writes.back.length === 0 && writes.gone.length === 0)
    return { come: [], fromTrash: new Set(), overtaken: [] };

  const back = new Set(writes.back.map(idOf));
  const folders = updates.filter(({ update }) => update.$set['type'] === 'folder').map(({ _id }) => idOf(_id));
  const rows = await loadWithAncestors(
    db,
    session,
    connectionId,
    [...[...said.values()].flatMap(({ ancestors }) => ancestors), ...folders, ...back, ...writes.gone.map(idOf)],
    said,
  );
  const facts = factsIn(rows);
  for (const id of back) if (rows.has(id)) facts.set(id, rows.get(id)!);
  for (const _id of writes.gone) facts.delete(idOf(_id));
  for (const [id, one] of said) facts.set(id, one);

  const inherited = createInheritance(facts);
  const changed: string[] = [];
  const come: string[] = [];
  const without: string[] = [];
  for (const row of fresh) {
    const { unseen, sharedVia, ...fields } = inherited(said.get(row.vendorId)!, row.vendorId);
    Object.assign(row, { ...fields, ...(sharedVia === undefined ? {} : { sharedVia }) });
    if (unseen.length > 0) without.push(row._id);
  }
  for (const { _id, update } of updates) {
    const id = idOf(_id);
    const { unseen, sharedVia, ...fields } = inherited(said.get(id)!, id);
    Object.assign(update.$set, fields);
    if (sharedVia === undefined) update.$unset['sharedVia'] = true;
    else update.$set['sharedVia'] = sharedVia;
    if (unseen.length > 0) without.push(_id);
    const before = rows.get(id);
    const isFolder = update.$set['type'] === 'folder';
    if (isFolder && !back.has(id) && comesIntoSight(before, update.$set)) come.push(id);
    if (isFolder && before && !back.has(id) && opensElse(before, { ...said.get(id)!, ...fields })) changed.push(id);
  }
  for (const _id of writes.gone) if (rows.get(idOf(_id))?.type === 'folder') changed.push(idOf(_id));
  const appeared = [...fresh.filter((row) => row['type'] === 'folder').map(({ vendorId }) => vendorId), ...back];
  const lying = new Map<string, Partial<RecordRow>>(fresh.map((row) => [row.vendorId, row]));
  for (const { _id, update } of updates) lying.set(idOf(_id), update.$set);
  for (const id of appeared) {
    const now = lying.get(id) ?? rows.get(id);
    if (now?.['type'] === 'folder' && !now['trashed']) come.push(id);
  }
  await putSpreads(db, session, connectionId, {
    folders: [...changed, ...(await withFilesBelow(db, session, connectionId, appeared))],
    rows: without,
  });
  const isOvertaken = (row: RecordRow): boolean =>
    !row['trashed'] && said.get(row.vendorId)!.ancestors.some((id) => leftAfter(rows.get(id), row.observedAt));
  return {
    come,
    fromTrash: new Set(come.filter((id) => rows.get(id)?.trashed)),
    overtaken: fresh.filter(isOvertaken).map(({ vendorId }) => vendorId),
  };
}

/** The facts of a row that is written; its own sharing is written with it. */
function readFacts(row: Partial<RecordRow>): FileFacts {
  const ownSharing = mostOpen(row['shares'] as Share[]);
  row['ownSharing'] = ownSharing;
  return {
    ancestors: row['ancestors'] as string[],
    path: String(row['path']),
    ownSharing,
    ...(row['inherits'] === false ? { inherits: false } : {}),
  };
}

const leftAfter = (above: FileRow | undefined, at: Date): boolean =>
  above !== undefined && (above.removedAt !== undefined || above.trashed === true) && above.observedAt > at;

const comesIntoSight = (before: FileRow | undefined, now: Partial<RecordRow>): boolean =>
  !now['trashed'] && (before === undefined || before.trashed === true || before.ownerId !== now['ownerId']);

const opensElse = (before: FileRow, after: FileFacts): boolean =>
  before.ownSharing !== after.ownSharing ||
  (before.inherits !== false) !== (after.inherits !== false) ||
  before.path !== after.path ||
  before.ancestors.join('\n') !== after.ancestors.join('\n');

/** Of folders that were not there, those whose contents came before. Who writes some meanwhile sees the folder missing. */
async function withFilesBelow(
  db: Db,
  session: ClientSession,
  connectionId: string,
  folders: readonly string[],
): Promise<string[]> {
  const files = db.collection<RecordRow>('files');
  const any = (ids: readonly string[]) =>
    files.findOne({ connectionId, ancestors: { $in: ids } }, { session, projection: { _id: 1 } });
  if (folders.length === 0 || !(await any(folders))) return [];
  const found: string[] = [];
  for (const folder of folders) if (await any([folder])) found.push(folder);
  return found;
}
