import { z } from 'zod';
import type { Stage } from '../connector.ts';
import type { Children, FolderRef, Kept, Page, PageRequest, Part, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure, type Evidence } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';
import type { FileRecord } from '../records.ts';
import { actAs, listUsers } from './accounts.ts';
import { call, listByMarker, rowsOf, segment } from './api.ts';
import { lookupFiles } from './files-lookup.ts';
import { fileId, fileRecord, listedFields, parseFileId, rootId, type Place } from './items.ts';
import { item as itemSchema, markerPage, type Item } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';
import { linkSharesOf, mayBeInvitedTo, sharesOf } from './shares.ts';
import { standing } from './standing-shares.ts';
import { frame, grown, placeIn, treeCursor, wholeTree, type Frame } from './tree.ts';

/** Of the folder; then of its owner's trash, which begins with an empty marker. */
const childrenCursor = createCursor(1, z.union([frame, z.object({ trash: z.string() })]));
const partsCursor = createCursor(1, z.object({ marker: z.string() }));

/** Several small folders at once, a large one alone with the largest page. */
const foldersAtOnce = 5;
const firstPage = 200;
const largestPage = 1000;
/** With so many items whose collaborations are a call each a page would not end in time. */
const mostCollaborated = 250;
const collaborationsAtOnce = 8;
const mostRestarts = 3;

/** A part a user: the user's own tree, read as the user. What others shared into it is in their parts. */
async function parts(session: BoxSession, request: PageRequest): Promise<Page<Part>> {
  const marker = request.cursor === undefined ? undefined : partsCursor.read(request.cursor).marker;
  const page = await listUsers(session, marker);
  return {
    records: page.rows.map(({ id, login }) => ({ id, title: login || id, subject: id })),
    skipped: page.skipped,
    next: page.next === undefined ? undefined : partsCursor.write({ marker: page.next }),
  };
}

interface Read {
  at: Frame;
  records: FileRecord[];
  kept: Kept[];
  skipped: Skipped[];
  /** Below, to be read next. */
  folders: Pick<Frame, 'id' | 'name'>[];
  /** The same folder again, from its next marker. */
  again: Frame | undefined;
  gone?: true;
}

/** Recorded once, in the part of who owns it. */
const ownedBy = (subject: string) => (item: Item) => item.owned_by?.id === subject;

async function readFolder(base: BoxSession, subject: string, at: Frame, place: Place): Promise<Read> {
  const owner = await actAs(base, subject);
  const nothing = { at, records: [], kept: [], skipped: [], folders: [] };
  const limit = at.limit ?? (at.marker === undefined ? firstPage : largestPage);
  const answer = await call(owner, 'GET', '/folders/{folder_id}/items', `/folders/${segment(at.id)}/items`, {
    // A folder that was removed since it was listed has no items.
    accept: [404, ...(at.marker === undefined ? [] : [400])],
    query: { fields: listedFields, usemarker: true, marker: at.marker, limit },
  });
  if (answer.status === 404) {
    if (at.id === rootId) throw unseen(subject, 'has no folder that this app may see', answer404);
    return { ...nothing, again: undefined, gone: true };
  }
  if (answer.status === 400) {
    // Markers do not last; the folder is read again from its begin.
    const restarts = (at.restarts ?? 0) + 1;
    if (restarts > mostRestarts) throw new Failure('unavailable', `folder ${at.id}: Box takes none of its own markers`);
    return { ...nothing, again: { id: at.id, name: at.name, in: at.in, restarts } };
  }
  const page = answer.json(markerPage);
  const { rows, skipped } = rowsOf(page.entries, itemSchema);
  const own = rows.filter(ownedBy(subject));
  const kept = await standing(base, subject, own.filter(mayBeInvitedTo), place);
  const invited = own.filter((item) => mayBeInvitedTo(item) && !kept.has(item));
  if (invited.length > mostCollaborated && limit > firstPage) return { ...nothing, again: { ...at, limit: firstPage } };
  const refused = new Map<Item, Skipped>();
  const found = await inParallel(invited, collaborationsAtOnce, async (item) => {
    try {
      return await sharesOf(base, owner, item);
    } catch (error) {
      refused.set(item, refusalOf(error, fileId(item)));
      return [];
    }
  });
  const sharesBy = new Map(invited.map((item, index) => [item, found[index]!]));
  const now = owner.now();
  const marker = String(page.next_marker ?? '');
  if (marker !== '' && marker === at.marker) throw new Failure('unavailable', `folder ${at.id} repeats a page`);
  return {
    at,
    records: own
      .filter((item) => !kept.has(item) && !refused.has(item))
      .map((item) => fileRecord(item, sharesBy.get(item) ?? linkSharesOf(item, now), place)),
    kept: [...kept.values()],
    skipped: [...skipped, ...refused.values()],
    folders: own.flatMap(({ type, id, name }) => (type === 'folder' ? [{ id, name }] : [])),
    again: marker === '' ? undefined : { ...at, marker },
  };
}

