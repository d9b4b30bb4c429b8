import { z } from 'zod';
import type { Answer } from '../call.ts';
import type { AuthContext } from '../authorization.ts';
import type { Capability, Probe, Verified } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { grantedScopes } from './auth.ts';
import { call, dateOf, listAll, rowsOf, segment, type OktaSession } from './api.ts';
import type { Credential } from './credential.ts';
import { noOrg } from './no-org.ts';
import { apiToken, member, org as orgSchema, role as roleSchema, user as userSchema } from './schemas.ts';
import { originOf, type Settings } from './settings.ts';

interface Needs {
  scope: string;
  /** Roles of which any one suffices; super admin always does. */
  roles: readonly string[];
}

/** By Okta's API description (scopes) and its table of standard administrator roles. */
const needs: Record<string, Needs> = {
  org: { scope: 'okta.orgs.read', roles: ['ORG_ADMIN', 'READ_ONLY_ADMIN'] },
  users: { scope: 'okta.users.read', roles: ['READ_ONLY_ADMIN', 'ORG_ADMIN', 'USER_ADMIN'] },
  groups: { scope: 'okta.groups.read', roles: ['READ_ONLY_ADMIN', 'ORG_ADMIN', 'USER_ADMIN'] },
  roles: { scope: 'okta.roles.read', roles: [] },
  permissions: { scope: 'okta.users.read', roles: ['READ_ONLY_ADMIN', 'ORG_ADMIN', 'USER_ADMIN'] },
  activities: { scope: 'okta.logs.read', roles: ['READ_ONLY_ADMIN', 'REPORT_ADMIN', 'ORG_ADMIN'] },
  push: { scope: 'okta.eventHooks.manage', roles: [] },
  suspendUser: { scope: 'okta.users.manage', roles: ['ORG_ADMIN', 'USER_ADMIN'] },
  unsuspendUser: { scope: 'okta.users.manage', roles: ['ORG_ADMIN', 'USER_ADMIN'] },
  revokeSessions: { scope: 'okta.users.manage', roles: ['ORG_ADMIN', 'USER_ADMIN', 'HELP_DESK_ADMIN'] },
  requirePasswordReset: { scope: 'okta.users.manage', roles: ['ORG_ADMIN', 'USER_ADMIN', 'HELP_DESK_ADMIN'] },
  removeFromGroup: { scope: 'okta.groups.manage', roles: ['ORG_ADMIN', 'USER_ADMIN', 'GROUP_MEMBERSHIP_ADMIN'] },
  removePrivilege: { scope: 'okta.roles.manage', roles: [] },
  revokeAppPermission: { scope: 'okta.users.manage', roles: ['ORG_ADMIN', 'USER_ADMIN'] },
};
const written: readonly Capability[] = [
  'suspendUser',
  'unsuspendUser',
  'revokeSessions',
  'requirePasswordReset',
  'removeFromGroup',
  'removePrivilege',
  'revokeAppPermission',
  'push',
];

interface Holder {
  oauth: boolean;
  scopes: readonly string[];
  /** Standard roles; null where they cannot be read. */
  roles: readonly string[] | null;
}

/** What is missing for a capability by scopes and roles alone; undefined when nothing that we can see is. */
function lacking(name: string, holder: Holder): { missing: string; remedy: string } | undefined {
  const { scope, roles } = needs[name]!;
  if (holder.oauth && !holder.scopes.includes(scope))
    return { missing: scope, remedy: `grant the scope ${scope} to the service app ("Okta API Scopes")` };
  const enough = ['SUPER_ADMIN', ...roles];
  // A custom role may or may not be enough; only doing it tells.
  if (holder.roles === null || holder.roles.includes('CUSTOM')) return undefined;
  if (holder.roles.some((role) => enough.includes(role))) return undefined;
  const role = roles[0] ?? 'SUPER_ADMIN';
  const whose = holder.oauth ? 'the service app' : 'the admin whose token this is';
  return { missing: role, remedy: `assign the role ${role} to ${whose}` };
}

export async function verify(session: OktaSession, context: AuthContext<Settings, Credential>): Promise<Verified> {
  const oauth = context.credential.type === 'oauth';
  const principal = await principalOf(session);
  const roles = await ownRoles(session, principal.id);
  const scopes = await grantedScopes(context);
  const holder: Holder = { oauth, scopes, roles };
  const tenant = await tenantOf(session, holder);
  const probes = await probesOf(session, holder);
  return {
    tenant,
    principal,
    granted: [...scopes, ...(roles ?? [])],
    expiresAt: oauth ? undefined : await ownTokenExpiry(session, principal.id),
    probes,
  };
}

/** A token's owner, or the service app itself. */
async function principalOf(session: OktaSession): Promise<Verified['principal']> {
  const { clientId } = session.identity;
  if (clientId !== undefined) {
    // A service app has no call about itself; that its token is minted and taken shows in the call about its roles.
    return { id: clientId, name: clientId };
  }
  const answer = await call(session, 'GET', '/api/v1/users/me', '/api/v1/users/me', { accept: [401, 404] });
  if (answer.status === 401)
    throw new Failure(
      'unauthorized',
      'Okta refuses the API token: it is wrong, was revoked, was not used for 30 days, or its owner is not active',
      {
        who: 'operator',
        remedy: 'give a new API token of an administrator of the org: PUT /v1/connections/{id}/credential',
        field: 'credential.token',
        evidence: { operation: 'GET /api/v1/users/me', status: 401 },
      },
    );
  if (answer.status === 404) throw noOrg(session.settings, 'GET /api/v1/users/me');
  const me = answer.json(userSchema);
  return { id: me.id, name: me.profile?.login ?? me.id };
}

