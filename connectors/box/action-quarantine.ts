import type { Action, Before } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { conflict } from './account-actions.ts';
import { actAs } from './accounts.ts';
import { readItem } from './files-lookup.ts';
import { fileId, isTrashed, rootId } from './items.ts';
import {
  lostFromAbove,
  reach,
  stateOf,
  touchesOf,
  type FileTarget,
  type ItemState,
  type Reached,
} from './item-state.ts';
import { keeperOf, quarantined, quarantineName, removeCase, whileLetIn } from './quarantine-place.ts';
import type { Item } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';
import {
  closeBelow,
  counted,
  losingBelow,
  mostOfOneAction,
  readSharedBelow,
  restoreBelow,
  together,
  type SharedItem,
} from './shared-below.ts';
import {
  callsToEnd,
  losing,
  lostWith,
  names,
  readSharing,
  removeCollaborations,
  removeLinkOf,
} from './sharing-state.ts';
import { fromTrash, intoItsFolder, intoParent, moveTo, toTrash } from './actions-trash.ts';
import { attempt, restoreSharing } from './restore-sharing.ts';

export type QuarantineState = Omit<ItemState, 'place'> & {
  place: ItemState['place'] | 'quarantined';
  /** Of a folder: what in it is shared by itself. */
  below?: SharedItem[];
};

interface Located {
  reached: Reached;
  /** The item in quarantine. */
  held?: Item;
}

interface Found extends Located {
  state: QuarantineState;
  /** How many calls it took to look through a folder. */
  calls: number;
}

async function find(base: BoxSession, target: FileTarget, before?: QuarantineState): Promise<Located> {
  const reached = await reachAgain(base, target, before);
  if (reached.at.type === 'web_link')
    throw conflict(`${target.fileId} is a bookmark`, 'remove its link, or move it to the trash');
  return { reached, held: await quarantined(reached) };
}

async function read(base: BoxSession, target: FileTarget, before?: QuarantineState): Promise<Found> {
  const { reached, held } = await find(base, target, before);
  const { keeper } = await keeperOf(base);
  const state = held ? await heldState(base, keeper, held) : await stateOf(reached);
  if (reached.at.type !== 'folder' || state.place === 'gone') return { reached, state, held, calls: 0 };
  // Box does not list what a folder in the trash holds.
  if (state.place === 'trashed') return { reached, state: { ...state, below: [] }, held, calls: mostOfOneAction.calls };
  const { shared: below, calls } = await readSharedBelow(base, held ? keeper : reached.owner, held ?? reached.item!);
  return { reached, state: { ...state, below }, held, calls };
}

/** Out of quarantine it is with whom it was before, though it was last seen with who keeps it. */
async function reachAgain(base: BoxSession, target: FileTarget, before?: QuarantineState): Promise<Reached> {
  const reached = await reach(base, target);
  if (reached.item || !before || before.ownerId === reached.ownerId) return reached;
  return reach(base, target, before.ownerId);
}

async function heldState(base: BoxSession, keeper: BoxSession, held: Item): Promise<QuarantineState> {
  const { link, collaborations } = await readSharing(base, keeper, held);
  // Somebody who was let in for a move is there still if that was broken off.
  const letIn = await readSharing(base, keeper, { type: 'folder', id: held.parent!.id });
  return {
    name: held.name,
    place: 'quarantined',
    ownerId: held.owned_by!.id,
    parentId: held.parent!.id,
    versionId: held.file_version?.id ?? null,
    sha1: held.sha1 ?? null,
    size: held.type === 'file' ? (held.size ?? null) : null,
    link,
    collaborations: [...collaborations, ...letIn.collaborations],
  };
}

function planOf(state: QuarantineState, keeperId: string): string[] {
  const { below = [] } = state;
  const trashed = state.place === 'trashed';
  const isFolder = state.below !== undefined;
  return [
    ...(state.link ? [`Remove the shared link (${state.link.access}).`] : []),
    ...(state.collaborations.length > 0 ? [`Remove the collaborations of ${names(state.collaborations)}.`] : []),
    ...(below.length > 0 ? [`Remove ${counted(below)}.`] : []),
    `${trashed ? 'Restore' : 'Move'} ${state.name} ${isFolder ? 'with all that is in it ' : ''}` +
      `${trashed ? 'from the trash ' : ''}into "${quarantineName}" of user ${keeperId}: ` +
      'its owner and whoever had access by a folder above lose it.',
    ...(trashed && isFolder
      ? [
          'Remove every link and collaboration of what is in it: what that is Box shows once it is out of the trash, ' +
            'and so how many calls it takes: the number that is told is the most.',
        ]
      : []),
  ];
}

/** To find it here and there before and afterwards, to let its owner in, to move it, and to let nobody in again. */
const callsToHold = 18;

