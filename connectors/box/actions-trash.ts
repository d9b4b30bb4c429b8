import type { Action, Before } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { call, segment } from './api.ts';
import { isTrashed, rootId } from './items.ts';
import type { Item } from './schemas.ts';
import {
  gone,
  lostFromAbove,
  mustBeThere,
  reach,
  readState,
  stateOf,
  touchesOf,
  unseen,
  type FileTarget,
  type ItemState,
} from './item-state.ts';
import { attempt, restoreSharing } from './restore-sharing.ts';
import type { BoxSession, Settings } from './settings.ts';
import {
  counted,
  lookBelow,
  losingBelow,
  restoreBelow,
  together,
  unseenOf,
  type Below,
  type SharedItem,
} from './shared-below.ts';
import { ifMatch, losing, lostWith, names } from './sharing-state.ts';

type At = Pick<Item, 'type' | 'id'>;

/** If it is as it was read. */
export const toTrash = (owner: BoxSession, { type, id, etag }: Item) =>
  call(owner, 'DELETE', `/${type}s/{${type}_id}`, `/${type}s/${id}`, {
    accept: [404],
    ...ifMatch({ type, id, etag }),
    ...(type === 'folder' ? { query: { recursive: true } } : {}),
  });

/** Into `parentId` if told, else where it was. */
export const fromTrash = (owner: BoxSession, { type, id }: At, parentId?: string) =>
  call(owner, 'POST', `/${type}s/{${type}_id}`, `/${type}s/${id}`, {
    body: parentId === undefined ? {} : { parent: { id: parentId } },
  });

/** Of a folder, what lies in it. In the trash Box does not list that. */
export type TrashState = ItemState & { below?: SharedItem[]; contents?: Below['contents'] };

export const trashFile: Action<FileTarget, TrashState, Settings> = {
  repeat: 'readable',
  async read(base, target, before): Promise<Before<TrashState>> {
    const reached = await reach(base, target);
    const { at } = reached;
    const own = await stateOf(reached);
    if (own.place === 'gone') throw before ? await unseen(reached.owner, before) : gone(own);
    const done = own.place === 'trashed';
    const looked = at.type === 'folder' && !done ? await lookBelow(base, reached.owner, reached.item!) : undefined;
    const { shared: below = [], contents, unseen: notSeen = [] } = looked ?? {};
    const state = looked ? { ...own, below, contents } : own;
    const all = together(own, below);
    const began = base.calls();
    const above = done || before ? [] : await lostFromAbove(reached);
    const once = base.calls() - began;
    return {
      state,
      done,
      owner: done ? undefined : state.ownerId,
      losesAccess: done ? [] : [...losing(own.collaborations, own.link), ...above, ...losingBelow(below)],
      plan: [
        `Move ${state.name}${contents ? ` with all that is in it (${contents.items} items)` : ''} to the trash of its owner (DELETE /${at.type}s/{id}).`,
        ...(state.collaborations.length > 0 ? [`They lose access: ${names(state.collaborations)}.`] : []),
        ...(state.link ? [`The shared link (${state.link.access}) ends.`] : []),
        ...(below.length > 0 ? [`With it end ${counted(below)}.`] : []),
        ...unseenOf(notSeen),
      ],
      irreversible: [
        'If the enterprise keeps no trash, Box deletes for ever; what is in the trash is purged after 30 days unless set otherwise.',
        ...(done ? [] : lostWith(all, { link: all.link !== null, tightened: false })),
        ...(notSeen.length > 0 ? ['Links of what was not looked at do not come back with an undo.'] : []),
      ],
      // What is in the trash takes two calls to find.
      calls: 4,
      once,
      touches: [target, ...below.map(({ item }) => ({ fileId: item }))].flatMap((each) =>
        touchesOf(each, state.ownerId),
      ),
    };
  },
  async apply(base, target) {
    const { owner, item } = await reach(base, target);
    if (item && !isTrashed(item)) await toTrash(owner, item);
    return { after: await readState(base, target) };
  },
  async undo(base, target, before) {
    if (before.place !== 'there') return [];
    const lost = await bringBack(base, target, before);
    if (!before.below?.length) return lost;
    return [...lost, ...(await restoreBelow(base, (await reach(base, target)).owner, before.below))];
  },
  // With its folder in the trash too, or purged: nobody gets at it.
  standsWhen: ['conflict', 'notFound'],
  // Gone altogether is what an enterprise without a trash makes of it; the operator must see that.
  verified: (_, after) => after.place === 'trashed',
};

