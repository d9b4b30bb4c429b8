import type { Action, Before } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { conflict } from './account-actions.ts';
import { call } from './api.ts';
import { isTrashed } from './items.ts';
import type { Item } from './schemas.ts';
import {
  lostFromAbove,
  mustBeThere,
  reach,
  readState,
  stateOf,
  touchesOf,
  type FileTarget,
  type ItemState,
} from './item-state.ts';
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
import { losing, lostWith, names, restoreSharing } from './sharing-state.ts';

type At = Pick<Item, 'type' | 'id'>;

export const toTrash = (owner: BoxSession, { type, id }: At) =>
  call(owner, 'DELETE', `/${type}s/{${type}_id}`, `/${type}s/${id}`, {
    accept: [404],
    ...(type === 'folder' ? { query: { recursive: true } } : {}),
  });

/** Into `parentId` if told, else where it was. */
export const fromTrash = (owner: BoxSession, { type, id }: At, parentId?: string) =>
  call(owner, 'POST', `/${type}s/{${type}_id}`, `/${type}s/${id}`, {
    body: parentId === undefined ? {} : { parent: { id: parentId } },
  });

const gone = ({ name }: ItemState) =>
  new Failure('notFound', `${name} is neither there nor in the trash`, {
    who: 'operator',
    remedy: 'a file in a folder that is in the trash comes back with that folder',
  });

/** Of a folder, what lies in it. In the trash Box does not list that. */
export type TrashState = ItemState & { below?: SharedItem[]; contents?: Below['contents'] };

export const trashFile: Action<FileTarget, TrashState, Settings> = {
  repeat: 'readable',
  async read(base, target, before): Promise<Before<TrashState>> {
    const reached = await reach(base, target);
    const { at } = reached;
    const own = await stateOf(reached);
    if (own.place === 'gone') throw gone(own);
    const done = own.place === 'trashed';
    const looked = at.type === 'folder' && !done ? await lookBelow(base, reached.owner, reached.item!) : undefined;
    const { shared: below = [], contents, unseen = [] } = looked ?? {};
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
        ...unseenOf(unseen),
      ],
      irreversible: [
        'If the enterprise keeps no trash, Box deletes for ever; what is in the trash is purged after 30 days unless set otherwise.',
        ...(done ? [] : lostWith(all, { link: all.link !== null, tightened: false })),
        ...(unseen.length > 0 ? ['Links of what was not looked at do not come back with an undo.'] : []),
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
    const { owner, at, item } = await reach(base, target);
    if (item && !isTrashed(item)) await toTrash(owner, at);
    return { after: await readState(base, target) };
  },
  async undo(base, target, before) {
    if (before.place !== 'there') return;
    await bringBack(base, target, before);
    if (before.below?.length) await restoreBelow(base, (await reach(base, target)).owner, before.below);
  },
  // Gone altogether is what an enterprise without a trash makes of it; the operator must see that.
  verified: (_, after) => after.place === 'trashed',
};

/** Out of the trash to where it was, and shared as it was. */
export async function bringBack(base: BoxSession, target: FileTarget, before: ItemState): Promise<void> {
  const { owner, at } = await reach(base, target);
  const { place, name } = await readState(base, target);
  if (place === 'gone') throw conflict(`${name} is in the trash no more`);
  if (place === 'trashed') await fromTrash(owner, at, before.parentId ?? undefined);
  const back = await reach(base, target);
  mustBeThere(await stateOf(back));
  await restoreSharing(base, back.owner, back.item!, before);
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
    const { owner, at } = await reach(base, target);
    if (before.place === 'trashed' && (await readState(base, target)).place === 'there') await toTrash(owner, at);
  },
  verified: (_, after) => after.place === 'there',
};
