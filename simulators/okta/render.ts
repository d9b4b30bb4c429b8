import type { Grant, Group, OktaState, RefreshToken, RoleAssignment, User, App, ApiToken } from './state.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

/** `omit` names parts left out by the `okta-response` content-type parameter. */
export function renderUser(
  state: OktaState,
  user: User,
  base: string,
  omit: ReadonlySet<string> = new Set(),
): Record<string, unknown> {
  return {
    id: user.id,
    status: user.status,
    created: iso(user.created),
    activated: isoOrNull(user.activated),
    statusChanged: isoOrNull(user.statusChanged),
    lastLogin: isoOrNull(user.lastLogin),
    lastUpdated: iso(user.lastUpdated),
    passwordChanged: isoOrNull(user.passwordChanged),
    ...(omit.has('omitTransitioningToStatus') ? {} : { transitioningToStatus: user.transitioningToStatus }),
    type: { id: state.typeId },
    profile: user.profile,
    ...(omit.has('omitCredentials')
      ? {}
      : { credentials: { ...(user.passwordChanged === null ? {} : { password: {} }), provider: user.provider } }),
    _links: { self: { href: `${base}/api/v1/users/${user.id}` } },
  };
}

/** The single GET adds what may be done next. */
export function renderUserAlone(
  state: OktaState,
  user: User,
  base: string,
  omit?: ReadonlySet<string>,
): Record<string, unknown> {
  const lifecycle = (action: string) => ({
    href: `${base}/api/v1/users/${user.id}/lifecycle/${action}`,
    method: 'POST',
  });
  const links: Record<string, unknown> = { self: { href: `${base}/api/v1/users/${user.id}` } };
  if (user.status === 'ACTIVE')
    Object.assign(links, {
      suspend: lifecycle('suspend'),
      resetPassword: lifecycle('reset_password'),
      expirePassword: lifecycle('expire_password'),
    });
  if (user.status === 'SUSPENDED') links.unsuspend = lifecycle('unsuspend');
  if (user.status === 'LOCKED_OUT') links.unlock = lifecycle('unlock');
  links[user.status === 'DEPROVISIONED' || user.status === 'STAGED' ? 'activate' : 'deactivate'] = lifecycle(
    user.status === 'DEPROVISIONED' || user.status === 'STAGED' ? 'activate' : 'deactivate',
  );
  return { ...renderUser(state, user, base, omit), _links: links };
}

export function renderGroup(group: Group, base: string): Record<string, unknown> {
  return {
    id: group.id,
    created: iso(group.created),
    lastUpdated: iso(group.lastUpdated),
    lastMembershipUpdated: iso(group.lastMembershipUpdated),
    objectClass: [group.objectClass],
    type: group.type,
    profile: group.profile,
    ...(group.sourceAppId === undefined ? {} : { source: { id: group.sourceAppId } }),
    _links: {
      logo: [{ name: 'medium', href: `${base}/assets/img/logos/groups/medium.png`, type: 'image/png' }],
      users: { href: `${base}/api/v1/groups/${group.id}/users` },
      apps: { href: `${base}/api/v1/groups/${group.id}/apps` },
    },
  };
}

export function renderRole(
  role: RoleAssignment,
  base: string,
  assignmentType = role.assignmentType,
): Record<string, unknown> {
  const place = { USER: 'api/v1/users', GROUP: 'api/v1/groups', CLIENT: 'oauth2/v1/clients' }[role.assignmentType];
  return {
    id: role.id,
    label: role.label,
    type: role.type,
    status: 'ACTIVE',
    created: iso(role.created),
    lastUpdated: iso(role.created),
    assignmentType,
    ...(role.type === 'CUSTOM' ? { 'resource-set': role.resourceSet, role: role.role } : {}),
    _links: {
      assignee: { href: `${base}/${place}/${role.assigneeId}` },
      ...(role.type === 'CUSTOM'
        ? {
            role: { href: `${base}/api/v1/iam/roles/${role.role}` },
            'resource-set': { href: `${base}/api/v1/iam/resource-sets/${role.resourceSet}` },
            permissions: { href: `${base}/api/v1/iam/roles/${role.role}/permissions` },
          }
        : {}),
    },
  };
}

