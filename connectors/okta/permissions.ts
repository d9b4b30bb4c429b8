import { z } from 'zod';
import type { Gone, Looked, Page, PageRequest, Part, Ref, Skipped } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import { inParallel } from '../kit/in-parallel.ts';
import type { AppPermissionRecord } from '../records.ts';
import { call, dateOf, list, listAll, segment, textOf, type OktaSession } from './api.ts';
import { lookEach } from '../kit/look-each.ts';
import {
  apiToken as apiTokenSchema,
  client as clientSchema,
  grant as grantSchema,
  refreshToken as refreshTokenSchema,
  user as userSchema,
  type ApiToken,
  type Grant,
  type RefreshToken,
} from './schemas.ts';

/** Okta lists neither grants nor tokens of an org as a whole: every user must be asked. */
export const permissionParts: readonly Part[] = [
  { id: 'grants', title: 'Grants and refresh tokens of users', weight: 10 },
  { id: 'apiTokens', title: 'API tokens of administrators' },
];

const usersPath = '/api/v1/users?limit=200';
const atOnce = 5;
/** How many users one page of ours asks about. */
const usersAtOnce = 20;
const cursor = createCursor(
  1,
  z.object({ users: z.string().startsWith('/api/v1/users?').optional(), ids: z.array(z.string()) }),
);

const statusOf = (status: string | null | undefined, expiresAt: Date | undefined, now: Date) => {
  if (status === 'REVOKED') return 'revoked' as const;
  if (expiresAt && expiresAt <= now) return 'expired' as const;
  return status && status !== 'ACTIVE' ? ('inactive' as const) : ('active' as const);
};

export type PermissionId =
  | { type: 'grant'; userId: string; grantId: string }
  | { type: 'token'; userId: string; clientId: string; tokenId: string }
  | { type: 'apiToken'; tokenId: string }
  /** All of a user's grants and refresh tokens. */
  | { type: 'user'; userId: string };

/** `grant:00u1:oag1`, `token:00u1:0oa1:oar1`, `apiToken:00T1`, and `user:00u1` for all that a user granted. */
export function parsePermissionId(vendorId: string): PermissionId {
  const [type, a, b, c] = vendorId.split(':');
  if (type === 'grant' && a && b) return { type, userId: a, grantId: b };
  if (type === 'token' && a && b && c) return { type, userId: a, clientId: b, tokenId: c };
  if (type === 'apiToken' && a) return { type, tokenId: a };
  if (type === 'user' && a) return { type, userId: a };
  throw new Failure('notFound', `${vendorId} is not the id of an Okta app permission`);
}

export function grantOf(userId: string, grant: Grant, appName: string | undefined, now: Date): AppPermissionRecord {
  const scope = grant._embedded?.scope;
  return {
    kind: 'appPermissions',
    vendorId: `grant:${userId}:${grant.id}`,
    accountId: userId,
    appId: grant.clientId ?? grant.client_id ?? 'unknown',
    appName,
    type: 'grant',
    scopes: [scope?.name, scope?.displayName, grant.scopeId, scope?.id]
      .filter((text) => !!text)
      .slice(0, 1) as string[],
    status: statusOf(grant.status, undefined, now),
    issuedAt: dateOf(grant.created),
    raw: grant,
  };
}

export function refreshTokenOf(
  userId: string,
  clientId: string,
  token: RefreshToken,
  appName: string | undefined,
  now: Date,
): AppPermissionRecord {
  const expiresAt = dateOf(token.expiresAt);
  return {
    kind: 'appPermissions',
    vendorId: `token:${userId}:${clientId}:${token.id}`,
    accountId: userId,
    appId: clientId,
    appName,
    type: 'refreshToken',
    scopes: token.scopes ?? [],
    status: statusOf(token.status, expiresAt, now),
    issuedAt: dateOf(token.created),
    lastUsedAt: dateOf(token.lastUpdated),
    expiresAt,
    raw: token,
  };
}

export function apiTokenOf(token: ApiToken, now: Date): AppPermissionRecord {
  const expiresAt = dateOf(token.expiresAt);
  return {
    kind: 'appPermissions',
    vendorId: `apiToken:${token.id}`,
    accountId: textOf(token.userId),
    appId: 'okta-api',
    appName: textOf(token.name) ?? textOf(token.clientName),
    type: 'apiToken',
    // An API token has no scopes: it can do whatever its owner can.
    scopes: [],
    status: statusOf(undefined, expiresAt, now),
    issuedAt: dateOf(token.created),
    lastUsedAt: dateOf(token.lastUpdated),
    expiresAt,
    raw: token,
  };
}

type Permissions = { records: AppPermissionRecord[]; skipped: Skipped[] };

