import { Failure } from '../kit/failures.ts';
import { call, segment } from './api.ts';
import { collaboration as collaborationAnswer, type Collaboration, type Item } from './schemas.ts';
import type { BoxSession } from './settings.ts';
import { collaborationsOf, isRejected } from './shares.ts';
import {
  granteeKey,
  linkState,
  restoreLink,
  timeOf,
  type CollaborationState,
  type SharingState,
} from './sharing-state.ts';

/**
 * What Box refuses of this one thing keeps nothing else from coming back; it is told. A missing scope is no matter of
 * one thing.
 */
export async function attempt(what: string, work: () => Promise<readonly string[] | void>): Promise<readonly string[]> {
  try {
    return (await work()) ?? [];
  } catch (error) {
    if (!Failure.is(error, 'notFound', 'conflict', 'forbidden', 'invalid')) throw error;
    if (error.details.who === 'tenant-admin') throw error;
    return [`${what}: ${error.message}`];
  }
}

const collaborationCall = (session: BoxSession, method: string, id: string, body: object) =>
  call(session, method, '/collaborations/{collaboration_id}', `/collaborations/${segment(id)}`, { body });

async function inviteAgain(owner: BoxSession, item: Item, wanted: CollaborationState): Promise<Collaboration> {
  const at = wanted.grantee.indexOf(':');
  const [kind, id] = [wanted.grantee.slice(0, at), wanted.grantee.slice(at + 1)];
  const answer = await call(owner, 'POST', '/collaborations', '/collaborations', {
    query: { notify: false },
    body: {
      item: { type: item.type, id: item.id },
      accessible_by: kind === 'email' ? { type: 'user', login: id } : { type: kind, id },
      role: wanted.role,
      ...(wanted.accessOnly ? { is_access_only: true } : {}),
      ...(wanted.viewPath ? { can_view_path: true } : {}),
      ...(wanted.expiresAt ? { expires_at: wanted.expiresAt } : {}),
    },
  });
  return answer.json(collaborationAnswer);
}

async function restoreCollaboration(
  base: BoxSession,
  owner: BoxSession,
  item: Item,
  wanted: CollaborationState,
  present: Collaboration | undefined,
): Promise<readonly string[]> {
  const { who, role, expiresAt } = wanted;
  if (present && isRejected(present)) return [`${who} has rejected an invitation meanwhile and is not invited again`];
  const row = present ?? (await inviteAgain(owner, item, wanted));
  const viewPath = row.can_view_path === true;
  if (row.role !== role || timeOf(row.expires_at) !== expiresAt || viewPath !== wanted.viewPath)
    await collaborationCall(owner, 'PUT', row.id, {
      role,
      ...(expiresAt ? { expires_at: expiresAt } : {}),
      ...(viewPath !== wanted.viewPath ? { can_view_path: wanted.viewPath } : {}),
    });
  // Whoever had accepted need not do so again, if Castellan may act as them.
  if (wanted.status !== 'accepted' || row.status !== 'pending') return [];
  if (wanted.external || !wanted.grantee.startsWith('user:')) return [`${who} has to accept the invitation again`];
  return attempt(`${who} has to accept the invitation again`, async () => {
    await collaborationCall(base.as(wanted.grantee.slice('user:'.length)), 'PUT', row.id, { status: 'accepted' });
  });
}

/** Brings back what was taken away; what was added since stays. Answers what did not come back, as sentences. */
export async function restoreSharing(
  base: BoxSession,
  owner: BoxSession,
  item: Item,
  wanted: SharingState,
): Promise<string[]> {
  const lost: string[] = [];
  const ended = (at: string | null) => at !== null && Date.parse(at) <= base.now().getTime();
  // First, as long as it is known that nobody changed the item.
  const { link } = wanted;
  const present = linkState(item.shared_link);
  if (link && ended(link.expiresAt)) lost.push(`the shared link (${link.access}) would have ended by itself`);
  else if (link && JSON.stringify(present) !== JSON.stringify(link))
    lost.push(
      ...(await attempt(`the shared link (${link.access}) did not come back`, () =>
        restoreLink(owner, item, link, present),
      )),
    );
  const rows = await collaborationsOf(owner, item);
  for (const each of wanted.collaborations) {
    const [row] = rows.filter((one) => granteeKey(one) === each.grantee);
    if (ended(each.expiresAt)) lost.push(`the access of ${each.who} (${each.role}) would have ended by itself`);
    else
      lost.push(
        ...(await attempt(`${each.who} (${each.role}) did not get access back`, () =>
          restoreCollaboration(base, owner, item, each, row),
        )),
      );
  }
  return lost;
}
