import type { Db } from 'mongodb';
import type { RecordKind } from '../../connectors/records.ts';
import type { OktaTenant } from '../support/okta-tenant.ts';
import { rowsOf } from '../support/stored-truth.ts';
import { setDifferences } from './compare.ts';

const text = (row: object, key: string): string => String(Reflect.get(row, key));

/**
 * What is stored of an Okta connection against what the simulator itself knows. Rows that are stored of these accounts
 * (memberships, roles, permissions) are left out.
 */
export async function oktaDifferences(
  db: Db,
  connectionId: string,
  { control }: Pick<OktaTenant, 'control'>,
  without: ReadonlySet<string>,
): Promise<string[]> {
  const truth = await control.truth();
  const rows = async (kind: RecordKind) =>
    (await rowsOf(db, connectionId, kind)).filter(
      (row) => !row['removedAt'] && !without.has(row['accountId'] as string) && !without.has(row['holderId'] as string),
    );
  const [accounts, groups, memberships, privileges, permissions, activities] = await Promise.all(
    (['accounts', 'groups', 'memberships', 'privileges', 'appPermissions', 'activities'] as const).map(rows),
  );
  const ids = (list: readonly { vendorId: string }[]) => list.map(({ vendorId }) => vendorId);
  return [
    ...setDifferences(
      'accounts',
      accounts!.map((row) => `${row.vendorId} ${row['vendorStatus']}`),
      truth.users!.map((user) => `${text(user, 'id')} ${text(user, 'status')}`),
    ),
    ...setDifferences(
      'groups',
      ids(groups!),
      truth.groups!.map((group) => text(group, 'id')),
    ),
    ...setDifferences(
      'memberships',
      ids(memberships!),
      truth.memberships!.map(({ groupId, userId }) => `${groupId}:${userId}`),
    ),
    // What is held through a group is the group's.
    ...setDifferences(
      'roles',
      privileges!.filter((row) => row['origin'] === 'direct').map(({ vendorId }) => vendorId.replace(/^\w+:/, '')),
      truth.roleAssignments!.map((role) => `${text(role, 'assigneeId')}:${text(role, 'id')}`),
    ),
    ...setDifferences(
      'appPermissions',
      ids(permissions!).map((id) => id.split(':').at(-1)!),
      [
        ...truth.grants!.map((grant) => text(grant, 'id')),
        ...truth.refreshTokens!.map((token) => text(token, 'id')),
        ...truth.apiTokens!.filter(({ revoked }) => !revoked).map((token) => text(token, 'id')),
      ],
    ),
    ...setDifferences('activities', ids(activities!), [...new Set(truth.logs!.uuids)]),
  ];
}
