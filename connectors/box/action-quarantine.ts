import type { Action, Before } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { conflict } from './account-actions.ts';
import { actAs, ownId } from './accounts.ts';
import { all, call, listByMarker, segment } from './api.ts';
import { readItem } from './files-lookup.ts';
import { fileId, rootId } from './items.ts';
import {
  lostFromAbove,
  reach,
  stateOf,
  touchesOf,
  type FileTarget,
  type ItemState,
  type Reached,
} from './item-state.ts';
import { item as itemSchema, type Item } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';
import {
  collaborationIdOf,
  losing,
  lostWith,
  names,
  readSharing,
  removeCollaborations,
  removeLinkOf,
  restoreSharing,
} from './sharing-state.ts';
import { fromTrash, toTrash } from './actions-trash.ts';

export type QuarantineState = Omit<ItemState, 'place'> & { place: ItemState['place'] | 'quarantined' };

const folderName = 'Castellan quarantine';
const caseName = ({ id }: Pick<Item, 'id'>) => `file ${id}`;

/** Who keeps what is quarantined: a user of the enterprise that the operator names, else our service account. */
async function keeperOf(base: BoxSession): Promise<{ keeper: BoxSession; keeperId: string }> {
  const { quarantineUserId } = base.settings;
  if (quarantineUserId) return { keeper: await actAs(base, quarantineUserId), keeperId: quarantineUserId };
  return { keeper: base, keeperId: await ownId(base) };
}

/** The file where only its keeper sees it. */
async function quarantined({ base, at }: Reached): Promise<Item | undefined> {
  const { keeper, keeperId } = await keeperOf(base);
  const item = await readItem(keeper, at);
  return item?.owned_by?.id === keeperId && item.parent?.name === caseName(at) ? item : undefined;
}

async function read(base: BoxSession, target: FileTarget) {
  const reached = await reach(base, target);
  if (reached.at.type !== 'file')
    throw conflict(`${target.fileId} is no file`, 'quarantine the files in it, or make the folder private');
  const { keeper } = await keeperOf(base);
  const held = await quarantined(reached);
  const ordinary = held ? undefined : await stateOf(reached);
  const state: QuarantineState = ordinary ?? {
    name: held!.name,
    place: 'quarantined',
    ownerId: held!.owned_by!.id,
    parentId: held!.parent!.id,
    versionId: held!.file_version?.id ?? null,
    sha1: held!.sha1 ?? null,
    size: held!.size ?? null,
    ...(await readSharing(base, keeper, held!)),
  };
  return { reached, state, held };
}

async function folderIn(keeper: BoxSession, parent: string, name: string): Promise<string> {
  const made = await call(keeper, 'POST', '/folders', '/folders', {
    accept: [409],
    body: { name, parent: { id: parent } },
  });
  if (made.status !== 409) return made.json(itemSchema).id;
  const found = await folderBelow(keeper, parent, name);
  if (!found) throw new Failure('unavailable', `Box has a folder "${name}" and does not list it`, { who: 'vendor' });
  return found;
}

async function folderBelow(keeper: BoxSession, parent: string, name: string): Promise<string | undefined> {
  const { rows } = await all((marker) =>
    listByMarker(keeper, '/folders/{folder_id}/items', `/folders/${parent}/items`, itemSchema, {
      marker,
      query: { usemarker: true, limit: 1000, fields: 'name' },
    }),
  );
  return rows.find((row) => row.type === 'folder' && row.name === name)?.id;
}

/**
 * Only who may write in both folders may move a file. So the owner is let into the file's own folder in quarantine for
 * the time of the move and no longer, and sees nothing else that is there.
 */
async function whileLetIn(
  { base, at }: Pick<Reached, 'base' | 'at'>,
  ownerId: string,
  move: (caseFolder: string) => Promise<void>,
): Promise<void> {
  const { keeper, keeperId } = await keeperOf(base);
  const top = await folderIn(keeper, rootId, folderName);
  const folder = await folderIn(keeper, top, caseName(at));
  if (ownerId === keeperId) return move(folder);
  const grantee = `user:${ownerId}`;
  const shared = { type: 'folder' as const, id: folder };
  let id = await collaborationIdOf(keeper, shared, grantee);
  if (id === undefined) {
    const body = { item: shared, accessible_by: { type: 'user', id: ownerId }, role: 'editor' };
    await call(keeper, 'POST', '/collaborations', '/collaborations', { query: { notify: false }, body });
    id = await collaborationIdOf(keeper, shared, grantee);
  }
  if (id === undefined) throw new Failure('unavailable', 'Box shows no collaboration that it has just made');
  const path = `/collaborations/${segment(id)}`;
  const operation = '/collaborations/{collaboration_id}';
  // An invitation inside the enterprise is accepted at once, unless the enterprise wants otherwise.
  const present = await call(keeper, 'GET', operation, path, { query: { fields: 'status' } });
  if (/"pending"/.test(present.text()))
    await call(base.as(ownerId), 'PUT', operation, path, { body: { status: 'accepted' } });
  try {
    await move(folder);
  } finally {
    await call(keeper, 'DELETE', operation, path, { accept: [404] });
  }
}

