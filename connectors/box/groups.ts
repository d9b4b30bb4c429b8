import { z } from 'zod';
import type { Page, PageRequest } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { inParallel } from '../kit/in-parallel.ts';
import type { GroupRecord, MembershipRecord, PrivilegeRecord } from '../records.ts';
import { dateOf, listByOffset, segment, textOf } from './api.ts';
import { groupPlace, listGroups } from './group-list.ts';
import { membership as membershipSchema, type Group, type Membership } from './schemas.ts';
import type { BoxSession } from './settings.ts';

/** How many groups' next page of members one page of ours reads. */
const groupsAtOnce = 5;

const offset = z.number().int().nonnegative();
/** The list of groups, and of those of its last page the ones whose members are still to be read. */
const cursor = createCursor(
  1,
  z.object({
    groups: z.union([offset, groupPlace]).optional(),
    members: z.array(z.object({ id: z.string(), offset })),
  }),
);
type Place = ReturnType<typeof cursor.read>;
const everyone = 'all_users_group';

export function groupOf(group: Group): GroupRecord {
  return {
    kind: 'groups',
    vendorId: group.id,
    name: group.name || group.id,
    description: textOf(group.description),
    type: group.group_type === everyone ? 'everyone' : group.provenance ? 'managed' : 'normal',
    createdAt: dateOf(group.created_at),
    changedAt: dateOf(group.modified_at),
    raw: group,
  };
}

export const membershipId = (groupId: string, accountId: string) => `${groupId}:${accountId}`;
export const groupAdminId = (groupId: string, accountId: string) => `group-admin:${groupId}:${accountId}`;

/** A membership, and what it is to be a group's admin. */
export function membershipOf({ id, role, user, group }: Membership): (MembershipRecord | PrivilegeRecord)[] {
  const member: MembershipRecord = {
    kind: 'memberships',
    vendorId: membershipId(group.id, user.id),
    groupId: group.id,
    accountId: user.id,
    raw: { id, role, groupId: group.id, userId: user.id },
  };
  if (role !== 'admin') return [member];
  const privilege: PrivilegeRecord = {
    kind: 'privileges',
    vendorId: groupAdminId(group.id, user.id),
    holderKind: 'accounts',
    holderId: user.id,
    name: 'group-admin',
    title: 'Group admin',
    admin: false,
    origin: 'direct',
    scope: `group ${group.id}`,
    groupId: group.id,
    raw: { id, role, groupId: group.id, userId: user.id },
  };
  return [member, privilege];
}

/** Groups first, then the members of each but the one of all users. */
export async function sweepGroups(
  session: BoxSession,
  request: PageRequest,
): Promise<Page<GroupRecord | MembershipRecord | PrivilegeRecord>> {
  const place: Place =
    request.cursor === undefined ? { groups: { offset: 0 }, members: [] } : cursor.read(request.cursor);
  if (place.members.length === 0) {
    if (place.groups === undefined) return { records: [] };
    const at = typeof place.groups === 'number' ? { offset: place.groups } : place.groups;
    const page = await listGroups(session, at);
    const members = page.rows.filter(({ group_type }) => group_type !== everyone).map(({ id }) => ({ id, offset: 0 }));
    return {
      records: page.rows.map(groupOf),
      skipped: page.skipped,
      next: nextOf(page.next, members),
    };
  }
  const now = place.members.slice(0, groupsAtOnce);
  const pages = await inParallel(now, groupsAtOnce, ({ id, offset: at }) =>
    // A group that was deleted since it was listed has no members.
    listByOffset(session, '/groups/{group_id}/memberships', `/groups/${segment(id)}/memberships`, membershipSchema, {
      offset: at,
      limit: 1000,
      accept: [404],
    }),
  );
  const unfinished = now.flatMap(({ id }, at) => {
    const next = pages[at]!.next;
    return next === undefined ? [] : [{ id, offset: Number(next) }];
  });
  return {
    records: pages.flatMap(({ rows }) => rows.flatMap(membershipOf)),
    // By the group's id: members whom its list does not reach are not taken for gone.
    skipped: pages.flatMap(({ skipped, beyond }, at) =>
      skipped.map((one) =>
        one.why === beyond ? { vendorId: now[at]!.id, why: `group ${now[at]!.id}: ${beyond}` } : one,
      ),
    ),
    next: nextOf(place.groups, [...unfinished, ...place.members.slice(groupsAtOnce)]),
  };
}

const nextOf = (groups: Place['groups'], members: { id: string; offset: number }[]) =>
  groups === undefined && members.length === 0 ? undefined : cursor.write({ groups, members });