/** Out of the trash to where it was, and shared as it was. Answers what did not come back. */
async function bringBack(base: BoxSession, target: FileTarget, before: ItemState): Promise<string[]> {
  const { owner, at, item } = await reach(base, target);
  if (!item) throw await unseen(owner, before);
  const lost: readonly string[] = isTrashed(item)
    ? await intoParent(owner, before.parentId ?? rootId, (parent) => fromTrash(owner, at, parent))
    : await intoItsFolder(owner, item, before);
  const back = await reach(base, target);
  mustBeThere(await stateOf(back));
  return [...lost, ...(await restoreSharing(base, back.owner, back.item!, before))];
}

/** Into the root of its owner, where nobody else gets in, if Box does not take it into the folder that it was in. */
export async function intoParent(
  owner: BoxSession,
  parentId: string,
  put: (parentId: string) => Promise<unknown>,
): Promise<string[]> {
  try {
    await put(parentId);
    return [];
  } catch (error) {
    if (parentId === rootId || !Failure.is(error, 'notFound', 'forbidden', 'conflict')) throw error;
    await put(rootId);
    return [
      `it lies in the root of its owner, as the folder that it was in (${parentId}) did not take it: ${error.message}`,
    ];
  }
}

export const moveTo = (owner: BoxSession, { type, id }: At, parent: string) =>
  call(owner, 'PUT', `/${type}s/{${type}_id}`, `/${type}s/${segment(id)}`, { body: { parent: { id: parent } } });

/** Of what is there already: an undo of before may have left it in the root, as its folder did not take it then. */
export async function intoItsFolder(
  owner: BoxSession,
  item: Item,
  { parentId }: Pick<ItemState, 'parentId'>,
): Promise<readonly string[]> {
  if (isTrashed(item) || parentId === null || (item.parent?.id ?? rootId) === parentId) return [];
  return attempt(`it does not lie in the folder that it was in (${parentId})`, async () => {
    await moveTo(owner, item, parentId);
  });
}

export const restoreFile: Action<FileTarget, ItemState, Settings> = {
  repeat: 'readable',
  async read(base, target): Promise<Before<ItemState>> {
    const { at, ...reached } = await reach(base, target);
    const state = await stateOf({ at, ...reached });
    if (state.place === 'gone') throw gone(state);
    return {
      state,
      done: state.place === 'there',
      plan: [
        `Restore ${state.name} from the trash to where it was (POST /${at.type}s/{id}): ` +
          'who had access by a folder above has it again.',
        ...(at.type === 'folder' && state.place === 'trashed'
          ? [
              'Box does not list what a folder in the trash holds: people with whom something in it was shared may get in again.',
            ]
          : []),
      ],
      irreversible: ['Box restores no shared link: it must be made again.'],
      calls: 5,
      touches: touchesOf(target, state.ownerId),
    };
  },
  async apply(base, target) {
    const { owner, at, item } = await reach(base, target);
    if (item && isTrashed(item)) await fromTrash(owner, at);
    return { after: await readState(base, target) };
  },
  async undo(base, target, before) {
    const reached = await reach(base, target);
    if (before.place === 'trashed' && (await stateOf(reached)).place === 'there')
      await toTrash(reached.owner, reached.item!);
  },
  verified: (_, after) => after.place === 'there',
};
