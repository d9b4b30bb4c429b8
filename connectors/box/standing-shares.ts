import { createAged } from '../kit/aged.ts';
import { Failure } from '../kit/failures.ts';
import type { Recalled } from '../connector.ts';
import type { Kept } from '../pages.ts';
import type { FileRecord, Share } from '../records.ts';
import { positionOf } from './activities.ts';
import { call, remembered } from './api.ts';
import { knownInsiders, type Insiders, type Person } from './insiders.ts';
import { fileId, nameOf, rawOf, type Place } from './items.ts';
import { eventPage, type Item } from './schemas.ts';
import { tenantOf, type BoxSession } from './settings.ts';
import { linkSharesOf } from './shares.ts';
import { touchedBy } from './touched.ts';

/** Every event of Box that tells of a collaboration: made, changed or ended. That a group ended, the store tells. */
const telling = [
  'COLLABORATION_INVITE',
  'COLLABORATION_ACCEPT',
  'COLLABORATION_ROLE_CHANGE',
  'CHANGE_FOLDER_PERMISSION',
  'COLLABORATION_REMOVE',
  'COLLABORATION_EXPIRATION',
  'UPDATE_COLLABORATION_EXPIRATION',
  'GROUP_ADD_ITEM',
  'GROUP_REMOVE_ITEM',
].join(',');

const day = 86_400_000;
/** The stream keeps two weeks; what was seen a day less ago has all its changes in it. */
const toldForMs = 13 * day;
/** Of items whose turn it is Box is asked all the same, so that what no event told does not stand for long. */
const slotMs = day / 2;
const slots = 13n;
/** A session reads no further; the next one goes on from there. */
const mostPages = 40;
/** So much is read once more: should Box put a late row before a place that it told already, it is not passed over. */
const overlapMs = 10 * 60_000;

/** What the stream has told a worker process, for all its sessions. */
interface Told {
  changed: Set<string>;
  /** Ends that it was read to, and when. */
  ends: { position: string; at: number }[];
  /** Where to go on, where the last session did not come to the end. */
  partly?: string;
  /** Something in it cannot be laid to an item. */
  unclear: boolean;
  /** One session at a time reads on. */
  turn: Promise<unknown>;
}
/** Read anew by then, so that what changed two weeks ago is forgotten too. */
const heard = createAged<Told>({ forMs: day / 2, most: 1000 });
const oldest = { position: '0', at: Number.NEGATIVE_INFINITY };

/**
 * Items of whose collaborations the stream tells anything, as it is kept: two weeks. Rows that come late stand at its end,
 * as it is recorded at least once and in the order of recording. Undefined: it cannot be told.
 */
function changedLately(base: BoxSession): Promise<ReadonlySet<string> | undefined> {
  return remembered(base, 'collaborations that changed', () => {
    const [tenant, now] = [tenantOf(base), base.now()];
    let told = heard.get(tenant, now);
    if (!told) {
      told = { changed: new Set(), ends: [oldest], unclear: false, turn: Promise.resolve() };
      heard.set(tenant, told, now);
    }
    const mine = told;
    const read = mine.turn.then(() => readOn(base, mine));
    mine.turn = read.catch(() => undefined);
    return read;
  });
}

async function readOn(base: BoxSession, told: Told): Promise<ReadonlySet<string> | undefined> {
  const now = base.now().getTime();
  const before = told.ends.findLastIndex(({ at }) => at <= now - overlapMs);
  told.ends.splice(0, Math.max(0, before));
  let position = told.partly ?? told.ends[0]!.position;
  for (let page = 0; page < mostPages && !told.unclear; page += 1) {
    const query = { stream_type: 'admin_logs_streaming', event_type: telling, stream_position: position, limit: 500 };
    const answer = await call(base, 'GET', '/events', '/events', { accept: [400, 403], query });
    if (answer.status >= 300) {
      heard.delete(tenantOf(base));
      return undefined;
    }
    for (const entry of answer.json(eventPage).entries) {
      const items = touchedBy(entry).filter(({ kind }) => kind === 'files');
      if (items.length === 0) told.unclear = true;
      for (const { vendorId } of items) told.changed.add(vendorId);
    }
    const next = positionOf(answer.text());
    if (next === undefined) throw new Failure('unavailable', 'GET /events tells no position', { who: 'vendor' });
    // Where it has nothing of these a page is empty, though more follows.
    if (next === position) {
      told.partly = undefined;
      told.ends.push({ position, at: now });
      return told.unclear ? undefined : told.changed;
    }
    told.partly = position = next;
  }
  return undefined;
}

/**
 * Of items that may have collaborations, a call each, those that stand as they are stored: the list shows them as then,
 * and in the stream, which holds every change of two weeks and late ones too, there is none of theirs.
 */
export async function standing(
  base: BoxSession,
  subject: string,
  items: readonly Item[],
  place: Place,
): Promise<Map<Item, Kept>> {
  const kept = new Map<Item, Kept>();
  if (items.length === 0) return kept;
  const stored = await base.recall('files', items.map(fileId));
  if (stored.size === 0) return kept;
  const changed = await changedLately(base);
  if (!changed) return kept;
  const known = await nowKnown(base, stored.values());
  const now = base.now();
  const slot = BigInt(Math.floor(now.getTime() / slotMs)) % slots;
  for (const item of items) {
    const vendorId = fileId(item);
    const before = stored.get(vendorId);
    if (!before || before.part !== subject || before.record.kind !== 'files' || changed.has(vendorId)) continue;
    if (before.observedAt.getTime() < now.getTime() - toldForMs || turnOf(item) === slot) continue;
    if (isSame(before.record, item, place, now) && before.record.shares.every((share) => stands(share, now, known)))
      kept.set(item, { kind: 'files', vendorId, hash: before.hash });
  }
  return kept;
}

const turnOf = ({ id }: Item): bigint | undefined => (/^\d+$/.test(id) ? BigInt(id) % slots : undefined);

const links = (shares: readonly Share[]) => shares.filter(({ type }) => type === 'link').length;

const isSame = (record: FileRecord, item: Item, { path, ancestors }: Place, now: Date): boolean =>
  record.path === `${path}/${nameOf(item)}` &&
  record.ancestors.join() === ancestors.join() &&
  links(record.shares) === linkSharesOf(item, now).length &&
  JSON.stringify(record.raw) === JSON.stringify(rawOf(item));

interface Known extends Insiders {
  hasGroup(id: string): boolean;
}
/** By the store, which follows both: a group that Box deleted took its shares along without another word. */
async function nowKnown(base: BoxSession, stored: Iterable<Recalled>): Promise<Known> {
  const shares = [...stored].flatMap(({ record }) => (record.kind === 'files' ? record.shares : []));
  const to = (type: Share['type']) => [...new Set(shares.flatMap((share) => (share.type === type ? [share.to] : [])))];
  const groups = to('group');
  const [people, found] = await Promise.all([
    knownInsiders(base, to('user').map(granted)),
    groups.length > 0 ? base.recall('groups', groups) : new Map<string, unknown>(),
  ]);
  return { has: people.has, hasGroup: (id) => found.has(id) };
}

/** A share names an account by its id and anybody else by the address. */
const granted = (to: string): Person => (to.includes('@') ? { login: to } : { id: to });

/** Time ends some, and who is of the enterprise may have changed. */
function stands({ type, to, sharing, expiresAt }: Share, now: Date, known: Known): boolean {
  if (expiresAt && expiresAt <= now) return false;
  if (type === 'group') return known.hasGroup(to);
  return type !== 'user' || (sharing === 'internal') === known.has(granted(to));
}
