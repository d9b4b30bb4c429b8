import { z } from 'zod';
import type { Page, PageRequest } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import type { AccountRecord, PrivilegeRecord } from '../records.ts';
import { call, dateOf, listByMarker, remembered, textOf } from './api.ts';
import { user as userSchema, userMini, type User } from './schemas.ts';
import type { BoxSession } from './settings.ts';

const cursor = createCursor(1, z.object({ marker: z.string() }));

export const userFields = [
  'name',
  'login',
  'status',
  'role',
  'created_at',
  'modified_at',
  'space_used',
  'space_amount',
  'job_title',
  'language',
  'timezone',
  'is_platform_access_only',
  'enterprise',
  'external_app_user_id',
  'is_exempt_from_login_verification',
].join(',');

const statuses: Record<string, AccountRecord['status']> = { active: 'active', inactive: 'suspended' };

/** The account that Box makes for each app with server authentication. */
const isService = (user: User) =>
  user.is_platform_access_only === true || /^AutomationUser_/.test(user.login ?? '') === true;

export function accountOf(user: User): AccountRecord {
  return {
    kind: 'accounts',
    vendorId: user.id,
    login: user.login || user.id,
    email: isService(user) ? undefined : textOf(user.login),
    displayName: textOf(user.name),
    type: isService(user) ? 'service' : 'person',
    // The read-only ones (`cannot_delete_edit`) sign in; the vendor's word is kept beside.
    status: statuses[user.status ?? ''] ?? 'active',
    vendorStatus: textOf(user.status),
    createdAt: dateOf(user.created_at),
    changedAt: dateOf(user.modified_at),
    raw: user,
  };
}

const adminTitles: Record<string, string> = { admin: 'Primary admin', coadmin: 'Co-admin' };
export const adminRoles = Object.keys(adminTitles);

export const privilegeId = (userId: string, role: string) => `role:${userId}:${role}`;
/** What a co-admin may do exactly, Box does not tell. */
export function privilegeOf(user: User): PrivilegeRecord | undefined {
  const { role } = user;
  if (!role || !adminTitles[role]) return undefined;
  return {
    kind: 'privileges',
    vendorId: privilegeId(user.id, role),
    holderKind: 'accounts',
    holderId: user.id,
    name: role,
    title: adminTitles[role],
    admin: true,
    origin: 'direct',
    raw: { id: user.id, login: user.login, role },
  };
}

const list = (session: BoxSession, marker: string | undefined, fields: string, limit = 1000) =>
  listByMarker(session, '/users', '/users', userSchema, {
    marker,
    query: { user_type: 'managed', usemarker: true, limit, fields },
  });

/** Accounts, each followed by its administrator role. */
export async function sweepAccounts(
  session: BoxSession,
  request: PageRequest,
): Promise<Page<AccountRecord | PrivilegeRecord>> {
  const marker = request.cursor === undefined ? undefined : cursor.read(request.cursor).marker;
  const page = await list(session, marker, userFields);
  return {
    records: page.rows.flatMap((user) => [accountOf(user), privilegeOf(user)].filter((record) => record !== undefined)),
    skipped: page.skipped,
    next: page.next === undefined ? undefined : cursor.write({ marker: page.next }),
  };
}

/** A page of managed users with what a part needs. */
export const listUsers = (session: BoxSession, marker: string | undefined, limit?: number) =>
  list(session, marker, 'login,name,status', limit);

/** Our own service account. */
export const ownId = (session: BoxSession): Promise<string> =>
  remembered(session, 'own', async () => {
    const answer = await call(session, 'GET', '/users/me', '/users/me', { query: { fields: 'login' } });
    return answer.json(userMini).id;
  });

/** The session as this user. Box takes no As-User of the service account itself, which has a tree of its own too. */
export const actAs = async (base: BoxSession, userId: string): Promise<BoxSession> =>
  userId === (await ownId(base)) ? base : base.as(userId);
