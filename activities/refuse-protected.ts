import type { ActionState, Before, LostAccess } from '../connectors/connector.ts';
import { Failure } from '../connectors/kit/failures.ts';
import { protectedAmong } from '../store/protected-principals.ts';
import type { Doing } from './action-steps.ts';

type Concerned = Pick<Before<ActionState>, 'principal' | 'owner' | 'losesAccess'>;

/**
 * Nobody who is protected is acted upon, loses a way in, by themselves or with a group, or has an object taken: by all
 * their names, ours as well.
 */
export async function refuseProtected(doing: Doing, concerned: Concerned): Promise<void> {
  const { deps, opened } = doing;
  const { connection } = opened;
  const { principal = [], owner, losesAccess = [] } = concerned;
  const upon = typeof principal === 'string' ? [principal] : principal;
  const losers = losesAccess.map(({ who, names = [] }) => [who, ...names]);
  const said = [...upon, ...(owner === undefined ? [] : [owner]), ...losers.flat()];
  const known = await deps.store.records.recall(connection._id, 'accounts', [...new Set(said)]);
  const allNames = (names: readonly string[]) =>
    names.flatMap((name) => {
      const record = known.get(name)?.record;
      return record?.kind === 'accounts' ? [name, record.login, record.email ?? record.login] : [name];
    });
  if (connection.principal && allNames(upon).includes(connection.principal.id)) {
    throw new Failure('conflict', 'refused: it is the account of the credential itself', { who: 'operator' });
  }
  const refuseWhere = (names: readonly string[], why: string) => {
    const listed = protectedAmong(connection.protected, names);
    if (listed === undefined) return;
    const others = names.filter((name) => name !== listed && name.includes('@'));
    const whom = [listed, ...new Set(others)].join(', ');
    throw new Failure('conflict', `refused: ${whom} is a protected principal of this connection${why}`, {
      who: 'operator',
      remedy: 'take it off the list of protected principals first',
    });
  };
  refuseWhere(allNames(upon), '');
  if (owner !== undefined) refuseWhere(allNames([owner]), ', whose it is');
  losers.forEach((names, at) => refuseWhere(allNames(names), ` and would lose access: ${losesAccess[at]!.how}`));
  for (const { group, who, how } of byGroup(losesAccess))
    refuseWhere(await protectedMembers(doing, group), ` and would lose access as a member of ${who}: ${how}`);
}

/** Each group once. */
const byGroup = (losesAccess: readonly LostAccess[]) =>
  new Map(
    losesAccess.flatMap(({ group, ...lost }) => (group === undefined ? [] : [[group, { group, ...lost }] as const])),
  ).values();

const atOnce = 1_000;

/** As the app tells now, else as it is stored. */
async function protectedMembers({ deps, opened }: Doing, groupId: string): Promise<readonly string[]> {
  const { connection, connector, session } = opened;
  const listed = connection.protected;
  if (listed.length === 0) return [];
  if (connector.membersAmong) return connector.membersAmong(session, groupId, listed);
  const { records } = deps.store;
  let cursor: string | undefined;
  do {
    const page = await records.list(connection._id, 'memberships', { where: { groupId }, limit: atOnce, cursor });
    const ids = page.items.flatMap((item) => (item.kind === 'memberships' ? [item.accountId] : []));
    const accounts = await records.recall(connection._id, 'accounts', ids);
    for (const id of ids) {
      const record = accounts.get(id)?.record;
      const names = record?.kind === 'accounts' ? [id, record.login, record.email ?? record.login] : [id];
      const found = protectedAmong(listed, names);
      if (found !== undefined) return [found];
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return [];
}