async function ownRoles(session: OktaSession, principalId: string): Promise<string[] | null> {
  const client = session.identity.clientId !== undefined;
  const id = segment(principalId);
  const answer = client
    ? await call(session, 'GET', '/oauth2/v1/clients/{clientId}/roles', `/oauth2/v1/clients/${id}/roles`, {
        accept: [403, 404],
      })
    : await call(session, 'GET', '/api/v1/users/{userId}/roles', `/api/v1/users/${id}/roles`, { accept: [403, 404] });
  if (answer.status !== 200) return null;
  return [...new Set(rowsOf(answer.json(z.array(z.unknown())), roleSchema).rows.map(({ type }) => type))];
}

async function tenantOf(session: OktaSession, holder: Holder): Promise<Verified['tenant']> {
  const answer = await call(session, 'GET', '/api/v1/org', '/api/v1/org', { accept: [403] });
  if (answer.status === 403) {
    const { missing, remedy } = lacking('org', holder) ?? {
      missing: 'an administrator role that allows it',
      remedy: 'assign the role READ_ONLY_ADMIN, or one that may do more',
    };
    throw new Failure('forbidden', `Okta does not tell which org this is: ${missing} is missing`, {
      remedy,
      who: 'tenant-admin',
      evidence: { operation: 'GET /api/v1/org', status: 403 },
    });
  }
  const org = answer.json(orgSchema);
  if (org.status && org.status !== 'ACTIVE')
    throw new Failure('unauthorized', `the org is ${org.status}`, { who: 'tenant-admin', field: 'settings.domain' });
  return { id: org.id, name: org.companyName || org.subdomain || new URL(originOf(session.settings)).host };
}

/** Asks for one row of each; what is refused is missing, and said by name. */
async function probesOf(session: OktaSession, holder: Holder): Promise<Verified['probes']> {
  const ask = (operation: string, path: string) => call(session, 'GET', operation, path, { accept: [403] });
  const probe = async (name: string, operation: string, path: string) => judge(name, await ask(operation, path));
  const judge = (name: string, answer: Answer): Probe => {
    if (answer.status !== 403) return { state: 'granted' };
    const lack = lacking(name, holder);
    const { scope, roles } = needs[name]!;
    return {
      state: 'missing',
      missing: lack?.missing ?? roles[0] ?? 'SUPER_ADMIN',
      remedy: lack?.remedy ?? `assign ${roles[0] ?? 'SUPER_ADMIN'}, or a role that allows ${scope}`,
    };
  };
  const usersAnswer = await ask('/api/v1/users', '/api/v1/users?limit=1');
  const users = judge('users', usersAnswer);
  const groups = await probe('groups', '/api/v1/groups', '/api/v1/groups?limit=1');
  const roles = await probe('roles', '/api/v1/iam/assignees/users', '/api/v1/iam/assignees/users?limit=1');
  const someone =
    usersAnswer.status === 200 ? rowsOf(usersAnswer.json(z.array(z.unknown())), member).rows[0] : undefined;
  const probes: Verified['probes'] = {
    users: combined(users, groups, roles),
    permissions: someone
      ? await probe('permissions', '/api/v1/users/{userId}/clients', `/api/v1/users/${segment(someone.id)}/clients`)
      : { ...users, state: users.state === 'granted' ? 'unknown' : users.state },
    activities: await probe('activities', '/api/v1/logs', '/api/v1/logs?limit=1'),
  };
  for (const name of written) probes[name] = judged(name, holder);
  return probes;
}

/** The stage can be read if its accounts can; what else is missing is said. */
function combined(users: Probe, ...others: Probe[]): Probe {
  if (users.state !== 'granted') return users;
  const missing = others.filter(({ state }) => state === 'missing');
  if (missing.length === 0) return users;
  return {
    state: 'granted',
    missing: missing.map((one) => one.missing).join(', '),
    remedy: missing.map((one) => one.remedy).join('; '),
  };
}

/** Writing cannot be tried, so it is judged by scopes and roles. */
function judged(name: Capability, holder: Holder): Probe {
  const lack = lacking(name, holder);
  if (lack) return { state: 'missing', ...lack };
  return { state: holder.roles === null || holder.roles.includes('CUSTOM') ? 'unknown' : 'granted' };
}

/** Okta does not say which token is ours; told only when its owner has a single one. */
async function ownTokenExpiry(session: OktaSession, userId: string): Promise<Date | undefined> {
  const { rows } = await listAll(session, '/api/v1/api-tokens', '/api/v1/api-tokens', apiToken, [403]);
  const own = rows.filter((token) => token.userId === userId);
  return own.length === 1 ? dateOf(own[0]!.expiresAt) : undefined;
}