const moveTo = (owner: BoxSession, id: string, parent: string) =>
  call(owner, 'PUT', '/files/{file_id}', `/files/${segment(id)}`, { body: { parent: { id: parent } } });

export const quarantineFile: Action<FileTarget, QuarantineState, Settings> = {
  repeat: 'readable',
  async read(base, target): Promise<Before<QuarantineState>> {
    const { state, reached } = await read(base, target);
    const done = state.place === 'quarantined';
    if (state.place === 'gone')
      throw new Failure('notFound', `${state.name} is neither there nor in the trash`, { who: 'operator' });
    const { keeperId } = await keeperOf(base);
    if (!done && state.ownerId === keeperId)
      throw conflict(`${state.name} belongs to who keeps the quarantine already`);
    const trashed = state.place === 'trashed';
    return {
      state,
      done,
      plan: [
        ...(state.link ? [`Remove the shared link (${state.link.access}).`] : []),
        ...(state.collaborations.length > 0 ? [`Remove the collaborations of ${names(state.collaborations)}.`] : []),
        `${trashed ? 'Restore' : 'Move'} ${state.name} ${trashed ? 'from the trash ' : ''}into "${folderName}" of user ${keeperId}: ` +
          'its owner and whoever had access by a folder above lose it.',
      ],
      irreversible: [
        ...lostWith(state, { link: state.link !== null, tightened: false }),
        ...(trashed
          ? [
              'Box does not show with whom something in the trash was shared: those collaborations are removed for good.',
              'Box does not tell from which folder something in the trash came: after an undo it lies in the trash as from the root.',
            ]
          : []),
        'While it is in quarantine its size counts for who keeps it.',
      ],
      losesAccess: done
        ? []
        : [
            { who: `user ${state.ownerId}`, how: 'owns it' },
            ...losing(state.collaborations, state.link),
            ...(trashed ? [] : await lostFromAbove(reached)),
          ],
      calls: state.collaborations.length + 12,
      touches: [...touchesOf(target, reached.ownerId)],
    };
  },
  async apply(base, target, before) {
    const { reached, state } = await read(base, target);
    const { owner, at, item } = reached;
    if (state.place === 'there') {
      if (state.link) await removeLinkOf(owner, at);
      await removeCollaborations(owner, item!, state.collaborations);
      await whileLetIn(reached, before.ownerId, async (folder) => void (await moveTo(owner, at.id, folder)));
    } else if (state.place === 'trashed')
      await whileLetIn(reached, before.ownerId, async (folder) => void (await fromTrash(owner, at, folder)));
    else if (state.place === 'gone') throw conflict(`${state.name} has gone since the plan was made`);
    await closeHeld(base, target);
    return { after: (await read(base, target)).state };
  },
  async undo(base, target, before) {
    const { reached, state, held } = await read(base, target);
    const { at } = reached;
    const owner = await actAs(base, before.ownerId);
    if (held)
      await whileLetIn(
        reached,
        before.ownerId,
        async () => void (await moveTo(owner, at.id, before.parentId ?? rootId)),
      );
    else if (state.place === 'gone') throw conflict(`${before.name} is in quarantine no more`);
    const back = await readItem(owner, at);
    if (!back) throw new Failure('unavailable', `${fileId(at)} did not come back to its owner`, { who: 'operator' });
    if (before.place === 'trashed') {
      if (back.item_status !== 'trashed') await toTrash(owner, at);
    } else await restoreSharing(base, owner, back, before);
    await removeCase(base, at);
  },
  verified: (_, after) => after.place === 'quarantined' && after.link === null && after.collaborations.length === 0,
};

/** What comes out of the trash brings its collaborations along. */
async function closeHeld(base: BoxSession, target: FileTarget): Promise<void> {
  const { held, state } = await read(base, target);
  if (!held) return;
  const { keeper } = await keeperOf(base);
  if (state.link) await removeLinkOf(keeper, held);
  await removeCollaborations(keeper, held, state.collaborations);
}

/** The empty folder that the file had in quarantine. */
async function removeCase(base: BoxSession, at: Pick<Item, 'id'>): Promise<void> {
  const { keeper } = await keeperOf(base);
  const top = await folderBelow(keeper, rootId, folderName);
  const folder = top && (await folderBelow(keeper, top, caseName(at)));
  if (!folder) return;
  // Not recursive: with something in it, it stays.
  const path = `/folders/${folder}`;
  await call(keeper, 'DELETE', '/folders/{folder_id}', path, { accept: [400, 404] });
  await call(keeper, 'DELETE', '/folders/{folder_id}/trash', `${path}/trash`, { accept: [404] });
}
