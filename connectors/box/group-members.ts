import { Failure } from '../kit/failures.ts';
import { listByMarker, listByOffset, segment } from './api.ts';
import { membershipsOf } from './lookup-users.ts';
import { membership as membershipSchema, userMini } from './schemas.ts';
import type { BoxSession } from './settings.ts';

const key = (name: string) => name.toLowerCase();

/**
 * Those of these ids and logins who are in the group, as they were given. Members beyond what Box lists of one group are
 * found by their own memberships, a call or two for each of the rest of the names.
 */
export async function membersAmong(
  session: BoxSession,
  groupId: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const wanted = new Map(names.map((name) => [key(name), name]));
  const found = new Set<string>();
  const operation = '/groups/{group_id}/memberships';
  const path = `/groups/${segment(groupId)}/memberships`;
  const list = (offset: number) => listByOffset(session, operation, path, membershipSchema, { offset, accept: [404] });
  let cut = false;
  for (let next: string | undefined = '0'; next !== undefined;) {
    const page: Awaited<ReturnType<typeof list>> = await list(Number(next));
    const unread = page.skipped.find(({ why }) => why !== page.beyond);
    // Anybody may be behind one that cannot be read.
    if (unread) throw new Failure('unavailable', `group ${groupId} lists a membership of ${unread.why}`);
    for (const { user } of page.rows)
      for (const name of [user.id, user.login ?? user.id]) {
        const given = wanted.get(key(name));
        if (given !== undefined) found.add(given);
      }
    cut ||= page.beyond !== undefined;
    next = page.next;
  }
  if (!cut) return [...found];
  for (const name of names) {
    if (found.has(name)) continue;
    const id = name.includes('@') ? await idOf(session, name) : /^\d+$/.test(name) ? name : undefined;
    if (id === undefined) continue;
    if ((await membershipsOf(session, id)).some(({ group }) => group.id === groupId)) found.add(name);
  }
  return [...found];
}

/** Outsiders too, whom Box finds by their whole login. */
async function idOf(session: BoxSession, login: string): Promise<string | undefined> {
  const { rows } = await listByMarker(session, '/users', '/users', userMini, {
    query: { user_type: 'all', usemarker: true, limit: 100, filter_term: login, fields: 'login' },
  });
  return rows.find((user) => key(user.login ?? '') === key(login))?.id;
}
