import { revokeGrant, revokeRefreshToken } from './changes.ts';
import { doer, guardAdmins, userOf } from './lifecycle.ts';
import { limitOf, listAnswer, takePage } from './paging.ts';
import { renderApp, renderClient, renderGrant, renderRefreshToken } from './render.ts';
import { invalid, notFound } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import type { App, Grant, RefreshToken, User } from './state.ts';

function expands(call: Call): boolean {
  const expand = call.query.get('expand');
  if (expand !== null && expand !== 'scope') throw invalid('expand', 'expand: only scope');
  return expand === 'scope';
}

function clientOf(call: Call): App {
  const id = call.params.clientId ?? '';
  const app = call.state.apps.get(id);
  if (!app) throw notFound(id, 'PublicClientApp');
  return app;
}

function appOf(call: Call): App {
  const id = call.params.appId ?? '';
  const app = call.state.apps.get(id);
  if (!app) throw notFound(id, 'AppInstance');
  return app;
}

const isOf =
  (user: User, clientId?: string) =>
  (row: { userId: string; clientId: string }): boolean =>
    row.userId === user.id && (clientId === undefined || row.clientId === clientId);

function listClients(call: Call): Answer {
  const user = userOf(call, 'userId');
  const ids = new Set([
    ...call.state.grants.rows.filter(isOf(user)).map((row) => row.clientId),
    ...call.state.refreshTokens.rows.filter(isOf(user)).map((row) => row.clientId),
  ]);
  const apps = [...ids].flatMap((id) => call.state.apps.get(id) ?? []);
  return { status: 200, body: apps.map((app) => renderClient(app, user.id, call.base)) };
}

function listGrants(call: Call, clientId?: string): Answer {
  const user = userOf(call, 'userId');
  const limit = limitOf(call, 20, 200);
  const expand = expands(call);
  const scopeId = call.query.get('scopeId');
  const list = `grants ${user.id} ${clientId ?? ''} ${scopeId ?? ''}`;
  const passes = isOf(user, clientId);
  const page = takePage(
    call,
    list,
    call.state.grants,
    limit,
    (row) => passes(row) && (scopeId === null || row.scopeId === scopeId),
  );
  return listAnswer(
    call,
    page.rows.map((row) => renderGrant(row, call.base, expand)),
    page.next,
    limit,
  );
}

function listTokens(call: Call, list: string, passes: (row: RefreshToken) => boolean): Answer {
  const limit = limitOf(call, 20, 200);
  const expand = expands(call);
  const page = takePage(call, list, call.state.refreshTokens, limit, passes);
  return listAnswer(
    call,
    page.rows.map((row) => renderRefreshToken(row, call.base, expand)),
    page.next,
    limit,
  );
}

function grantOf(call: Call, user: User): Grant {
  const id = call.params.grantId ?? '';
  const grant = call.state.grants.get(id);
  if (grant?.userId !== user.id) throw notFound(id, 'OAuth2ScopeConsentGrant');
  return grant;
}

function tokenOf(call: Call, passes: (row: RefreshToken) => boolean): RefreshToken {
  const id = call.params.tokenId ?? '';
  const token = call.state.refreshTokens.get(id);
  if (!token || !passes(token)) throw notFound(id, 'OAuth2RefreshToken');
  return token;
}

function revokeGrants(call: Call, clientId?: string): Answer {
  const user = userOf(call, 'userId');
  guardAdmins(call, user);
  for (const row of call.state.grants.rows.filter(isOf(user, clientId))) revokeGrant(call.state, doer(call), row);
  return { status: 204 };
}

const USER = '/api/v1/users/{userId}';
const CLIENT = `${USER}/clients/{clientId}`;
const reading = { method: 'GET', scope: 'okta.users.read', permission: 'userTokens.read' } as const;
const revoking = { method: 'DELETE', scope: 'okta.users.manage', permission: 'userTokens.revoke' } as const;
const PAGED = ['limit', 'after', 'expand'];

