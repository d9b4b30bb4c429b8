import { z } from 'zod';
import type { Page, PageRequest } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { inParallel } from '../kit/in-parallel.ts';
import type { GroupRecord, MembershipRecord } from '../records.ts';
import { dateOf, list, segment, textOf, type OktaSession } from './api.ts';
import { group as groupSchema, member, type Group } from './schemas.ts';

const groupsPath = '/api/v1/groups?limit=200';
const membersPath = (groupId: string) => `/api/v1/groups/${segment(groupId)}/users?limit=200`;
/** How many groups' next page of members one page of ours reads. */
const groupsAtOnce = 5;

const path = z.string().startsWith('/api/v1/groups');
/** The list of groups, and of those of its last page the ones whose members are still to be read. */
const cursor = createCursor(
  1,
  z.object({ groups: path.optional(), members: z.array(z.object({ id: z.string(), path: path.optional() })) }),
);

export function groupOf(group: Group): GroupRecord {
  return {
    kind: 'groups',
    vendorId: group.id,
    name: group.profile?.name || group.id,
    description: textOf(group.profile?.description),
    type: group.type === 'BUILT_IN' ? 'everyone' : group.type === 'APP_GROUP' ? 'managed' : 'normal',
    createdAt: dateOf(group.created),
    changedAt: dateOf(group.lastUpdated),
    membersChangedAt: dateOf(group.lastMembershipUpdated),
    raw: group,
  };
}

export const membershipId = (groupId: string, accountId: string) => `${groupId}:${accountId}`;
export function membershipOf(groupId: string, accountId: string): MembershipRecord {
  return {
    kind: 'memberships',
    vendorId: membershipId(groupId, accountId),
    groupId,
    accountId,
    // The member list repeats the whole user, which is the account's record already.
    raw: { groupId, userId: accountId },
  };
}

/** Groups first, then the members of each but "Everyone", whose members are all users. */
export async function sweepGroups(
  session: OktaSession,
  request: PageRequest,
): Promise<Page<GroupRecord | MembershipRecord>> {
  const place = request.cursor === undefined ? { groups: groupsPath, members: [] } : cursor.read(request.cursor);
  if (place.members.length === 0) {
    if (place.groups === undefined) return { records: [] };
    const page = await list(session, '/api/v1/groups', place.groups, groupSchema);
    const members = page.rows.filter(({ type }) => type !== 'BUILT_IN').map(({ id }) => ({ id }));
    return { records: page.rows.map(groupOf), skipped: page.skipped, next: nextOf(page.next, members) };
  }
  const now = place.members.slice(0, groupsAtOnce);
  const pages = await inParallel(now, groupsAtOnce, ({ id, path: at }) =>
    // A group that was deleted since it was listed has no members.
    list(session, '/api/v1/groups/{groupId}/users', at ?? membersPath(id), member, [404]),
  );
  const unfinished = now.flatMap(({ id }, at) =>
    pages[at]!.next === undefined ? [] : [{ id, path: pages[at]!.next }],
  );
  return {
    records: pages.flatMap(({ rows }, at) => rows.map((row) => membershipOf(now[at]!.id, row.id))),
    skipped: pages.flatMap(({ skipped }) => skipped),
    next: nextOf(place.groups, [...unfinished, ...place.members.slice(groupsAtOnce)]),
  };
}

const nextOf = (groups: string | undefined, members: { id: string; path?: string }[]) =>
  groups === undefined && members.length === 0 ? undefined : cursor.write({ groups, members });
