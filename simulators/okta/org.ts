import { record } from './changes.ts';
import { isSuperAdmin, rolesOfPrincipal } from './admin-permissions.ts';
import { doer } from './lifecycle.ts';
import { tokenTarget } from './log-event.ts';
import { limitOf, listAnswer } from './paging.ts';
import { renderApiToken } from './render.ts';
import { badFilter, invalidToken, noPermission, notFound } from './respond.ts';
import type { Call, Route } from './route.ts';
import type { ApiToken } from './state.ts';

function revoke(call: Call, token: ApiToken): void {
  token.revoked = true;
  record(call.state, doer(call), 'system.api_token.revoke', [tokenTarget(token)]);
}

export const orgRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/v1/org',
    scope: 'okta.orgs.read',
    permission: 'any',
    handle: ({ state, base }) => ({
      status: 200,
      body: {
        id: state.org.id,
        subdomain: state.org.subdomain,
        companyName: state.org.companyName,
        status: 'ACTIVE',
        created: state.iso(state.org.created),
        lastUpdated: state.iso(state.org.created),
        website: `https://${state.org.subdomain}.test`,
        _links: { preferences: { href: `${base}/api/v1/org/preferences` } },
      },
    }),
  },
  {
    method: 'GET',
    path: '/api/v1/api-tokens',
    scope: 'okta.apiTokens.read',
    permission: 'apiTokens.read',
    handle: (call) => ({
      status: 200,
      body: call.state.apiTokens.rows.filter((token) => !token.revoked).map(renderApiToken),
    }),
  },
  {
    method: 'GET',
    path: '/api/v1/api-tokens/{apiTokenId}',
    scope: 'okta.apiTokens.read',
    permission: 'apiTokens.read',
    handle: (call) => {
      const id = call.params.apiTokenId ?? '';
      const token = call.state.apiTokens.get(id);
      if (!token || token.revoked) throw notFound(id, 'ApiToken');
      return { status: 200, body: renderApiToken(token) };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/api-tokens/current',
    scope: 'okta.apiTokens.manage',
    permission: 'any',
    handle: (call) => {
      const token = call.principal.kind === 'token' ? call.state.apiTokens.get(call.principal.id) : undefined;
      if (!token) throw invalidToken();
      revoke(call, token);
      return { status: 204 };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/api-tokens/{apiTokenId}',
    scope: 'okta.apiTokens.manage',
    permission: 'apiTokens.read',
    handle: (call) => {
      if (!isSuperAdmin(rolesOfPrincipal(call.state, call.principal))) throw noPermission();
      const id = call.params.apiTokenId ?? '';
      const token = call.state.apiTokens.get(id);
      if (!token || token.revoked) throw notFound(id, 'ApiToken');
      revoke(call, token);
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/api/v1/principal-rate-limits',
    scope: 'okta.principalRateLimits.read',
    permission: 'rateLimits.read',
    query: ['filter', 'after', 'limit'],
    handle: (call) => {
      const limit = limitOf(call, 20, 50);
      const type = /^principalType eq "(SSWS_TOKEN|OAUTH_CLIENT)"$/.exec(call.query.get('filter') ?? '')?.[1];
      if (type === undefined) throw badFilter('filter: principalType eq "SSWS_TOKEN" or "OAUTH_CLIENT"');
      const { state } = call;
      const ids =
        type === 'SSWS_TOKEN'
          ? state.apiTokens.rows.filter((token) => !token.revoked).map((token) => token.id)
          : [...state.serviceApps.keys()];
      const at = state.iso(state.org.created);
      const body = ids.slice(0, limit).map((principalId) => ({
        id: `prl${principalId}`,
        orgId: state.org.id,
        principalId,
        principalType: type,
        defaultPercentage: state.knobs.shares[principalId] ?? state.knobs.share,
        defaultConcurrencyPercentage: 75,
        createdDate: at,
        lastUpdate: at,
        createdBy: state.org.id,
        lastUpdatedBy: state.org.id,
      }));
      return listAnswer(call, body, undefined, limit);
    },
  },
];
