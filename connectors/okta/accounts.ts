import { z } from 'zod';
import type { Page, PageRequest } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import type { AccountRecord } from '../records.ts';
import { dateOf, list, textOf, type OktaSession } from './api.ts';
import { user as userSchema, type User } from './schemas.ts';

/** Okta's largest page of users. */
export const usersPage = 200;
/** The plain list leaves deprovisioned users out; any filter brings them in. */
const everyUser = `/api/v1/users?limit=${usersPage}&filter=${encodeURIComponent('lastUpdated gt "1970-01-01T00:00:00.000Z"')}`;
const cursor = createCursor(1, z.object({ path: z.string().startsWith('/api/v1/users?') }));

const statuses: Record<string, AccountRecord['status']> = {
  ACTIVE: 'active',
  PASSWORD_EXPIRED: 'active',
  RECOVERY: 'active',
  LOCKED_OUT: 'active',
  PROVISIONED: 'pending',
  STAGED: 'pending',
  SUSPENDED: 'suspended',
  DEPROVISIONED: 'deactivated',
};

const sources: Record<string, string> = {
  OKTA: 'okta',
  ACTIVE_DIRECTORY: 'active-directory',
  LDAP: 'ldap',
  FEDERATION: 'federation',
  SOCIAL: 'social',
  IMPORT: 'import',
};

export function accountOf(user: User): AccountRecord {
  // A list and a single look link to different calls of the same unchanged user.
  const { _links, ...raw } = user as User & { _links?: unknown };
  const { profile } = raw;
  const fullName = [profile?.firstName, profile?.lastName].filter(Boolean).join(' ');
  const provider = user.credentials?.provider?.type;
  return {
    kind: 'accounts',
    vendorId: user.id,
    login: profile?.login || user.id,
    email: textOf(profile?.email),
    displayName: textOf(profile?.displayName) ?? textOf(fullName),
    type: profile?.userType?.toLowerCase() === 'service' ? 'service' : 'person',
    // A status that Okta adds later must not stop the scan; its own word is kept beside.
    status: statuses[user.status] ?? 'active',
    vendorStatus: user.status,
    createdAt: dateOf(user.created),
    changedAt: dateOf(user.lastUpdated),
    lastLoginAt: dateOf(user.lastLogin),
    passwordChangedAt: dateOf(user.passwordChanged),
    credentialSource: provider ? (sources[provider] ?? provider.toLowerCase()) : undefined,
    raw,
  };
}

export async function sweepAccounts(session: OktaSession, request: PageRequest): Promise<Page<AccountRecord>> {
  const path = request.cursor === undefined ? everyUser : cursor.read(request.cursor).path;
  const page = await list(session, '/api/v1/users', path, userSchema);
  return {
    records: page.rows.map(accountOf),
    skipped: page.skipped,
    next: page.next === undefined ? undefined : cursor.write({ path: page.next }),
  };
}
