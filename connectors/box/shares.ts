import type { Share, Sharing } from '../records.ts';
import { Failure } from '../kit/failures.ts';
import { all, dateOf, listByMarker, segment, type ListPage } from './api.ts';
import { insiders, type Insiders, type Person } from './insiders.ts';
import { fileId } from './items.ts';
import { collaboration as collaborationSchema, type Collaboration, type Item, type SharedLink } from './schemas.ts';
import type { BoxSession } from './settings.ts';

const collaborationFields = 'role,status,expires_at,is_access_only,can_view_path,invite_email,accessible_by,item';

type ItemRef = Pick<Item, 'type' | 'id'>;

/** An item's own collaborations; some lists show the inherited ones too. */
async function listCollaborations(session: BoxSession, item: ItemRef): Promise<ListPage<Collaboration>> {
  if (item.type === 'web_link') return { rows: [], skipped: [] };
  const path = `/${item.type}s/${segment(item.id)}/collaborations`;
  const operation = `/${item.type}s/{${item.type}_id}/collaborations`;
  const { rows, skipped } = await all((marker) =>
    listByMarker(session, operation, path, collaborationSchema, {
      marker,
      accept: [404],
      query: { limit: 1000, fields: collaborationFields },
    }),
  );
  const own = rows.filter((row) => row.role !== 'owner' && (!row.item || row.item.id === item.id));
  // What comes twice, on one page or on two while the list changes, is one.
  return { rows: [...new Map(own.map((row) => [row.id, row])).values()], skipped };
}

/** For actions: one that cannot be read may be anybody's, so that nothing is said of the item without it. */
export async function collaborationsOf(session: BoxSession, item: ItemRef): Promise<Collaboration[]> {
  const { rows, skipped } = await listCollaborations(session, item);
  if (skipped[0]) throw new Failure('unavailable', `${fileId(item)} has a collaboration of ${skipped[0].why}`);
  return rows;
}

/** Whom the store or Box must know to tell who is inside. */
export const insidersAmong = (session: BoxSession, rows: readonly Collaboration[]): Promise<Insiders> =>
  insiders(
    session,
    rows.flatMap((row) => personOf(row) ?? []),
  );

function personOf({ accessible_by: by, invite_email: login }: Collaboration): Person | undefined {
  if (by) return by.type === 'group' ? undefined : { id: by.id };
  return login ? { login } : undefined;
}

/** How a share names whom it is for: the id of an account or group of the enterprise, else the e-mail address. */
export function granteeOf(row: Collaboration, known: Insiders): { to: string; who: string; sharing: Sharing } {
  const by = row.accessible_by;
  if (!by) {
    const to = row.invite_email || 'unknown';
    return { to, who: to, sharing: known.has({ login: to }) ? 'internal' : 'external' };
  }
  if (by.type === 'group') return { to: by.id, who: `group ${by.name || by.id}`, sharing: 'internal' };
  const inside = known.has({ id: by.id });
  const who = by.login || by.name || by.id;
  return { to: inside ? by.id : by.login || by.id, who, sharing: inside ? 'internal' : 'external' };
}

/** Whoever rejected an invitation does not get in by it. */
export const isRejected = (row: Collaboration) => row.status === 'rejected';

function collaborationShare(row: Collaboration, known: Insiders): Share {
  const { to, who, sharing } = granteeOf(row, known);
  const pending = row.status === 'pending' ? ', not accepted yet' : '';
  return {
    type: row.accessible_by?.type === 'group' ? 'group' : 'user',
    to,
    role: row.role,
    sharing,
    expiresAt: dateOf(row.expires_at),
    evidence: `collaboration ${row.id}: ${who} is ${row.role}${pending}`,
  };
}

const levels: Record<string, Sharing> = { open: 'public', company: 'internal', collaborators: 'private' };
const granted: Record<string, string> = { open: '*', company: 'company', collaborators: 'collaborators' };

/** The address is left out: whoever reads it would get in. */
export function linkShare(link: SharedLink, now: Date): Share | undefined {
  const expiresAt = dateOf(link.unshared_at);
  if (expiresAt && expiresAt <= now) return undefined;
  const level = link.effective_access || link.access;
  const password = link.is_password_enabled ? ', with a password' : '';
  return {
    type: 'link',
    to: granted[level] ?? '*',
    role: (link.effective_permission ?? 'can_preview').replace(/^can_/, ''),
    // A level that Box adds later is taken for the widest.
    sharing: levels[level] ?? 'public',
    expiresAt,
    evidence: `shared link for ${level}${password}`,
  };
}

/** Whether Box must be asked: collaborations need a call of their own. */
export const mayBeInvitedTo = ({ type, has_collaborations }: Item): boolean =>
  type !== 'web_link' && has_collaborations !== false;

export function linkSharesOf({ shared_link }: Item, now: Date): Share[] {
  const link = shared_link ? linkShare(shared_link, now) : undefined;
  return link ? [link] : [];
}

export async function sharesOf(base: BoxSession, owner: BoxSession, item: Item): Promise<Share[]> {
  const link = linkSharesOf(item, owner.now());
  if (!mayBeInvitedTo(item)) return link;
  const { rows, skipped } = await listCollaborations(owner, item);
  const shares = [...link, ...skipped.map(({ why }) => unreadShare(why))];
  const valid = rows.filter((row) => !isRejected(row));
  if (valid.length === 0) return shares;
  const known = await insidersAmong(base, valid);
  return [...shares, ...valid.map((row) => collaborationShare(row, known))];
}

/** It may be anybody's. */
const unreadShare = (why: string): Share => ({
  type: 'user',
  to: 'unknown',
  role: 'unknown',
  sharing: 'external',
  evidence: `a collaboration of ${why}`,
});
