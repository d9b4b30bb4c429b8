import type { AnyBulkWriteOperation, ClientSession, Db } from 'mongodb';
import type { Gone, Ref, Touched } from '../connectors/pages.ts';
import type { AnyRecord, RecordKind } from '../connectors/records.ts';
import { findGoneHolders, isHolderKind, wentWith } from './belongings.ts';
import { contentFields, markContents, type ContentPlace, type KnownContent } from './content-due.ts';
import { inherit, type FileWrites } from './inherit.ts';
import { hearObserved, writeObserved, type Observed } from './observed.ts';
import { changedRow, newRow, prepareRecord, recordId, type PreparedRecord, type RecordRow } from './record-rows.ts';
import { removeSet, tombstone, type GoneSet } from './removal.ts';
import type { Group } from './positions-interface.ts';
import { spreadGone } from './spread-tasks.ts';

/** The last word of a group about one record: how it is, that it is gone, or still what is stored under a hash. */
type Word = { observedAt: Date; vendorId: string } &
  /** Where it is, if that is sure; of what is gone: from where. */
  ({ record: PreparedRecord | null; part?: string } | { kept: string });

/** All that a group says, worked out before its transaction begins. */
export interface PreparedGroup {
  words: Map<RecordKind, Map<string, Word>>;
  sets: { set: GoneSet; observedAt: Date }[];
  /** By `_id`. */
  observed: Map<string, Observed>;
}

export interface WritePlace {
  connectionId: string;
  app: string;
  /** Of a new record, and of a known one where the place is sure. */
  part: string;
  /** Where parts overlap (a feed that is none of the swept parts): a known record keeps its own. */
  keepParts: boolean;
  /** Told one by one, by `_id`, for refs from elsewhere. */
  parts?: ReadonlyMap<string, string>;
  /** The scan that has seen the records; null when no scan has. */
  scan: number | null;
  /** That scan has gone past what folders hold, and who belongs to what. */
  past?: boolean;
  /** Where contents of files are read. */
  content?: ContentPlace;
}

export interface Written {
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
}

export interface WrittenGroup {
  written: Written;
  /** What was to be kept and is not stored so, or may have gone since; folders of which a watch knows no contents. */
  again: Touched[];
}

export const isGoneSet = (gone: Gone): gone is GoneSet => 'under' in gone || 'parent' in gone;

/** The newest observation of a record wins, the last of equals. Activities are never gone. */
export function prepareGroup(connectionId: string, pages: Group['pages']): PreparedGroup {
  type Said = { record: AnyRecord; part?: string } | { ref: Ref } | { kept: string };
  const last = new Map<RecordKind, Map<string, { observedAt: Date; said: Said }>>();
  const sets: PreparedGroup['sets'] = [];
  const observed: PreparedGroup['observed'] = new Map();
  for (const { records, kept = [], observed: told = [], removed, observedAt, part } of pages) {
    for (const record of told) hearObserved(observed, connectionId, record, observedAt);
    const hear = ({ kind, vendorId }: Pick<Ref, 'kind' | 'vendorId'>, said: Said): void => {
      let ofKind = last.get(kind);
      if (!ofKind) last.set(kind, (ofKind = new Map()));
      const before = ofKind.get(vendorId);
      if (!before || before.observedAt <= observedAt) ofKind.set(vendorId, { observedAt, said });
    };
    for (const gone of removed) {
      if (gone.kind === 'activities') continue;
      if (isGoneSet(gone)) sets.push({ set: gone, observedAt });
      else hear(gone, { ref: gone });
    }
    for (const one of kept) hear(one, { kept: one.hash });
    for (const record of records) hear(record, { record, part });
  }
  const words: PreparedGroup['words'] = new Map();
  for (const [kind, ofKind] of last) {
    const prepared = new Map<string, Word>();
    for (const [vendorId, { observedAt, said }] of ofKind) {
      const word =
        'record' in said
          ? { record: prepareRecord(said.record), part: said.part }
          : 'ref' in said
            ? { record: null, part: said.ref.part }
            : said;
      prepared.set(recordId(connectionId, vendorId), { observedAt, vendorId, ...word });
    }
    words.set(kind, prepared);
  }
  return { words, sets, observed };
}

