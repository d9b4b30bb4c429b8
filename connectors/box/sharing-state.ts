import { randomBytes } from 'node:crypto';
import type { LostAccess } from '../connector.ts';
import { call, dateOf, segment } from './api.ts';
import { item as itemAnswer, type Collaboration, type Item, type SharedLink } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { collaborationsOf, granteeOf, insidersAmong, isRejected } from './shares.ts';

/** Types, not interfaces: they are kept as plain JSON. Ids of collaborations are left out, as an undo makes new ones. */
export type LinkState = {
  access: string;
  expiresAt: string | null;
  password: boolean;
  vanityName: string | null;
  canDownload: boolean;
  canEdit: boolean;
};
export type CollaborationState = {
  /** `user:<id>`, `group:<id>` or `email:<address>`. */
  grantee: string;
  /** As the file's record names them. */
  to: string;
  who: string;
  role: string;
  external: boolean;
  status: string;
  expiresAt: string | null;
  accessOnly: boolean;
  viewPath: boolean;
};
export type SharingState = { link: LinkState | null; collaborations: CollaborationState[] };

export const timeOf = (value: string | null | undefined): string | null => dateOf(value)?.toISOString() ?? null;

export function linkState(link: SharedLink | null | undefined): LinkState | null {
  if (!link) return null;
  // A link for collaborators only has no rights of its own.
  const own = link.access !== 'collaborators';
  return {
    access: link.access,
    expiresAt: timeOf(link.unshared_at),
    password: link.is_password_enabled === true,
    vanityName: link.vanity_name || null,
    canDownload: !own || link.permissions?.can_download !== false,
    canEdit: own && link.permissions?.can_edit === true,
  };
}

export const granteeKey = ({ accessible_by: by, invite_email: email }: Collaboration): string =>
  by ? `${by.type === 'group' ? 'group' : 'user'}:${by.id}` : `email:${(email ?? 'unknown').toLowerCase()}`;

type SharedOf = Pick<Item, 'type' | 'id' | 'shared_link'>;

/** What the item itself is shared with. `owner` acts as who owns it. */
export async function readSharing(base: BoxSession, owner: BoxSession, item: SharedOf): Promise<SharingState> {
  const rows = (await collaborationsOf(owner, item)).filter((row) => !isRejected(row));
  const known = await insidersAmong(base, rows);
  const collaborations = rows.map((row): CollaborationState => {
    const { to, who, sharing } = granteeOf(row, known);
    return {
      grantee: granteeKey(row),
      to,
      who,
      role: row.role,
      external: sharing === 'external',
      status: row.status ?? 'accepted',
      expiresAt: timeOf(row.expires_at),
      accessOnly: row.is_access_only === true,
      viewPath: row.can_view_path === true,
    };
  });
  collaborations.sort((a, b) => (a.grantee < b.grantee ? -1 : a.grantee > b.grantee ? 1 : 0));
  return { link: linkState(item.shared_link), collaborations };
}

type ItemRef = Pick<Item, 'type' | 'id'>;
/** Known from a read: what changed since is not written over. */
type ReadItem = ItemRef & Pick<Item, 'etag'>;
export const ifMatch = ({ type, etag }: ReadItem) =>
  etag && type !== 'web_link' ? { headers: { 'if-match': etag } } : {};
const pathOf = ({ type, id }: ItemRef) => `/${type}s/${segment(id)}`;
const operationOf = ({ type }: ItemRef) => `/${type}s/{${type}_id}`;

const putLink = (owner: BoxSession, item: ReadItem, shared_link: object | null, accept: number[] = []) =>
  call(owner, 'PUT', operationOf(item), pathOf(item), {
    accept,
    ...ifMatch(item),
    query: { fields: 'shared_link' },
    body: { shared_link },
  });

export const removeLinkOf = (owner: BoxSession, item: ReadItem) => putLink(owner, item, null);

/** Only who is invited gets in by it. The address stays. */
export const restrictLinkOf = (owner: BoxSession, item: ReadItem) => putLink(owner, item, { access: 'collaborators' });

/** To the company, or to who is invited anyway where the enterprise has no links for the company. */
export async function tightenLink(owner: BoxSession, item: ReadItem): Promise<void> {
  const answer = await putLink(owner, item, { access: 'company' }, [400, 403]);
  if (answer.status >= 400) await restrictLinkOf(owner, item);
}

