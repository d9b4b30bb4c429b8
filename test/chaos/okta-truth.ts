import type { Db } from 'mongodb';
import type { RecordKind } from '../../connectors/records.ts';
import type { OktaTenant } from '../support/okta-tenant.ts';
import { rowsOf } from '../support/stored-truth.ts';
import { idOf, rowDifferences } from './compare.ts';

const text = (row: object, key: string): string => String(Reflect.get(row, key));

/**
 * What is stored of an Okta connection against what the simulator itself knows. What these accounts had (memberships,
 * roles, permissions) may still be there.
 */
export async function oktaDifferences(
  db: Db,
  connectionId: string,
  { control }: Pick<OktaTenant, 'control'>,
  mayStay: ReadonlySet<string>,
): Promise<string[]> {
  const truth = await control.truth();
  const rows = async (kind: RecordKind) => (await rowsOf(db, connectionId, kind)).filter((row) => !row['removedAt']);
  const [accounts, groups, memberships, privileges, permissions, activities] = await Promise.all(
    (['accounts', 'groups', 'memberships', 'privileges', 'appPermissions', 'activities'] as const).map(rows),
  );
  const lastPiece = ({ vendorId }: { vendorId: string }) => vendorId.split(':').at(-1)!;
  return [
    ...rowDifferences(
      'accounts',
      accounts!,
      (row) => `${row.vendorId} ${row['vendorStatus']}`,
      truth.users!.map((user) => `${text(user, 'id')} ${text(user, 'status')}`),
    ),
    ...rowDifferences(
      'groups',
      groups!,
      idOf,
      truth.groups!.map((group) => text(group, 'id')),
    ),
    ...rowDifferences(
      'memberships',
      memberships!,
      idOf,
      truth.memberships!.map(({ groupId, userId }) => `${groupId}:${userId}`),
      mayStay,
    ),
    // What is held through a group is the group's.
    ...rowDifferences(
      'roles',
      privileges!.filter((row) => row['origin'] === 'direct'),
      ({ vendorId }) => vendorId.replace(/^\w+:/, ''),
      // Ours, as an app, is nobody's.
      truth
        .roleAssignments!.filter((role) => text(role, 'assignmentType') !== 'CLIENT')
        .map((role) => `${text(role, 'assigneeId')}:${text(role, 'id')}`),
      mayStay,
    ),
    ...rowDifferences(
      'appPermissions',
      permissions!,
      lastPiece,
      [
        ...truth.grants!.map((grant) => text(grant, 'id')),
        ...truth.refreshTokens!.map((token) => text(token, 'id')),
        ...truth.apiTokens!.filter(({ revoked }) => !revoked).map((token) => text(token, 'id')),
      ],
      mayStay,
    ),
    ...rowDifferences('activities', activities!, idOf, [...new Set(truth.logs!.uuids)]),
  ];
}
