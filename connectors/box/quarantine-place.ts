import { Failure } from '../kit/failures.ts';
import { actAs, ownId } from './accounts.ts';
import { all, call, listByMarker, segment } from './api.ts';
import { readItem } from './files-lookup.ts';
import type { Reached } from './item-state.ts';
import { rootId } from './items.ts';
import { item as itemSchema, type Item } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { collaborationIdOf } from './sharing-state.ts';

export const quarantineName = 'Castellan quarantine';
const caseName = ({ type, id }: Pick<Item, 'type' | 'id'>) => `${type} ${id}`;

/** Who keeps what is quarantined: a user of the enterprise that the operator names, else our service account. */
export async function keeperOf(base: BoxSession): Promise<{ keeper: BoxSession; keeperId: string }> {
  const { quarantineUserId } = base.settings;
  if (quarantineUserId) return { keeper: await actAs(base, quarantineUserId), keeperId: quarantineUserId };
  return { keeper: base, keeperId: await ownId(base) };
}

/** The item where only its keeper sees it. */
export async function quarantined({ base, at }: Reached): Promise<Item | undefined> {
  const { keeper, keeperId } = await keeperOf(base);
  const item = await readItem(keeper, at);
  return item?.owned_by?.id === keeperId && item.parent?.name === caseName(at) ? item : undefined;
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
 * Only who may write in both folders may move an item. So the owner is let into the item's own folder in quarantine for
 * the time of the move and no longer, and sees nothing else that is there.
 */
export async function whileLetIn(
  { base, at }: Pick<Reached, 'base' | 'at'>,
  ownerId: string,
  move: (caseFolder: string) => Promise<void>,
): Promise<void> {
  const { keeper, keeperId } = await keeperOf(base);
  const top = await folderIn(keeper, rootId, quarantineName);
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

/** The empty folder that the item had in quarantine. */
export async function removeCase(base: BoxSession, at: Pick<Item, 'type' | 'id'>): Promise<void> {
  const { keeper } = await keeperOf(base);
  const top = await folderBelow(keeper, rootId, quarantineName);
  const folder = top && (await folderBelow(keeper, top, caseName(at)));
  if (!folder) return;
  // Not recursive: with something in it, it stays.
  const path = `/folders/${folder}`;
  await call(keeper, 'DELETE', '/folders/{folder_id}', path, { accept: [400, 404] });
  await call(keeper, 'DELETE', '/folders/{folder_id}/trash', `${path}/trash`, { accept: [404] });
}
