import { setTimeout as delay } from 'node:timers/promises';
import type { Db, Document } from 'mongodb';
import { expect } from 'vitest';
import { recordKinds, type RecordKind } from '../../connectors/records.ts';
import type { OktaTenant } from './okta-tenant.ts';

type Row = Document & { _id: string; vendorId: string };

export const rowsOf = (db: Db, connectionId: string, kind: RecordKind): Promise<Row[]> =>
  db.collection<Row>(kind).find({ connectionId }).sort({ vendorId: 1 }).toArray();

/**
 * What is stored of a connection, by kind: id, content, whether it is gone. Without when it was seen, and by which scan;
 * and of the vendor's row about the token that we use, which tells when it was used, without its content.
 */
export async function contentOf(
  db: Db,
  connectionId: string,
  { control }: OktaTenant,
): Promise<Record<string, string[]>> {
  const { apiTokens } = await control.truth({ only: ['apiTokens'] });
  const used = apiTokens!.toSorted((a, b) => Number(b['lastUsed']) - Number(a['lastUsed']))[0];
  const ours = `apiToken:${String(used?.['id'])}`;
  const kinds = recordKinds.filter((kind) => kind !== 'activities');
  const lists = await Promise.all(kinds.map((kind) => rowsOf(db, connectionId, kind)));
  return Object.fromEntries(
    kinds.map((kind, at) => [
      kind,
      lists[at]!.map(
        ({ vendorId, hash, removedAt }) => `${vendorId} ${vendorId === ours ? '' : hash}${removedAt ? ' gone' : ''}`,
      ),
    ]),
  );
}

const present = (rows: Row[]): string[] => rows.filter((row) => !row['removedAt']).map(({ vendorId }) => vendorId);
const ids = (list: readonly object[], key = 'id'): string[] => list.map((one) => String(Reflect.get(one, key))).sort();

/** Nothing lost, nothing twice, nothing that the vendor does not have. */
export async function expectTruth(db: Db, connectionId: string, { control }: OktaTenant): Promise<void> {
  const truth = await control.truth();
  const [accounts, groups, memberships, privileges, appPermissions, activities] = await Promise.all(
    (['accounts', 'groups', 'memberships', 'privileges', 'appPermissions', 'activities'] as const).map((kind) =>
      rowsOf(db, connectionId, kind),
    ),
  );
  expect(present(accounts!)).toEqual(ids(truth.users!));
  expect(new Map(accounts!.map((row) => [row.vendorId, row['vendorStatus']]))).toEqual(
    new Map(
      truth.users!.map((user) => [String(user['id']), user['status']] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    ),
  );
  expect(present(groups!)).toEqual(ids(truth.groups!));
  expect(present(memberships!)).toEqual(truth.memberships!.map(({ groupId, userId }) => `${groupId}:${userId}`).sort());
  expect(privileges!.length).toBeGreaterThanOrEqual(truth.roleAssignments!.length);
  const permissions = present(appPermissions!).map((id) => id.split(':').at(-1)!);
  expect(permissions.sort()).toEqual(
    [
      ...ids(truth.grants!),
      ...ids(truth.refreshTokens!),
      ...ids(truth.apiTokens!.filter(({ revoked }) => !revoked)),
    ].sort(),
  );
  expect(activities!.length).toBe(new Set(activities!.map(({ vendorId }) => vendorId)).size);
  const known = new Set(activities!.map(({ vendorId }) => vendorId));
  expect(truth.logs!.uuids.filter((uuid) => !known.has(uuid))).toEqual([]);
  expect(known.size).toBe(new Set(truth.logs!.uuids).size);
}

/** The same once what the log and the hooks told has been looked at. */
export async function expectTruthSoon(db: Db, connectionId: string, tenant: OktaTenant, withinMs = 45_000) {
  for (const until = Date.now() + withinMs; ; await delay(500)) {
    try {
      return await expectTruth(db, connectionId, tenant);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}