async function sweep(base: BoxSession, request: PageRequest): Promise<Page<FileRecord>> {
  const subject = request.part.id;
  const place = request.cursor === undefined ? { ...wholeTree, trash: undefined } : treeCursor.read(request.cursor);
  const { stack } = place;
  if (stack.length === 0) {
    const { next, ...page } = await readTrash(base, subject, place.trash);
    return { ...page, next: next && treeCursor.write({ stack, above: {}, trash: next }) };
  }
  const small = (at: Frame | undefined) => at !== undefined && at.marker === undefined && at.limit === undefined;
  let first = stack.length - 1;
  if (small(stack[first])) while (small(stack[first - 1]) && stack.length - first < foldersAtOnce) first -= 1;
  const now = stack.slice(first);
  const read = await inParallel(now, foldersAtOnce, async (at): Promise<Read> => {
    try {
      return await readFolder(base, subject, at, placeIn(at, place.above));
    } catch (error) {
      if (at.id === rootId) throw ofSubject(error, subject);
      const skipped = [refusalOf(error, fileId({ type: 'folder', id: at.id }))];
      return { at, records: [], kept: [], skipped, folders: [], again: undefined };
    }
  });
  return {
    records: read.flatMap(({ records }) => records),
    kept: read.flatMap(({ kept }) => kept),
    skipped: read.flatMap(({ skipped }) => skipped),
    // Mostly for good; or it was in the trash, and is back before anybody else notices.
    touched: read.flatMap(({ at: { id }, gone }) =>
      gone ? [{ kind: 'files', vendorId: fileId({ type: 'folder', id }), part: subject, children: true }] : [],
    ),
    next: treeCursor.write(grown(place, read)),
  };
}

const listing = 'GET /folders/{folder_id}/items';
const answer404: Evidence = { operation: listing, status: 404 };
/** Of this user alone: every user has a root, so one that is not shown is one that we may not see. */
const unseen = (subject: string, why: string, evidence?: Evidence) =>
  new Failure('forbidden', `user ${subject} ${why}`, {
    who: 'tenant-admin',
    evidence,
    remedy: 'a co-admin does not reach admins; have the primary admin authorize the app, or leave this user out',
  });

const isScope = (error: Failure): boolean => /scope/.test(error.message);

/** A refusal at the root is about the user. */
function ofSubject(error: unknown, subject: string): unknown {
  if (!Failure.is(error, 'forbidden') || isScope(error)) return error;
  return unseen(subject, `cannot be acted as: ${error.message}`, error.details.evidence);
}

/** Further down it is about the folder or the item, and the rest of the tree is read all the same. */
function refusalOf(error: unknown, vendorId: string): Skipped {
  if (!Failure.is(error, 'forbidden', 'conflict') || isScope(error)) throw error;
  return { vendorId, why: error.message };
}

async function readTrash(base: BoxSession, subject: string, marker: string | undefined): Promise<Page<FileRecord>> {
  const page = await listByMarker(
    await actAs(base, subject),
    '/folders/trash/items',
    '/folders/trash/items',
    itemSchema,
    {
      marker,
      query: { fields: listedFields, usemarker: true, limit: largestPage },
    },
  );
  return {
    records: page.rows.filter(ownedBy(subject)).map((item) => fileRecord({ ...item, item_status: 'trashed' }, [])),
    skipped: page.skipped,
    /** A marker. */
    next: page.next,
  };
}

/**
 * As who owns the folder and where it lies, both as a look at it has just told. The list of the trash leaves out what lies
 * in a folder there, so what was thrown away before this one was is in it again.
 */
async function children(
  base: BoxSession,
  { vendorId, fromTrash }: FolderRef,
  cursor?: string,
): Promise<Children<FileRecord>> {
  const stored = (await base.recall('files', [vendorId])).get(vendorId);
  if (stored?.record.kind !== 'files' || stored.record.trashed) return { records: [], part: '' };
  const { ownerId: part = stored.part, name, path, ancestors } = stored.record;
  const at = cursor === undefined ? { id: parseFileId(vendorId).id, name } : childrenCursor.read(cursor);
  if ('trash' in at) {
    const { next, ...page } = await readTrash(base, part, at.trash || undefined);
    return { ...page, part, next: next && childrenCursor.write({ trash: next }) };
  }
  const { again, records, kept, skipped } = await readFolder(base, part, at, {
    path,
    ancestors: [...ancestors, vendorId],
  });
  const next = again ?? (fromTrash ? { trash: '' } : undefined);
  return { records, kept, skipped, part, next: next && childrenCursor.write(next) };
}

export const filesStage: Stage<FileRecord, Settings> = {
  parts,
  sweep,
  lookup: lookupFiles,
  sweptIn: ({ ownerId }) => ownerId,
  children,
};