/** Nothing older replaces anything newer, whichever lane brings it. For a transaction that conflicts repeat whole. */
export async function writeGroup(
  db: Db,
  session: ClientSession,
  place: WritePlace,
  { words, sets, observed }: PreparedGroup,
): Promise<WrittenGroup> {
  const written: Written = { added: 0, changed: 0, unchanged: 0, removed: 0 };
  const again: Touched[] = [];
  const count = (done: Written) => {
    for (const name of Object.keys(written) as (keyof Written)[]) written[name] += done[name];
  };
  for (const [kind, ofKind] of words) {
    const done = await writeKind(db, session, place, kind, ofKind);
    count(done.written);
    again.push(...done.again);
  }
  if (observed.size > 0) count(await writeObserved(db, session, place, observed));
  for (const { set, observedAt } of sets) {
    written.removed += await removeSet(db, session, place.connectionId, place.part, set, observedAt);
  }
  return { written, again };
}

type Known = Pick<RecordRow, '_id' | 'hash' | 'observedAt' | 'part' | 'removedAt'> & KnownContent;

async function writeKind(
  db: Db,
  session: ClientSession,
  place: WritePlace,
  kind: RecordKind,
  words: ReadonlyMap<string, Word>,
): Promise<WrittenGroup> {
  const { connectionId } = place;
  const { content } = kind === 'files' ? place : {};
  const rows = db.collection<RecordRow>(kind);
  const known = new Map<string, Known>();
  // An array at once: awaiting row by row costs more than the reading.
  const found: Known[] = await rows
    .find(
      { _id: { $in: [...words.keys()] } },
      {
        session,
        batchSize: words.size + 1,
        projection: { hash: 1, observedAt: 1, part: 1, removedAt: 1, ...(content && contentFields) },
      },
    )
    .toArray();
  for (const row of found) known.set(row._id, row);
  const isMissing = (_id: string): boolean => !known.has(_id) || known.get(_id)!.removedAt !== undefined;
  const appearing = [...words].flatMap(([_id, word]) =>
    'record' in word && word.record && isMissing(_id) ? [word.record.fields] : [],
  );
  const isOfGone = await findGoneHolders(db, session, connectionId, kind, appearing);

  const written: Written = { added: 0, changed: 0, unchanged: 0, removed: 0 };
  const again: Touched[] = [];
  const inserts: RecordRow[] = [];
  const updates: FileWrites['updates'][number][] = [];
  const back: string[] = [];
  const same = new Map<number, string[]>();
  const gone = new Map<number, string[]>();
  const stillGone = new Map<number, string[]>();

  for (const [_id, word] of words) {
    const before = known.get(_id);
    const { observedAt } = word;
    const sure = 'kept' in word || !word.record ? undefined : word.part;
    const part = sure ?? place.parts?.get(_id) ?? place.part;
    if ('kept' in word) {
      if (!before || before.removedAt || before.hash !== word.kept) again.push({ kind, vendorId: word.vendorId, part });
      else {
        written.unchanged += 1;
        if (before.observedAt <= observedAt) listAt(same, observedAt).push(_id);
      }
      continue;
    }
    const { record } = word;
    if (record && isMissing(_id) && isOfGone(record.fields, observedAt)) written.unchanged += 1;
    else if (!before) {
      if (record) {
        written.added += 1;
        inserts.push(newRow(_id, place, part, record, observedAt));
      } else inserts.push(tombstone(_id, kind, word.vendorId, { ...place, part }, observedAt));
    } else if (!record) {
      const elsewhere = word.part !== undefined && word.part !== before.part;
      if (before.observedAt >= observedAt || elsewhere) continue;
      listAt(before.removedAt ? stillGone : gone, observedAt).push(_id);
    } else if (kind === 'activities' || before.observedAt > observedAt) {
      written.unchanged += 1;
      // Gone from where it was, as of the later look; seen elsewhere, as of the earlier one: it may have moved.
      if (before.removedAt && sure !== undefined && sure !== before.part)
        again.push({ kind, vendorId: word.vendorId, part: sure });
    } else {
      const home = sure === undefined && place.keepParts && !before.removedAt ? before.part : part;
      if (before.removedAt) back.push(_id);
      if (before.removedAt) written.added += 1;
      else if (before.hash === record.hash && before.part === home) written.unchanged += 1;
      else written.changed += 1;
      if (before.hash === record.hash && before.part === home) listAt(same, observedAt).push(_id);
      else updates.push({ _id, update: changedRow(kind, place, home, record, observedAt) });
    }
  }

  const comesTo = place.scan !== null && !place.past;
  if (kind === 'files') {
    const { come, fromTrash, overtaken } = await inherit(db, session, {
      connectionId,
      inserts,
      updates,
      back,
      gone: [...gone.values()].flat(),
    });
    again.push(...overtaken.map((vendorId) => ({ kind, vendorId, part: place.part })));
    // A sweep comes to what they hold by itself.
    if (!comesTo)
      for (const vendorId of come) {
        const _id = recordId(connectionId, vendorId);
        const part = place.parts?.get(_id) ?? known.get(_id)?.part;
        again.push({
          ...{ kind, vendorId, children: true },
          ...(fromTrash.has(vendorId) ? { fromTrash: true } : {}),
          ...(part === undefined ? {} : { part }),
        });
      }
  }
  if (isHolderKind(kind)) {
    const vendorIdOf = (_id: string): string => words.get(_id)!.vendorId;
    const never = new Map<number, string[]>();
    for (const { _id, removedAt } of inserts) if (removedAt) listAt(never, removedAt).push(_id);
    for (const [at, ids] of [...gone, ...never])
      await spreadGone(db, session, connectionId, { kind, ids: ids.map(vendorIdOf), observedAt: new Date(at) });
    if (!comesTo && back.length > 0) {
      const holders = back.map((_id) => ({ vendorId: vendorIdOf(_id), removedAt: known.get(_id)!.removedAt! }));
      again.push(...(await wentWith(db, session, connectionId, kind, holders)));
    }
  }
  if (content) await markContents(rows, session, { content, scan: place.scan }, { known, inserts, updates, same });
  const seen = place.scan === null ? {} : { seenScan: place.scan };
  for (const [at, ids] of same) {
    await rows.updateMany(
      { _id: { $in: ids } },
      { $set: { observedAt: new Date(at), ...seen }, $unset: { missingSince: true, removedAt: true } },
      { session },
    );
  }
  for (const [at, ids] of gone) {
    const observedAt = new Date(at);
    await rows.updateMany(
      { _id: { $in: ids } },
      { $set: { observedAt, removedAt: observedAt }, $unset: { missingSince: true } },
      { session },
    );
    written.removed += ids.length;
  }
  for (const [at, ids] of stillGone)
    await rows.updateMany({ _id: { $in: ids } }, { $set: { observedAt: new Date(at) } }, { session });
  if (inserts.length > 0) await rows.insertMany(inserts, { session, ordered: false, ignoreUndefined: true });
  const operations = updates.map(({ _id, update }): AnyBulkWriteOperation<RecordRow> => ({
    updateOne: { filter: { _id }, update },
  }));
  if (operations.length > 0) await rows.bulkWrite(operations, { session, ordered: false, ignoreUndefined: true });
  return { written, again };
}

function listAt(lists: Map<number, string[]>, at: Date): string[] {
  const list = lists.get(at.getTime()) ?? [];
  lists.set(at.getTime(), list);
  return list;
}
