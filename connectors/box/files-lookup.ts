import type { Gone, Looked, Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import type { FileRecord } from '../records.ts';
import { actAs } from './accounts.ts';
import { call } from './api.ts';
import { fileId, fileRecord, isTrashed, itemFields, parseFileId } from './items.ts';
import { lookEach, type Found } from '../kit/look-each.ts';
import { readManaged } from './lookup-users.ts';
import { item as itemSchema, type Item } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { sharesOf } from './shares.ts';

const operationOf = (type: Item['type'], rest = '') => `/${type}s/{${type}_id}${rest}`;

/** As it is for `owner`: there, in the trash, or undefined when neither. */
export async function readItem(owner: BoxSession, at: Pick<Item, 'type' | 'id'>): Promise<Item | undefined> {
  const query = { fields: itemFields };
  const path = `/${at.type}s/${at.id}`;
  // Of a web link Box takes no list of fields.
  const asked = at.type === 'web_link' ? {} : { query };
  const answer = await call(owner, 'GET', operationOf(at.type), path, { accept: [404], ...asked });
  if (answer.status !== 404) return answer.json(itemSchema);
  const trash = await call(owner, 'GET', operationOf(at.type, '/trash'), `${path}/trash`, { accept: [404], query });
  if (trash.status === 404) return undefined;
  return { ...trash.json(itemSchema), item_status: 'trashed' };
}

/**
 * By id, as whoever owns it: the ref's part tells, else what was seen before. An item that nobody saw cannot be asked
 * for, since only its owner reaches it.
 */
export function lookupFiles(base: BoxSession, refs: readonly Ref[]): Promise<Looked<FileRecord>> {
  return lookEach<FileRecord>(refs, async (ref) => {
    const { kind, vendorId } = ref;
    const at = parseFileId(vendorId);
    const subject = ref.part || (await base.partOf(ref));
    if (!subject) return 'unknown';
    const there = await lookAs(base, subject, at);
    if (there) return there;
    // What was heard of it may be older than what was seen: that it is somebody else's by now.
    const last = ref.part ? await base.partOf(ref) : undefined;
    if (last === undefined || last === subject) return gone(ref);
    return (await lookAs(base, last, at)) ?? gone({ kind, vendorId });
  });
}

/** Undefined: it is not there for this user, or whoever has it is none of the enterprise. */
async function lookAs(
  base: BoxSession,
  subject: string,
  at: Pick<Item, 'type' | 'id'>,
): Promise<Found<FileRecord> | undefined> {
  let as = subject;
  try {
    let owner = await actAs(base, as);
    let item = await readItem(owner, at);
    const holder = item?.owned_by?.id;
    if (item && holder !== undefined && holder !== subject) {
      // It changed hands: only who has it now sees the whole path.
      as = holder;
      owner = await actAs(base, as);
      item = await readItem(owner, at);
    }
    return item && (await found(base, owner, item));
  } catch (error) {
    // As an outsider nobody can ask, and what is theirs is not kept. Nor as somebody who was deleted: what they had has
    // gone, or an event names who has it now.
    if (!Failure.is(error, 'forbidden', 'notFound') || (await readManaged(base, as))) throw error;
    return undefined;
  }
}

const gone = (ref: Ref): Found<FileRecord> => {
  const at = parseFileId(ref.vendorId);
  return { records: [], absent: [ref], removed: at.type === 'folder' ? [below(at)] : [] };
};

const below = (folder: Pick<Item, 'type' | 'id'>): Gone => ({ kind: 'files', under: fileId(folder) });

async function found(base: BoxSession, owner: BoxSession, item: Item): Promise<Found<FileRecord>> {
  if (isTrashed(item)) {
    const record = fileRecord(item, []);
    // What lies in a folder in the trash is listed nowhere.
    if (item.type !== 'folder') return { records: [record] };
    return { records: [record], removed: [below(item)] };
  }
  return { records: [fileRecord(item, await sharesOf(base, owner, item))] };
}
