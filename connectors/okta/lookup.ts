import type { Looked, Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { lookEach, type Found } from '../kit/look-each.ts';
import type { StageRecords } from '../records.ts';
import { accountOf } from './accounts.ts';
import { call, listAll, segment, type OktaSession } from './api.ts';
import { groupOf, membershipOf } from './groups.ts';
import { parsePrivilegeId, privilegeId, privilegeOf, rolesOf, showsRoles } from './privileges.ts';
import { group as groupSchema, member, user as userSchema } from './schemas.ts';

/** Accounts, groups and single memberships; privileges one by one, or all of a holder (`user:00u1`). */
export function lookupUsers(session: OktaSession, refs: readonly Ref[]): Promise<Looked<StageRecords['users']>> {
  return lookEach<StageRecords['users']>(refs, async (ref) => {
    switch (ref.kind) {
      case 'accounts': {
        const path = `/api/v1/users/${segment(ref.vendorId)}`;
        const answer = await call(session, 'GET', '/api/v1/users/{id}', path, { accept: [404] });
        if (answer.status === 404) return { records: [], absent: [ref] };
        return { records: [accountOf(answer.json(userSchema))] };
      }
      case 'groups': {
        const path = `/api/v1/groups/${segment(ref.vendorId)}`;
        const answer = await call(session, 'GET', '/api/v1/groups/{groupId}', path, { accept: [404] });
        if (answer.status === 404) return { records: [], absent: [ref] };
        return { records: [groupOf(answer.json(groupSchema))] };
      }
      case 'memberships':
        return lookupMembership(session, ref);
      case 'privileges':
        return lookupPrivilege(session, ref);
      default:
        return Promise.reject(new Failure('invalid', `the users stage reads no ${ref.kind}`));
    }
  });
}

/** A user has fewer groups than a group has users. */
async function lookupMembership(session: OktaSession, ref: Ref): Promise<Found<StageRecords['users']>> {
  const [groupId, accountId] = ref.vendorId.split(':');
  if (!groupId || !accountId) throw new Failure('invalid', 'not the id of an Okta membership');
  const isMember = await isMemberOf(session, groupId, accountId);
  return isMember ? { records: [membershipOf(groupId, accountId)] } : { records: [], absent: [ref] };
}

export async function isMemberOf(session: OktaSession, groupId: string, accountId: string): Promise<boolean> {
  const path = `/api/v1/users/${segment(accountId)}/groups`;
  const { rows } = await listAll(session, '/api/v1/users/{id}/groups', path, member, [404]);
  return rows.some(({ id }) => id === groupId);
}

async function lookupPrivilege(session: OktaSession, ref: Ref): Promise<Found<StageRecords['users']>> {
  const { holder, holderId, assignmentId } = parsePrivilegeId(ref.vendorId);
  const roles = await rolesOf(session, holder, holderId);
  if (roles?.rows.length === 0 && !(await showsRoles(session)))
    throw new Failure('forbidden', 'Okta shows no administrator roles at all');
  const all = (roles?.rows ?? []).map((role) => privilegeOf(holder, holderId, role));
  if (assignmentId !== undefined) {
    const records = all.filter(({ vendorId }) => vendorId === privilegeId(holder, holderId, assignmentId));
    return { records, absent: records.length > 0 ? [] : [ref] };
  }
  return {
    records: all,
    removed: [{ kind: 'privileges', parent: holderId, except: all.map(({ vendorId }) => vendorId) }],
  };
}
