import type { Db } from 'mongodb';
import { sharings, type RecordKind, type Sharing } from '../../connectors/records.ts';
import type { Truth, ItemTruth } from '../../simulators/box/truth.ts';
import type { BoxTenant } from '../support/box-tenant.ts';
import { rowsOf } from '../support/stored-truth.ts';
import { idOf, rowDifferences } from './compare.ts';

type Rows = Awaited<ReturnType<typeof rowsOf>>;
const text = (row: object, key: string): string => String(Reflect.get(row, key));

/**
 * What is stored of a Box connection against what the simulator itself knows. What these accounts and groups had may
 * still be there. `leniently`: so may what was trashed before the folder around it was: no event tells that the list of the
 * trash leaves it out from then on, and whether Box's does is not known.
 */
export async function boxDifferences(
  db: Db,
  connectionId: string,
  { control }: Pick<BoxTenant, 'control'>,
  mayStay: ReadonlySet<string>,
  how: 'strictly' | 'leniently',
): Promise<string[]> {
  const truth = (await control.truth({
    only: ['users', 'groups', 'memberships', 'devicePins', 'events', 'items', 'tokens'],
  })) as Truth;
  const rows = async (kind: RecordKind) => (await rowsOf(db, connectionId, kind)).filter((row) => !row['removedAt']);
  const [accounts, groups, memberships, privileges, permissions, activities, files] = await Promise.all(
    (['accounts', 'groups', 'memberships', 'privileges', 'appPermissions', 'activities', 'files'] as const).map(rows),
  );
  const managed = truth.users.filter((user) => user['kind'] !== 'external');
  // The service account's are our own.
  const people = new Set(managed.filter((user) => user['kind'] !== 'service').map((user) => text(user, 'id')));
  const tokens = truth.tokens.filter(({ userId }) => people.has(userId));
  const inTrashedFolders = how === 'leniently' ? trashedTwice(truth) : new Set();
  return [
    ...rowDifferences(
      'accounts',
      accounts!,
      (row) => `${row.vendorId} ${row['vendorStatus']} ${row['displayName']}`,
      managed.map((user) => `${text(user, 'id')} ${text(user, 'status')} ${text(user, 'name')}`),
    ),
    ...rowDifferences(
      'groups',
      groups!,
      idOf,
      truth.groups.map((group) => text(group, 'id')),
    ),
    ...rowDifferences(
      'memberships',
      memberships!,
      idOf,
      truth.memberships.map(({ groupId, userId }) => `${groupId}:${userId}`),
      mayStay,
    ),
    ...rowDifferences(
      'roles',
      privileges!,
      idOf,
      [
        ...managed
          .filter((user) => user['role'] !== 'user')
          .map((user) => `role:${text(user, 'id')}:${text(user, 'role')}`),
        ...truth.memberships
          .filter(({ role }) => role === 'admin')
          .map(({ groupId, userId }) => `group-admin:${groupId}:${userId}`),
      ],
      mayStay,
    ),
    ...rowDifferences(
      'appPermissions',
      permissions!,
      idOf,
      [...truth.devicePins.map((pin) => text(pin, 'id')), ...tokens.map(({ userId, app }) => `token:${userId}:${app}`)],
      mayStay,
    ),
    ...rowDifferences('activities', activities!, idOf, [...new Set(truth.events.ids)]),
    ...rowDifferences(
      'files',
      files!.filter((row) => !row['trashed'] || !inTrashedFolders.has(row.vendorId)),
      (row) => storedFile(row, mayStay),
      filesOf(truth, (sharing) => seenAs(sharing, mayStay)),
      mayStay,
    ),
  ];
}

interface Share {
  to: string;
  role: string;
  sharing: Sharing;
}
const line = (shares: readonly Share[]) =>
  shares
    .map(({ to, role, sharing }) => `${to} ${role} ${sharing}`)
    .sort()
    .join(', ');

/** What was shared with a group that is gone is internal until the next scan. */
const seenAs = (sharing: Sharing, mayStay: ReadonlySet<string>): Sharing =>
  mayStay.size > 0 && sharing === 'private' ? 'internal' : sharing;

function storedFile(row: Rows[number], mayStay: ReadonlySet<string>): string {
  if (row['trashed']) return `${row.vendorId} in the trash`;
  const { path, ownerId, size, version, sharing } = row;
  const shares = (row['shares'] as Share[]).filter(({ to }) => !mayStay.has(to));
  const facts = [path, ownerId, size, version, seenAs(sharing as Sharing, mayStay)];
  return `${row.vendorId} ${facts.join(' ')} (${line(shares)})`;
}

function foldersAbove(truth: Truth): (item: ItemTruth) => ItemTruth[] {
  const items = new Map(truth.items.map((item) => [item.id, item]));
  const above = (item: ItemTruth): ItemTruth[] => {
    const parent = items.get(item.parent);
    return parent ? [...above(parent), parent] : [];
  };
  return above;
}

/** What is in the trash by itself, and in a folder that is. */
function trashedTwice(truth: Truth): Set<string> {
  const above = foldersAbove(truth);
  const found = truth.items.filter((item) => item.trashed && above(item).some(({ trashed }) => trashed));
  return new Set(found.map(({ type, id }) => `${type}:${id}`));
}

/** As an account of the enterprise sees them: what its users own, the trash without what lies in a folder there. */
function filesOf(truth: Truth, seen: (sharing: Sharing) => Sharing): string[] {
  const above = foldersAbove(truth);
  const inside = new Set(truth.users.filter((user) => user['kind'] !== 'external').map((user) => text(user, 'id')));
  const logins = new Map(truth.users.map((user) => [text(user, 'id'), text(user, 'login')]));
  const known = new Set([...logins].filter(([id]) => inside.has(id)).map(([, login]) => login.toLowerCase()));
  const sharesOf = ({ link, collaborations }: ItemTruth): Share[] => [
    ...(link
      ? [
          {
            to: { open: '*', company: 'company', collaborators: 'collaborators' }[link.access],
            role: link.canEdit ? 'edit' : link.canDownload ? 'download' : 'preview',
            sharing: ({ open: 'public', company: 'internal', collaborators: 'private' } as const)[link.access],
          },
        ]
      : []),
    ...collaborations
      .filter(({ status }) => status !== 'rejected')
      .map(({ grantee, inviteEmail, role }): Share => {
        if (!grantee)
          return { to: inviteEmail!, role, sharing: known.has(inviteEmail!.toLowerCase()) ? 'internal' : 'external' };
        if (grantee.type === 'group' || inside.has(grantee.id)) return { to: grantee.id, role, sharing: 'internal' };
        return { to: logins.get(grantee.id)!, role, sharing: 'external' };
      }),
  ];
  return truth.items.flatMap((item) => {
    const folders = above(item);
    if (!inside.has(item.owner) || folders.some(({ trashed }) => trashed)) return [];
    const id = `${item.type}:${item.id}`;
    if (item.trashed) return [`${id} in the trash`];
    const widest = Math.max(0, ...[...folders, item].flatMap(sharesOf).map(({ sharing }) => sharings.indexOf(sharing)));
    const version = item.versions.at(-1);
    const path = `/${[...folders, item].map(({ name }) => name).join('/')}`;
    const facts = [path, item.owner, version?.size, version?.id, seen(sharings[widest]!)];
    return [`${id} ${facts.join(' ')} (${line(sharesOf(item))})`];
  });
}