export const quarantineFile: Action<FileTarget, QuarantineState, Settings> = {
  repeat: 'readable',
  async read(base, target, before): Promise<Before<QuarantineState>> {
    const { state, reached, calls } = await read(base, target, before);
    const done = state.place === 'quarantined';
    if (state.place === 'gone')
      throw new Failure('notFound', `${state.name} is neither there nor in the trash`, { who: 'operator' });
    const { keeperId } = await keeperOf(base);
    if (!done && state.ownerId === keeperId)
      throw conflict(`${state.name} belongs to who keeps the quarantine already`);
    const trashed = state.place === 'trashed';
    const { below = [] } = state;
    const all = together(state, below);
    const isFolder = state.below !== undefined;
    const began = base.calls();
    const above = done || trashed || before ? [] : await lostFromAbove(reached);
    const once = base.calls() - began;
    return {
      state,
      done,
      plan: planOf(state, keeperId),
      irreversible: [
        ...lostWith(all, { link: all.link !== null, tightened: false }),
        ...(trashed ? lostInTrash(isFolder) : []),
        ...(isFolder && !trashed ? ['What of it lies in the trash already is not looked at.'] : []),
        'While it is in quarantine its size counts for who keeps it.',
      ],
      owner: done ? undefined : state.ownerId,
      losesAccess: done
        ? []
        : [
            { who: `user ${state.ownerId}`, how: 'owns it' },
            ...losing(state.collaborations, state.link),
            ...above,
            ...losingBelow(below),
          ],
      calls: callsToHold + 2 * calls + [state, ...below].reduce((sum, one) => sum + callsToEnd(one), 0),
      once,
      touches: [
        ...touchesOf(target, reached.ownerId),
        ...below.flatMap(({ item }) => touchesOf({ fileId: item }, reached.ownerId)),
      ],
    };
  },
  async apply(base, target, before) {
    const { reached, state } = await mindful(base, target, before);
    const { owner, at, item } = reached;
    if (state.place === 'there') {
      if (state.link) await removeLinkOf(owner, item!);
      await closeBelow(owner, state.below ?? []);
      await removeCollaborations(owner, item!, state.collaborations);
      await whileLetIn(reached, before.ownerId, async (folder) => void (await moveTo(owner, at, folder)));
    } else if (state.place === 'trashed')
      await whileLetIn(reached, before.ownerId, async (folder) => void (await fromTrash(owner, at, folder)));
    else if (state.place === 'gone') throw conflict(`${state.name} has gone since the plan was made`);
    const moved = await mindful(base, target, before);
    if (!moved.held || isClosed(moved.state)) return { after: moved.state };
    await closeHeld(base, moved.held, moved.state);
    return { after: (await read(base, target, before)).state };
  },
  async undo(base, target, before) {
    const found = await find(base, target, before);
    const { back, lost } = await giveBack(base, found, before);
    const owner = await actAs(base, before.ownerId);
    const shares =
      before.place === 'trashed'
        ? []
        : [
            ...(await restoreSharing(base, owner, back, before)),
            ...(await restoreBelow(base, owner, before.below ?? [])),
          ];
    const left = 'the empty folder that it had in quarantine is left there';
    return [...lost, ...shares, ...(await attempt(left, () => removeCase(base, found.reached.at)))];
  },
  verified: (_, after) => after.place === 'quarantined' && isClosed(after),
};

/** Out of quarantine to where it was, or into the trash if it came from there. */
async function giveBack(
  base: BoxSession,
  { reached, held }: Located,
  before: QuarantineState,
): Promise<{ back: Item; lost: readonly string[] }> {
  const { at } = reached;
  const owner = await actAs(base, before.ownerId);
  let lost: readonly string[] = [];
  if (held)
    await whileLetIn(reached, before.ownerId, async () => {
      lost = await intoParent(owner, before.parentId ?? rootId, (parent) => moveTo(owner, at, parent));
    });
  else if (!reached.item) throw conflict(`${before.name} is in quarantine no more`);
  else lost = await intoItsFolder(owner, reached.item, before);
  const back = await readItem(owner, at);
  if (!back) throw new Failure('unavailable', `${fileId(at)} did not come back to its owner`, { who: 'operator' });
  if (before.place === 'trashed' && !isTrashed(back)) await toTrash(owner, back);
  return { back, lost };
}

/** As `read`. What a folder in the trash holds shows when it is out: if that is too much, it goes back there. */
async function mindful(base: BoxSession, target: FileTarget, before: QuarantineState): Promise<Found> {
  try {
    return await read(base, target, before);
  } catch (error) {
    if (before.place !== 'trashed' || !Failure.is(error, 'conflict')) throw error;
    const found = await find(base, target, before);
    if (!found.held) throw error;
    await giveBack(base, found, before);
    await removeCase(base, found.reached.at);
    throw conflict(`${error.message}; it is in the trash again`, error.details.remedy);
  }
}

const lostInTrash = (isFolder: boolean): string[] => [
  `Box does not show with whom something in the trash was shared: those collaborations${isFolder ? ', and the links and collaborations of what is in it,' : ''} are removed for good.`,
  'Until they are removed, moments after it left the trash, they let in whom they did before.',
  'Box does not tell from which folder something in the trash came: after an undo it lies in the trash as from the root.',
];

const isClosed = ({ link, collaborations, below = [] }: QuarantineState) =>
  link === null && collaborations.length === 0 && below.length === 0;

/** What comes out of the trash brings its collaborations along, and a move that was broken off leaves somebody let in. */
async function closeHeld(base: BoxSession, held: Item, state: QuarantineState): Promise<void> {
  const { keeper } = await keeperOf(base);
  if (state.link) await removeLinkOf(keeper, held);
  await closeBelow(keeper, state.below ?? []);
  await removeCollaborations(keeper, held, state.collaborations);
  await removeCollaborations(keeper, { type: 'folder', id: held.parent!.id }, state.collaborations);
}