export function renderClient(app: App, userId: string, base: string): Record<string, unknown> {
  const place = `${base}/api/v1/users/${userId}/clients/${app.id}`;
  return {
    client_id: app.id,
    client_name: app.label,
    client_uri: null,
    logo_uri: null,
    _links: { grants: { href: `${place}/grants` }, tokens: { href: `${place}/tokens` } },
  };
}

export function renderGrant(grant: Grant, base: string, expandScope: boolean): Record<string, unknown> {
  return {
    id: grant.id,
    status: 'ACTIVE',
    created: iso(grant.created),
    createdBy: { id: grant.userId, type: 'User' },
    lastUpdated: iso(grant.created),
    issuer: `${base}/oauth2/default`,
    clientId: grant.clientId,
    userId: grant.userId,
    scopeId: grant.scopeId,
    source: grant.source,
    ...(expandScope
      ? { _embedded: { scope: { id: grant.scopeId, name: grant.scope, displayName: grant.scope } } }
      : {}),
    _links: {
      app: { href: `${base}/api/v1/apps/${grant.clientId}` },
      self: { href: `${base}/api/v1/users/${grant.userId}/grants/${grant.id}` },
      user: { href: `${base}/api/v1/users/${grant.userId}` },
    },
  };
}

export function renderRefreshToken(token: RefreshToken, base: string, expandScope: boolean): Record<string, unknown> {
  return {
    id: token.id,
    status: 'ACTIVE',
    created: iso(token.created),
    lastUpdated: iso(token.created),
    expiresAt: iso(token.expiresAt),
    issuer: `${base}/oauth2/default`,
    clientId: token.clientId,
    userId: token.userId,
    scopes: token.scopes,
    ...(expandScope ? { _embedded: { scopes: token.scopes.map((name) => ({ id: `scp${name}`, name })) } } : {}),
    _links: {
      app: { href: `${base}/api/v1/apps/${token.clientId}` },
      self: { href: `${base}/api/v1/users/${token.userId}/clients/${token.clientId}/tokens/${token.id}` },
      user: { href: `${base}/api/v1/users/${token.userId}` },
    },
  };
}

export const TOKEN_WINDOW_MS = 30 * 86_400_000;

export function renderApiToken(token: ApiToken): Record<string, unknown> {
  return {
    id: token.id,
    name: token.name,
    userId: token.userId,
    tokenWindow: 'P30D',
    network: { connection: 'ANYWHERE', include: [], exclude: [] },
    created: iso(token.created),
    lastUpdated: iso(token.lastUsed),
    expiresAt: iso(token.lastUsed + TOKEN_WINDOW_MS),
    clientName: 'Okta API',
  };
}

export function renderApp(app: App, base: string): Record<string, unknown> {
  const oidc = app.signOnMode === 'OPENID_CONNECT';
  return {
    id: app.id,
    name: app.name,
    label: app.label,
    status: app.status,
    created: iso(app.created),
    lastUpdated: iso(app.lastUpdated),
    signOnMode: app.signOnMode,
    features: [],
    accessibility: { selfService: false },
    visibility: { autoSubmitToolbar: false, hide: { iOS: false, web: false }, appLinks: {} },
    credentials: oidc
      ? { oauthClient: { client_id: app.id, token_endpoint_auth_method: 'client_secret_basic', autoKeyRotation: true } }
      : { userNameTemplate: { template: '${source.login}', type: 'BUILT_IN' } },
    settings: oidc
      ? {
          oauthClient: {
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            application_type: 'web',
          },
        }
      : {},
    _links: { self: { href: `${base}/api/v1/apps/${app.id}` } },
  };
}
