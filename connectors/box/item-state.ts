import type { ActionTarget } from '../actions.ts';
import type { LostAccess } from '../connector.ts';
import type { Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { conflict } from './account-actions.ts';
import { readItem } from './files-lookup.ts';
import { above, fileId, isTrashed, parseFileId, rootId } from './items.ts';
import type { Item } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { collaborationsOf, granteeOf, insidersAmong, linkShare } from './shares.ts';
import { readSharing, type SharingState } from './sharing-state.ts';
import { actAs } from './accounts.ts';

export type FileTarget = ActionTarget<'trashFile'>;

/** Without etag, dates and counts, which move by themselves. */
export type ItemState = SharingState & {
  name: string;
  place: 'there' | 'trashed' | 'gone';
  ownerId: string;
  /** `0` is the root; unknown in the trash. */
  parentId: string | null;
  versionId: string | null;
  sha1: string | null;
  size: number | null;
};

export interface Reached {
  base: BoxSession;
  /** Acts as who owns the item. */
  owner: BoxSession;
  ownerId: string;
  at: Pick<Item, 'type' | 'id'>;
  item?: Item;
}

/**
 * Finds an item by its id alone: only its owner reaches it, and who that is was seen by a scan, or `known` from a read
 * of before. Whom the scan saw may have given it away since, and reach it no more once the action took their share.
 */
export async function reach(base: BoxSession, target: FileTarget, known?: string): Promise<Reached> {
  const at = parseFileId(target.fileId);
  const subject = known ?? (await base.partOf({ kind: 'files', vendorId: target.fileId }));
  if (subject === undefined)
    throw new Failure('notFound', `nobody is known to own ${target.fileId}`, {
      who: 'operator',
      remedy: 'wait until a scan has seen it: Box shows an item only to who owns it or is invited',
    });
  let owner = await actAs(base, subject);
  let item = await readItem(owner, at);
  const ownerId = item?.owned_by?.id ?? subject;
  if (ownerId !== subject) {
    owner = await actAs(base, ownerId);
    item = await readItem(owner, at);
  }
  return { base, owner, ownerId, at, item };
}

export async function stateOf({ base, owner, ownerId, at, item }: Reached): Promise<ItemState> {
  if (!item)
    return {
      name: at.id,
      place: 'gone',
      ownerId,
      parentId: null,
      versionId: null,
      sha1: null,
      size: null,
      link: null,
      collaborations: [],
    };
  const trashed = isTrashed(item);
  const sharing = trashed ? { link: null, collaborations: [] } : await readSharing(base, owner, item);
  return {
    name: item.name,
    place: trashed ? 'trashed' : 'there',
    ownerId,
    parentId: trashed ? null : (item.parent?.id ?? rootId),
    versionId: item.file_version?.id ?? null,
    sha1: item.sha1 ?? null,
    // A folder's is the sum of what is in it, which others change.
    size: item.type === 'file' ? (item.size ?? null) : null,
    ...sharing,
  };
}

/** Calls of one more reading in a session. */
export const callsToRead = ({ at }: Pick<Reached, 'at'>, { collaborations }: SharingState): number =>
  1 + (at.type === 'web_link' ? 0 : Math.max(1, Math.ceil(collaborations.length / 1000)));

export const readState = async (base: BoxSession, target: FileTarget): Promise<ItemState> =>
  stateOf(await reach(base, target));

export function mustBeThere({ place, name }: ItemState): void {
  if (place === 'gone') throw new Failure('notFound', `${name} is not there any more`, { who: 'operator' });
  if (place === 'trashed') throw conflict(`${name} is in the trash`, 'restore it first, or quarantine it');
}

export const gone = ({ name }: Pick<ItemState, 'name'>) =>
  new Failure('notFound', `${name} is neither there nor in the trash as Box shows it`, {
    who: 'operator',
    remedy: 'if a folder above is in the trash, restore that: Box does not show what lies in it',
  });

/** Why an item that was there before is not: Box does not show what lies in a folder in the trash. */
export async function unseen(owner: BoxSession, { name, parentId }: Pick<ItemState, 'name' | 'parentId'>) {
  if (parentId === null || parentId === rootId) return gone({ name });
  const parent = await readItem(owner, { type: 'folder', id: parentId });
  if (!parent || !isTrashed(parent)) return gone({ name });
  return conflict(
    `${name} cannot be reached while its folder ${parent.name} (${fileId(parent)}) is in the trash`,
    'restore that folder first',
  );
}

export const touchesOf = ({ fileId: vendorId }: FileTarget, ownerId: string): Ref[] => [
  { kind: 'files', vendorId, part: ownerId },
];

type LostWay = Pick<LostAccess, 'who' | 'names' | 'group'>;

interface Inherited {
  folder: Pick<Item, 'type' | 'id' | 'name'>;
  people: LostWay[];
}

/** Who gets in through the folders above, the nearest last. */
async function inherited({ base, owner, item }: Reached): Promise<Inherited[]> {
  const found: Inherited[] = [];
  for (const { id, name } of item ? above(item) : []) {
    const folder = await readItem(owner, { type: 'folder', id });
    if (!folder) continue;
    const link = folder.shared_link ? linkShare(folder.shared_link, owner.now()) : undefined;
    const rows = folder.has_collaborations === false ? [] : await collaborationsOf(owner, folder);
    const known = await insidersAmong(base, rows);
    const people = rows.map((row): LostWay => {
      const { who, to } = granteeOf(row, known);
      const by = row.accessible_by;
      return { who, names: [to, ...(by ? [by.id] : [])], ...(by?.type === 'group' ? { group: by.id } : {}) };
    });
    if (link && link.sharing !== 'private')
      people.push({ who: `whoever has the link for ${link.to === '*' ? 'everybody' : 'the company'}` });
    if (people.length > 0) found.push({ folder: { ...folder, name: name ?? id }, people });
  }
  return found;
}

/** Those whom an action on the item leaves where they are: sentences for the plan. */
export async function inheritedAccess(reached: Reached): Promise<string[]> {
  return (await inherited(reached)).map(({ folder, people }) => {
    const more = people.length > 10 ? ` and ${people.length - 10} more` : '';
    const named = people
      .slice(0, 10)
      .map(({ who }) => who)
      .join(', ');
    return `Stay, through the folder ${folder.name} (${fileId(folder)}): ${named}${more}. Act on that folder to change it.`;
  });
}

/** Those who lose it when the item goes to another place. */
export async function lostFromAbove(reached: Reached): Promise<LostAccess[]> {
  return (await inherited(reached)).flatMap(({ folder, people }) =>
    people.map((lost) => ({ ...lost, how: `through the folder ${folder.name} (${fileId(folder)})` })),
  );
}