/** One call for a user without apps, which most are; else the grants, and the refresh tokens of each app. */
export async function permissionsOfUser(session: OktaSession, userId: string): Promise<Permissions> {
  const user = `/api/v1/users/${segment(userId)}`;
  // A user who was deleted since has none left.
  const clients = await listAll(session, '/api/v1/users/{userId}/clients', `${user}/clients`, clientSchema, [404]);
  if (clients.rows.length === 0) return { records: [], skipped: clients.skipped };
  const names = new Map(clients.rows.map(({ client_id, client_name }) => [client_id, textOf(client_name)]));
  const grantsPath = `${user}/grants?limit=200&expand=scope`;
  const grants = await listAll(session, '/api/v1/users/{userId}/grants', grantsPath, grantSchema, [404]);
  const now = session.now();
  const records = grants.rows.map((row) => grantOf(userId, row, names.get(row.clientId ?? row.client_id ?? ''), now));
  const skipped = [...clients.skipped, ...grants.skipped];
  for (const [clientId, name] of names) {
    const path = `${user}/clients/${segment(clientId)}/tokens?limit=200`;
    const operation = '/api/v1/users/{userId}/clients/{clientId}/tokens';
    const tokens = await listAll(session, operation, path, refreshTokenSchema, [404]);
    records.push(...tokens.rows.map((row) => refreshTokenOf(userId, clientId, row, name, now)));
    skipped.push(...tokens.skipped);
  }
  return { records, skipped };
}

export function sweepPermissions(session: OktaSession, request: PageRequest): Promise<Page<AppPermissionRecord>> {
  return request.part.id === 'apiTokens' ? sweepApiTokens(session) : sweepGrants(session, request);
}

async function sweepApiTokens(session: OktaSession): Promise<Page<AppPermissionRecord>> {
  const { rows, skipped } = await listAll(session, '/api/v1/api-tokens', '/api/v1/api-tokens', apiTokenSchema);
  return { records: rows.map((row) => apiTokenOf(row, session.now())), skipped };
}

async function sweepGrants(session: OktaSession, request: PageRequest): Promise<Page<AppPermissionRecord>> {
  const place = request.cursor === undefined ? { users: usersPath, ids: [] } : cursor.read(request.cursor);
  let { users, ids } = place;
  let skipped: Skipped[] = [];
  if (ids.length === 0) {
    if (users === undefined) return { records: [] };
    const page = await list(session, '/api/v1/users', users, userSchema);
    // The plain list leaves deprovisioned users out; who was never active has granted nothing.
    ids = page.rows.filter(({ status }) => status !== 'STAGED' && status !== 'DEPROVISIONED').map(({ id }) => id);
    users = page.next;
    skipped = page.skipped;
  }
  const found = await inParallel(ids.slice(0, usersAtOnce), atOnce, (id) => permissionsOfUser(session, id));
  const rest = ids.slice(usersAtOnce);
  return {
    records: found.flatMap(({ records }) => records),
    skipped: [...skipped, ...found.flatMap((one) => one.skipped)],
    next: rest.length > 0 || users !== undefined ? cursor.write({ users, ids: rest }) : undefined,
  };
}

export function lookupPermissions(session: OktaSession, refs: readonly Ref[]): Promise<Looked<AppPermissionRecord>> {
  return lookEach<AppPermissionRecord>(refs, async (ref) => {
    const id = parsePermissionId(ref.vendorId);
    if (id.type === 'user') {
      const { records } = await permissionsOfUser(session, id.userId);
      const except = records.map(({ vendorId }) => vendorId);
      // API tokens of a user are listed elsewhere.
      const prefixes = [`grant:${id.userId}:`, `token:${id.userId}:`];
      const removed: Gone[] = [{ kind: 'appPermissions', parent: id.userId, except, prefixes }];
      return { records, removed };
    }
    const record = await readPermission(session, id);
    return record ? { records: [record] } : { records: [], absent: [ref] };
  });
}

/** One grant or token as it is now; null when it is not there. */
export async function readPermission(
  session: OktaSession,
  id: Exclude<PermissionId, { type: 'user' }>,
): Promise<AppPermissionRecord | null> {
  const now = session.now();
  const { operation, path } = permissionAddress(id);
  const answer = await call(session, 'GET', operation, id.type === 'grant' ? `${path}?expand=scope` : path, {
    accept: [404],
  });
  if (answer.status === 404) return null;
  if (id.type === 'apiToken') return apiTokenOf(answer.json(apiTokenSchema), now);
  if (id.type === 'grant') {
    const grant = answer.json(grantSchema);
    return grantOf(id.userId, grant, await appName(session, id.userId, grant.clientId ?? grant.client_id), now);
  }
  const name = await appName(session, id.userId, id.clientId);
  return refreshTokenOf(id.userId, id.clientId, answer.json(refreshTokenSchema), name, now);
}

/** As the sweep names it, so that a lookup does not make a record look changed. */
async function appName(session: OktaSession, userId: string, clientId: string | null | undefined) {
  const path = `/api/v1/users/${segment(userId)}/clients`;
  const { rows } = await listAll(session, '/api/v1/users/{userId}/clients', path, clientSchema, [404]);
  return textOf(rows.find(({ client_id }) => client_id === clientId)?.client_name);
}

export function permissionAddress(id: Exclude<PermissionId, { type: 'user' }>): { operation: string; path: string } {
  if (id.type === 'apiToken')
    return { operation: '/api/v1/api-tokens/{apiTokenId}', path: `/api/v1/api-tokens/${segment(id.tokenId)}` };
  const user = `/api/v1/users/${segment(id.userId)}`;
  if (id.type === 'grant')
    return { operation: '/api/v1/users/{userId}/grants/{grantId}', path: `${user}/grants/${segment(id.grantId)}` };
  return {
    operation: '/api/v1/users/{userId}/clients/{clientId}/tokens/{tokenId}',
    path: `${user}/clients/${segment(id.clientId)}/tokens/${segment(id.tokenId)}`,
  };
}
