import type { Db } from 'mongodb';
import { canonicalJson, recordHash } from '../../store/record-hash.ts';
import { recordKinds } from '../../connectors/records.ts';
import type { OktaTenant } from '../support/okta-tenant.ts';
import { rowsOf } from '../support/stored-truth.ts';

const most = 5;

/** "accounts: lost 2 (a, b)"; empty when both have the same, each once. */
export function setDifferences(name: string, stored: readonly string[], wanted: readonly string[]): string[] {
  const [have, want] = [new Set(stored), new Set(wanted)];
  const lost = [...want].filter((one) => !have.has(one));
  const extra = [...have].filter((one) => !want.has(one));
  const some = (list: readonly string[]) => `${list.length} (${list.slice(0, most).join(', ')})`;
  return [
    ...(lost.length > 0 ? [`${name}: lost ${some(lost)}`] : []),
    ...(extra.length > 0 ? [`${name}: invented ${some(extra)}`] : []),
    ...(stored.length > have.size ? [`${name}: ${stored.length - have.size} twice`] : []),
  ];
}

const text = (row: object, key: string): string => String(Reflect.get(row, key));

/** What is stored of an Okta connection against what the simulator itself knows. */
export async function differencesFromTruth(db: Db, connectionId: string, { control }: OktaTenant): Promise<string[]> {
  const truth = await control.truth();
  const rows = async (kind: (typeof recordKinds)[number]) =>
    (await rowsOf(db, connectionId, kind)).filter((row) => !row['removedAt']);
  const [accounts, groups, memberships, privileges, permissions, activities] = await Promise.all(
    (['accounts', 'groups', 'memberships', 'privileges', 'appPermissions', 'activities'] as const).map(rows),
  );
  const ids = (list: readonly { vendorId: string }[]) => list.map(({ vendorId }) => vendorId);
  const roles = new Set(truth.roleAssignments!.map((role) => text(role, 'id')));
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
    // One that several hold through a group is several privileges.
    ...setDifferences(
      'roles',
      [...new Set(ids(privileges!).flatMap((id) => id.split(':').filter((piece) => roles.has(piece))))],
      [...roles],
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

type Rows = Map<string, Record<string, unknown>>;
/** By kind and by the vendor's id, what is there. */
export type Present = Record<string, Rows>;

const arrival = ['receivedAt', 'hash', 'observedAt', 'seenScan', '_id', 'connectionId'];

/** When it came to us, and whether it was this very connection that did it. */
const ofOneRun = { logged_time: undefined, labels: undefined };

/** The hash of an activity covers what no two runs have in common. */
function withoutArrival(row: Record<string, unknown>): Record<string, unknown> {
  const event = row['event'] as { metadata?: object } | undefined;
  const timeless = { ...row, event: { ...event, metadata: { ...event?.metadata, ...ofOneRun } } };
  return { ...timeless, hash: recordHash(canonicalJson(timeless, arrival).text) };
}

/** The row about the token that we use tells when it was used, and is left out. */
export async function presentOf(db: Db, connectionId: string, { control }: OktaTenant): Promise<Present> {
  const { apiTokens } = await control.truth({ only: ['apiTokens'] });
  const used = apiTokens!.toSorted((a, b) => Number(b['lastUsed']) - Number(a['lastUsed']))[0];
  const ours = `apiToken:${String(used?.['id'])}`;
  const present = await Promise.all(
    recordKinds.map(async (kind) => {
      const rows = (await rowsOf(db, connectionId, kind)).filter((row) => !row['removedAt'] && row.vendorId !== ours);
      return [
        kind,
        new Map(rows.map((row) => [row.vendorId, kind === 'activities' ? withoutArrival(row) : row])),
      ] as const;
    }),
  );
  return Object.fromEntries(present);
}

/** Against the records of a run that nothing disturbed, whose log has gone on meanwhile. */
export function differencesFromUndisturbed(disturbed: Present, undisturbed: Present): string[] {
  return Object.entries(disturbed).flatMap(([kind, rows]) => {
    const calm = undisturbed[kind] ?? new Map<string, Record<string, unknown>>();
    const ids = [...calm.keys()];
    const other = [...rows].filter(([id, row]) => calm.has(id) && calm.get(id)!['hash'] !== row['hash']);
    const example = other[0];
    return [
      ...setDifferences(
        `${kind} beside an undisturbed run`,
        [...rows.keys()],
        kind === 'activities' ? ids.filter((id) => rows.has(id)) : ids,
      ),
      ...(example
        ? [
            `${kind}: ${other.length} have another hash, e.g. ${example[0]} in ${fieldsThatDiffer(example[1], calm.get(example[0])!)}`,
          ]
        : []),
    ];
  });
}

const ofStorage = ['_id', 'connectionId', 'hash', 'observedAt', 'seenScan', 'part', 'missingSince'];

function fieldsThatDiffer(row: Record<string, unknown>, calm: Record<string, unknown>): string {
  const names = [...new Set([...Object.keys(row), ...Object.keys(calm)])].filter((name) => !ofStorage.includes(name));
  return names
    .flatMap((name) => {
      const [is, was] = [canonicalJson(row[name]).text, canonicalJson(calm[name]).text];
      if (is === was) return [];
      // From a little before the first letter that is another.
      const at = Math.max(0, [...is].findIndex((letter, n) => letter !== was[n]) - 40);
      return [`${name}: …${is.slice(at, at + 120)}, not …${was.slice(at, at + 120)}`];
    })
    .join('; ');
}