/**
 * As it was, but for a password, which Box never shows: a random one that nobody knows takes its place, since a link
 * without any would let more people in than before.
 */
export async function restoreLink(owner: BoxSession, item: ReadItem, wanted: LinkState, present: LinkState | null) {
  // An expiry cannot be taken off a link, only be left out of a new one.
  const without = present?.expiresAt && !wanted.expiresAt ? await removeLinkOf(owner, item) : undefined;
  const permissions =
    wanted.access === 'collaborators'
      ? {}
      : { permissions: { can_download: wanted.canDownload, ...(wanted.canEdit ? { can_edit: true } : {}) } };
  await putLink(owner, without?.json(itemAnswer) ?? item, {
    access: wanted.access,
    ...(wanted.expiresAt ? { unshared_at: wanted.expiresAt } : {}),
    ...(wanted.vanityName ? { vanity_name: wanted.vanityName } : {}),
    ...(wanted.password && !present?.password ? { password: `Aa1!${randomBytes(24).toString('base64url')}` } : {}),
    ...permissions,
  });
}

export async function removeCollaborations(
  owner: BoxSession,
  item: ItemRef,
  which: readonly CollaborationState[],
): Promise<void> {
  const wanted = new Set(which.map(({ grantee }) => grantee));
  if (wanted.size === 0) return;
  for (const row of await collaborationsOf(owner, item)) {
    if (!wanted.has(granteeKey(row))) continue;
    await call(owner, 'DELETE', '/collaborations/{collaboration_id}', `/collaborations/${segment(row.id)}`, {
      accept: [404],
    });
  }
}

/** Of one person or group on an item. */
export async function collaborationIdOf(
  session: BoxSession,
  item: ItemRef,
  grantee: string,
): Promise<string | undefined> {
  return (await collaborationsOf(session, item)).find((row) => granteeKey(row) === grantee)?.id;
}

/** What an undo cannot give back of what is taken away. */
export function lostWith(
  { link, collaborations }: SharingState,
  goes: { link: boolean; tightened: boolean },
): string[] {
  const lost: string[] = [];
  if (link && goes.link) lost.push('An undo makes a new link: its address changes, its counts of views begin at 0.');
  if (link?.password && (goes.link || goes.tightened))
    lost.push(
      'Box does not show the password of the link. An undo sets a random one that nobody knows; the owner sets another.',
    );
  const outside = collaborations.filter(({ external, status }) => external && status === 'accepted');
  if (outside.length > 0)
    lost.push(
      `${names(outside)} may have to accept the invitation again after an undo, as people of another enterprise.`,
    );
  // They were invited and could accept at any time, so that an undo invites them again.
  const waiting = collaborations.filter(({ external, status }) => !external && status === 'pending');
  if (waiting.length > 0)
    lost.push(
      `${names(waiting)} had not accepted yet: invited again by an undo, Box may let people of the enterprise in at once.`,
    );
  if (collaborations.length > 0) lost.push('Collaborations that come back have new ids and new dates.');
  return lost;
}

/** Calls that it takes to end these: collaborations are listed first. */
export const callsToEnd = ({ link, collaborations: { length } }: SharingState): number =>
  (link ? 1 : 0) + (length > 0 ? 1 + length : 0);

const linkHolders: Record<string, string> = {
  open: 'whoever has the link',
  company: 'everybody of the enterprise who has the link',
};

/** Each by the own sharing of the item. A link for invited people only lets in nobody else. */
export const losing = (people: readonly CollaborationState[], link: LinkState | null): LostAccess[] => [
  ...(link && link.access !== 'collaborators'
    ? [{ who: linkHolders[link.access] ?? 'whoever has the link', how: `the shared link (${link.access})` }]
    : []),
  ...people.map(({ grantee, to, who, role, status }) => ({
    who,
    how: `invited as ${role}${status === 'pending' ? ', not accepted yet' : ''}`,
    names: [grantee.slice(grantee.indexOf(':') + 1), to],
    ...(grantee.startsWith('group:') ? { group: to } : {}),
  })),
];

const mostNamed = 20;
export function names(people: readonly CollaborationState[]): string {
  const named = people.slice(0, mostNamed).map(({ who, role }) => `${who} (${role})`);
  const more = people.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
