import { Failure } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { listByMarker, segment } from './api.ts';
import { readItem } from './files-lookup.ts';
import { fileId, isTrashed, itemFields, parseFileId } from './items.ts';
import { attempt, restoreSharing } from './restore-sharing.ts';
import { item as itemSchema, type Item } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { linkState, readSharing, removeCollaborations, removeLinkOf, type SharingState } from './sharing-state.ts';

/** What lies in a folder and is shared by itself. */
export type SharedItem = SharingState & { item: string; name: string };

export interface SharedBelow {
  shared: SharedItem[];
  /** Calls that it took to find out. */
  calls: number;
}

/** One step of an action reads all of it up to three times and has a minute, at a thousand calls a minute and user. */
export const mostOfOneAction = { items: 1_000, calls: 250, shares: 500 };
const atOnce = 8;

const tooMuch = (what: string, folder: Item) =>
  new Failure('conflict', `refused: ${folder.name} holds ${what}, more than one action may change`, {
    who: 'operator',
    remedy: `quarantine the files in it, in a batch by the filter {"ancestor":"${fileId(folder)}","type":"file"}`,
  });

/** Every item below a folder with shares of its own, in the order of their ids. What lies in the trash is not listed. */
export async function readSharedBelow(base: BoxSession, owner: BoxSession, folder: Item): Promise<SharedBelow> {
  const { items, calls } = await listBelow(owner, folder);
  const asked = items.filter(({ type, has_collaborations: has }) => type !== 'web_link' && has !== false);
  if (calls + asked.length > mostOfOneAction.calls)
    throw tooMuch(`${asked.length} items that Box must be asked about one by one`, folder);
  const unasked = items.filter((item) => !asked.includes(item));
  const shared = [
    ...(await inParallel(asked, atOnce, async (item) => ({
      ...named(item),
      ...(await readSharing(base, owner, item)),
    }))),
    ...unasked.map((item) => ({ ...named(item), link: linkState(item.shared_link), collaborations: [] })),
  ].filter(({ link, collaborations }) => link !== null || collaborations.length > 0);
  const shares = shared.reduce((sum, { link, collaborations }) => sum + collaborations.length + (link ? 1 : 0), 0);
  if (shares > mostOfOneAction.shares) throw tooMuch(`${shares} shares`, folder);
  shared.sort((a, b) => (a.item < b.item ? -1 : 1));
  return { shared, calls: calls + asked.length };
}

const named = (item: Item) => ({ item: fileId(item), name: item.name || item.id });

async function listBelow(owner: BoxSession, folder: Item): Promise<{ items: Item[]; calls: number }> {
  const items: Item[] = [];
  const folders = [folder.id];
  let calls = 0;
  for (let id = folders.pop(); id !== undefined; id = folders.pop()) {
    let marker: string | undefined;
    do {
      const path = `/folders/${segment(id)}/items`;
      const query = { fields: itemFields, usemarker: true, limit: 1000 };
      const page = await listByMarker(owner, '/folders/{folder_id}/items', path, itemSchema, { marker, query });
      // An item that cannot be read may be shared with anybody.
      if (page.skipped[0]) throw new Failure('unavailable', `folder ${id} lists an item of ${page.skipped[0].why}`);
      items.push(...page.rows);
      folders.push(...page.rows.flatMap((row) => (row.type === 'folder' ? [row.id] : [])));
      marker = page.next;
      calls += 1;
      if (items.length > mostOfOneAction.items) throw tooMuch(`more than ${mostOfOneAction.items} items`, folder);
      if (calls > mostOfOneAction.calls) throw tooMuch(`more than ${mostOfOneAction.calls} folders`, folder);
    } while (marker !== undefined);
  }
  return { items, calls };
}

/** Links first, which let in the most. */
export async function closeBelow(owner: BoxSession, shared: readonly SharedItem[]): Promise<void> {
  for (const { item, link } of shared) if (link) await removeLinkOf(owner, parseFileId(item));
  for (const { item, collaborations } of shared) await removeCollaborations(owner, parseFileId(item), collaborations);
}

/** What was removed or thrown away meanwhile stays so. Answers what did not come back. */
export async function restoreBelow(
  base: BoxSession,
  owner: BoxSession,
  shared: readonly SharedItem[],
): Promise<string[]> {
  const lost: string[] = [];
  for (const { item: id, name, ...wanted } of shared) {
    const found = await attempt('its shares did not come back', async () => {
      const item = await readItem(owner, parseFileId(id));
      if (!item || isTrashed(item)) return ['it is not there any more, and its shares are not'];
      return restoreSharing(base, owner, item, wanted);
    });
    lost.push(...found.map((why) => `${name} (${id}): ${why}`));
  }
  return lost;
}
