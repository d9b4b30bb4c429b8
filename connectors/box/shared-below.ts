import { createHash } from 'node:crypto';
import type { LostAccess } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { listByMarker, segment } from './api.ts';
import { readItem } from './files-lookup.ts';
import { fileId, isTrashed, itemFields, parseFileId } from './items.ts';
import { attempt, restoreSharing } from './restore-sharing.ts';
import { item as itemSchema, type Item } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { mayBeInvitedTo } from './shares.ts';
import {
  linkState,
  losing,
  readSharing,
  removeCollaborations,
  removeLinkOf,
  type SharingState,
} from './sharing-state.ts';

/** What lies in a folder and is shared by itself. */
export type SharedItem = SharingState & { item: string; name: string };

export interface Below {
  shared: SharedItem[];
  /** All that lies there as one text, other once anything came, went or was changed. */
  contents: { items: number; digest: string };
  /** Calls that it took to find out. */
  calls: number;
  /** Why not all of it was looked at. */
  unseen: string[];
}

/** One step of an action reads all of it up to three times and has a minute, at a thousand calls a minute and user. */
export const mostOfOneAction = { items: 1_000, calls: 250, shares: 500 };
const atOnce = 8;

/** Every item below a folder with shares of its own, in the order of their ids. What lies in the trash is not listed. */
export async function readSharedBelow(base: BoxSession, owner: BoxSession, folder: Item): Promise<Below> {
  return lookBelow(base, owner, folder, ({ unreadable, what }) => {
    if (unreadable) throw new Failure('unavailable', what);
    throw new Failure('conflict', `refused: ${folder.name} holds ${what}, more than one action may change`, {
      who: 'operator',
      remedy: `quarantine the files in it, in a batch by the filter {"ancestor":"${fileId(folder)}","type":"file"}`,
    });
  });
}

type Stop = (short: { what: string; unreadable?: boolean }) => void;

/** The same as far as it may go: where it ends short of all, it says why. */
export async function lookBelow(base: BoxSession, owner: BoxSession, folder: Item, stop?: Stop): Promise<Below> {
  const unseen: string[] = [];
  const short: Stop = (why) => {
    stop?.(why);
    unseen.push(why.what);
  };
  const { items, calls } = await listBelow(owner, folder, short);
  const unknown = items.filter(mayBeInvitedTo);
  const asked = unknown.slice(0, Math.max(0, mostOfOneAction.calls - calls));
  if (asked.length < unknown.length) short({ what: `${unknown.length} items that Box must be asked about one by one` });
  const rest = new Set(unknown);
  const shared = [
    ...(await inParallel(asked, atOnce, async (item) => ({
      ...named(item),
      ...(await readSharing(base, owner, item)),
    }))),
    ...items
      .filter((item) => !rest.has(item))
      .map((item) => ({ ...named(item), link: linkState(item.shared_link), collaborations: [] })),
  ].filter((item) => sharesOf(item) > 0);
  shared.sort((a, b) => (a.item < b.item ? -1 : 1));
  const shares = shared.reduce((sum, item) => sum + sharesOf(item), 0);
  if (shares > mostOfOneAction.shares) short({ what: `${shares} shares` });
  const contents = { items: items.length, digest: digestOf(items) };
  return { shared: upTo(mostOfOneAction.shares, shared), contents, calls: calls + asked.length, unseen };
}

export const sharesOf = ({ link, collaborations }: SharingState) => collaborations.length + (link ? 1 : 0);

function upTo(most: number, shared: readonly SharedItem[]): SharedItem[] {
  let sum = 0;
  return shared.filter((item) => (sum += sharesOf(item)) <= most);
}

function digestOf(items: readonly Item[]): string {
  const lines = items.map((item) => `${fileId(item)} ${item.sha1 ?? ''} ${item.parent?.id ?? ''}\n`).sort();
  return createHash('sha1').update(lines.join('')).digest('hex');
}

const named = (item: Item) => ({ item: fileId(item), name: item.name || item.id });

async function listBelow(owner: BoxSession, folder: Item, short: Stop): Promise<{ items: Item[]; calls: number }> {
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
      if (page.skipped[0]) short({ what: `folder ${id} lists an item of ${page.skipped[0].why}`, unreadable: true });
      items.push(...page.rows);
      folders.push(...page.rows.flatMap((row) => (row.type === 'folder' ? [row.id] : [])));
      marker = page.next;
      calls += 1;
      const { items: most, calls: mostCalls } = mostOfOneAction;
      const what =
        items.length > most ? `more than ${most} items` : calls > mostCalls ? `more than ${mostCalls} folders` : '';
      if (!what) continue;
      short({ what });
      return { items: items.slice(0, most), calls };
    } while (marker !== undefined);
  }
  return { items, calls };
}

const mostNamed = 10;

/** "2 shared links and 1 collaborations of what is in it: ...", the first by name. */
export function counted(shared: readonly (SharingState & Pick<SharedItem, 'item' | 'name'>)[]): string {
  const links = shared.filter(({ link }) => link).length;
  const people = shared.reduce((sum, { collaborations }) => sum + collaborations.length, 0);
  const first = shared.slice(0, mostNamed).map(({ name, item }) => `${name} (${item})`);
  const more = shared.length > mostNamed ? ` and ${shared.length - mostNamed} more` : '';
  return `${links} shared links and ${people} collaborations of what is in it: ${first.join(', ')}${more}`;
}

/** For the plan of an action that goes on all the same. */
export const unseenOf = (unseen: readonly string[]): string[] =>
  unseen.length === 0
    ? []
    : [`Not all that is in it was looked at (${unseen.join('; ')}): more of it may be shared, or change unnoticed.`];

export const losingBelow = (shared: readonly SharedItem[]): LostAccess[] =>
  shared.flatMap(({ item, name, collaborations, link }) =>
    losing(collaborations, link).map((lost) => ({ ...lost, how: `${lost.how}, of ${name} (${item})` })),
  );

/** All that is shared by itself, as one: the item and what is in it. */
export function together(state: SharingState, below: readonly SharedItem[]): SharingState {
  const all = [state, ...below];
  const links = all.flatMap(({ link }) => link ?? []);
  // Who has accepted at one place may be yet to accept at another.
  const people = new Map(
    all.flatMap(({ collaborations }) => collaborations.map((one) => [`${one.status} ${one.grantee}`, one] as const)),
  );
  return { link: links.find(({ password }) => password) ?? links[0] ?? null, collaborations: [...people.values()] };
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
