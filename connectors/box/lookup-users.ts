import type { Looked, Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import type { StageRecords } from '../records.ts';
import { accountOf, adminRoles, privilegeId, privilegeOf, userFields } from './accounts.ts';
import { all, call, listByOffset, segment } from './api.ts';
import { groupFields } from './group-list.ts';
import { groupOf, membershipOf } from './groups.ts';
import { lookEach, type Found } from '../kit/look-each.ts';
import { group as groupSchema, membership as membershipSchema, user as userSchema, type User } from './schemas.ts';
import type { BoxSession } from './settings.ts';

type UserRecords = StageRecords['users'];

export async function readUser(session: BoxSession, id: string, accept: number[] = []): Promise<User | undefined> {
  const answer = await call(session, 'GET', '/users/{user_id}', `/users/${segment(id)}`, {
    accept,
    query: { fields: userFields },
  });
  return answer.status >= 400 ? undefined : answer.json(userSchema);
}

/** Undefined too for those who are no members of the enterprise: their `enterprise` is told to nobody but their own. */
export async function readManaged(session: BoxSession, id: string): Promise<User | undefined> {
  const user = await readUser(session, id, [404]);
  return user?.enterprise?.id === session.settings.enterpriseId ? user : undefined;
}

/** Accounts, groups, memberships (`group:user`) and privileges, one by one or all of a user (`role:user`). */
export function lookupUsers(session: BoxSession, refs: readonly Ref[]): Promise<Looked<UserRecords>> {
  return lookEach<UserRecords>(refs, async (ref) => {
    switch (ref.kind) {
      case 'accounts': {
        const user = await readManaged(session, ref.vendorId);
        return user ? { records: [accountOf(user)] } : { records: [], absent: [ref] };
      }
      case 'groups': {
        const answer = await call(session, 'GET', '/groups/{group_id}', `/groups/${segment(ref.vendorId)}`, {
          accept: [404],
          query: { fields: groupFields },
        });
        if (answer.status !== 404) return { records: [groupOf(answer.json(groupSchema))] };
        return { records: [], absent: [ref] };
      }
      case 'memberships':
        return ofMember(session, ref, ...ids(ref.vendorId));
      case 'privileges':
        if (ref.vendorId.startsWith('role:')) return adminRole(session, ref);
        return ofMember(session, ref, ...ids(ref.vendorId.replace(/^group-admin:/, '')));
      default:
        throw new Failure('invalid', `the users stage reads no ${ref.kind}`);
    }
  });
}

function ids(pair: string): [groupId: string, userId: string] {
  const [groupId, userId] = pair.split(':');
  if (!groupId || !userId) throw new Failure('invalid', 'not the id of a membership');
  return [groupId, userId];
}

/** A user has fewer groups than a group has users. One that cannot be read may be the one that is asked for. */
export async function membershipsOf(session: BoxSession, userId: string) {
  const path = `/users/${segment(userId)}/memberships`;
  const { rows, skipped } = await all((next) =>
    listByOffset(session, '/users/{user_id}/memberships', path, membershipSchema, {
      offset: Number(next ?? 0),
      accept: [404],
    }),
  );
  if (skipped[0]) throw new Failure('unavailable', `user ${userId} lists a membership of ${skipped[0].why}`);
  return rows;
}

async function ofMember(session: BoxSession, ref: Ref, groupId: string, userId: string): Promise<Found<UserRecords>> {
  const found = (await membershipsOf(session, userId))
    .filter(({ group }) => group.id === groupId)
    .flatMap(membershipOf);
  const records = found.filter(({ kind, vendorId }) => kind === ref.kind && vendorId === ref.vendorId);
  return records.length > 0 ? { records } : { records: [], absent: [ref] };
}

async function adminRole(session: BoxSession, ref: Ref): Promise<Found<UserRecords>> {
  const [, userId = '', role] = ref.vendorId.split(':');
  const user = await readManaged(session, userId);
  const held = user && privilegeOf(user);
  if (role !== undefined) return held?.vendorId === ref.vendorId ? { records: [held] } : { records: [], absent: [ref] };
  const others = adminRoles.map((name) => privilegeId(userId, name)).filter((vendorId) => vendorId !== held?.vendorId);
  return {
    records: held ? [held] : [],
    removed: others.map((vendorId): Ref => ({ kind: 'privileges', vendorId })),
  };
}