const userGrantRoutes: Route[] = [
  { ...reading, path: `${USER}/clients`, handle: listClients },
  { ...reading, path: `${USER}/grants`, query: [...PAGED, 'scopeId'], handle: (call) => listGrants(call) },
  { ...reading, path: `${CLIENT}/grants`, query: PAGED, handle: (call) => listGrants(call, clientOf(call).id) },
  {
    ...reading,
    path: `${USER}/grants/{grantId}`,
    query: ['expand'],
    handle: (call) => ({
      status: 200,
      body: renderGrant(grantOf(call, userOf(call, 'userId')), call.base, expands(call)),
    }),
  },
  {
    ...reading,
    path: `${CLIENT}/tokens`,
    query: PAGED,
    handle: (call) => {
      const [user, client] = [userOf(call, 'userId'), clientOf(call)];
      return listTokens(call, `tokens ${user.id} ${client.id}`, isOf(user, client.id));
    },
  },
  {
    ...reading,
    path: `${CLIENT}/tokens/{tokenId}`,
    query: ['expand'],
    handle: (call) => {
      const token = tokenOf(call, isOf(userOf(call, 'userId'), clientOf(call).id));
      return { status: 200, body: renderRefreshToken(token, call.base, expands(call)) };
    },
  },
  { ...revoking, path: `${USER}/grants`, handle: (call) => revokeGrants(call) },
  { ...revoking, path: `${CLIENT}/grants`, handle: (call) => revokeGrants(call, clientOf(call).id) },
  {
    ...revoking,
    path: `${USER}/grants/{grantId}`,
    handle: (call) => {
      const user = userOf(call, 'userId');
      guardAdmins(call, user);
      revokeGrant(call.state, doer(call), grantOf(call, user));
      return { status: 204 };
    },
  },
  {
    ...revoking,
    path: `${CLIENT}/tokens`,
    handle: (call) => {
      const [user, client] = [userOf(call, 'userId'), clientOf(call)];
      guardAdmins(call, user);
      for (const row of call.state.refreshTokens.rows.filter(isOf(user, client.id)))
        revokeRefreshToken(call.state, doer(call), row);
      return { status: 204 };
    },
  },
  {
    ...revoking,
    path: `${CLIENT}/tokens/{tokenId}`,
    handle: (call) => {
      const user = userOf(call, 'userId');
      guardAdmins(call, user);
      revokeRefreshToken(call.state, doer(call), tokenOf(call, isOf(user, clientOf(call).id)));
      return { status: 204 };
    },
  },
];

const ofApp = (app: App) => (row: RefreshToken) => row.clientId === app.id;

const appRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/v1/apps',
    scope: 'okta.apps.read',
    permission: 'apps.read',
    query: [
      'limit',
      'after',
      'filter',
      'q',
      'expand',
      'includeNonDeleted',
      'useOptimization',
      'alwaysIncludeVpnSettings',
    ],
    handle: (call) => {
      const limit = limitOf(call, 20, 200);
      const filter = call.query.get('filter');
      const match = /^(id|status|name|credentials\.signing\.kid) eq "([^"]*)"$/.exec(filter ?? '');
      if (filter !== null && !match) throw invalid('filter', 'filter: only id, status or name eq');
      const [, name, value] = match ?? [];
      const q = call.query.get('q')?.toLowerCase();
      const passes = (app: App) =>
        (name === undefined || (app as unknown as Record<string, unknown>)[name] === value) &&
        (q === undefined || app.label.toLowerCase().startsWith(q));
      const page = takePage(call, `apps ${filter ?? ''} ${q ?? ''}`, call.state.apps, limit, passes);
      return listAnswer(
        call,
        page.rows.map((app) => renderApp(app, call.base)),
        page.next,
        limit,
      );
    },
  },
  {
    method: 'GET',
    path: '/api/v1/apps/{appId}',
    scope: 'okta.apps.read',
    permission: 'apps.read',
    query: ['expand'],
    handle: (call) => ({ status: 200, body: renderApp(appOf(call), call.base) }),
  },
  {
    method: 'GET',
    path: '/api/v1/apps/{appId}/users',
    scope: 'okta.apps.read',
    permission: 'apps.read',
    query: ['limit', 'after', 'q', 'expand'],
    handle: (call) => {
      const app = appOf(call);
      const limit = limitOf(call, 50, 500);
      const page = takePage(call, `app users ${app.id}`, app.users, limit);
      const rows = page.rows.flatMap((row) => call.state.users.get(row.id) ?? []);
      const shown = rows.map((user) => ({
        id: user.id,
        scope: 'USER',
        status: 'ACTIVE',
        created: call.state.iso(user.created),
        lastUpdated: call.state.iso(user.lastUpdated),
        credentials: { userName: user.profile.login },
        profile: {},
        _links: {
          user: { href: `${call.base}/api/v1/users/${user.id}` },
          app: { href: `${call.base}/api/v1/apps/${app.id}` },
        },
      }));
      return listAnswer(call, shown, page.next, limit);
    },
  },
  {
    method: 'GET',
    path: '/api/v1/apps/{appId}/tokens',
    scope: 'okta.apps.read',
    permission: 'apps.read',
    query: PAGED,
    handle: (call) => {
      const app = appOf(call);
      return listTokens(call, `app tokens ${app.id}`, ofApp(app));
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/apps/{appId}/tokens/{tokenId}',
    scope: 'okta.apps.manage',
    permission: 'apps.manage',
    handle: (call) => {
      revokeRefreshToken(call.state, doer(call), tokenOf(call, ofApp(appOf(call))));
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/api/v1/apps/{appId}/grants',
    scope: 'okta.appGrants.read',
    permission: 'appGrants.read',
    query: ['expand'],
    handle: (call) => {
      expands(call);
      const id = call.params.appId ?? '';
      const app = call.state.serviceApps.get(id);
      if (!app && !call.state.apps.has(id)) throw notFound(id, 'AppInstance');
      const at = call.state.iso(call.state.org.created);
      const body = (app?.grantedScopes ?? []).map((scopeId) => ({
        id: `oag${scopeId}`,
        status: 'ACTIVE',
        created: at,
        lastUpdated: at,
        issuer: call.base,
        clientId: id,
        scopeId,
        source: 'ADMIN',
      }));
      return { status: 200, body };
    },
  },
];

export const grantRoutes: Route[] = [...userGrantRoutes, ...appRoutes];
