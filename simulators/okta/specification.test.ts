import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from './routes.ts';
import { createOktaSimulator } from './simulator.ts';
import type { OktaSimulator } from './simulator.ts';
import { Specification } from '../kit/specification.ts';
import type { KnownException } from '../kit/specification.ts';

const FILE = join(
  resolve(process.env.CASTELLAN_SPECS ?? join(import.meta.dirname, '../../../shared/specs')),
  'okta.json',
);
const absent = !existsSync(FILE);

/** Where Okta's real answers differ from its own description. */
const KNOWN: KnownException[] = [
  {
    name: 'members of a log event that have no value are null, not absent',
    where: /^GET \/api\/v1\/logs /,
    keyword: 'type',
    source: 'vendor sheet, section 6 (sample LogEvent)',
  },
  {
    name: 'enumerated members of a log event are null when they have no value',
    where: /^GET \/api\/v1\/logs .*authenticationContext/,
    keyword: 'enum',
    source: 'vendor sheet, section 6 (sample LogEvent)',
  },
  {
    name: 'client_uri and logo_uri of an OAuth client are null when not set',
    where: /clients \/\d+\/(client|logo)_uri$/,
    keyword: 'type',
    source: 'vendor sheet, section 2 (OAuth client of a user)',
  },
  {
    name: 'a custom role assignment fits both schemas of the oneOf: the description tells them apart by a discriminator',
    where: /^GET \/api\/v1\/(users|groups)\/\{\w+\}\/roles \/\d+$/,
    keyword: 'oneOf',
    source: 'okta.json, schemas StandardRole and CustomRole',
  },
  {
    name: 'tokenWindow is P30D, which the pattern of TimeDuration refuses by a misplaced look-ahead',
    where: /^GET \/api\/v1\/api-tokens \/\d+\/tokenWindow$/,
    keyword: 'pattern',
    source: 'vendor sheet, section 2 (SSWS token metadata)',
  },
  {
    name: 'lifecycle actions described without a body answer an empty object',
    where: /^POST \/api\/v1\/users\/\{id\}\/lifecycle\//,
    keyword: 'body',
    source: 'vendor sheet, section 8',
  },
];

if (absent) {
  it(`the specification is NOT checked: ${FILE} is absent (set CASTELLAN_SPECS to the folder with okta.json)`, () => {
    expect(existsSync(FILE)).toBe(false);
  });
}

// Defined only where the description is at hand; the test above says so when it is not.
const suite = absent ? () => undefined : describe;
suite('specification', () => {
  let specification: Specification;
  let okta: OktaSimulator;

  beforeAll(async () => {
    specification = new Specification(FILE);
    okta = await createOktaSimulator({
      seed: 3,
      allowHttpHooks: true,
      knobs: { share: 100 },
      fill: { users: 200, groups: 20, events: 400, grantingUsers: 0.6 },
    });
  });
  afterAll(() => okta.close());

  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(okta.url + path, {
      method,
      headers: { authorization: `SSWS ${okta.token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body === undefined ? (method === 'POST' ? '' : undefined) : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
  const check = async (template: string, path = template, method = 'GET', body?: unknown, wanted = 200) => {
    const answer = await ask(method, path, body);
    expect([method, path, answer.status]).toEqual([method, path, wanted]);
    expect(specification.faultsOf(method, template, answer.status, answer.body, KNOWN)).toEqual([]);
    return answer.body;
  };

  it('knows every operation of the simulator, its scope and its parameters', () => {
    for (const route of routes) {
      const described = specification.operation(route.method, route.path);
      expect(described, `${route.method} ${route.path}`).toBeDefined();
      // An SSWS-only operation has no scope.
      if (described?.scopes.length) expect(described.scopes, route.path).toEqual([route.scope]);
      expect(described?.query).toEqual(expect.arrayContaining([...(route.query ?? [])]));
    }
  });

  it('describes every list', async () => {
    const filter = encodeURIComponent('lastUpdated gt "1970-01-01T00:00:00.000Z"');
    await check('/api/v1/users', `/api/v1/users?filter=${filter}`);
    await check('/api/v1/groups', '/api/v1/groups?expand=stats');
    for (const name of ['org', 'api-tokens', 'iam/assignees/users', 'apps', 'eventHooks'])
      await check(`/api/v1/${name}`);
    await check(
      '/api/v1/principal-rate-limits',
      `/api/v1/principal-rate-limits?filter=${encodeURIComponent('principalType eq "SSWS_TOKEN"')}`,
    );
    await check('/api/v1/logs', '/api/v1/logs?limit=1000');
  });

  it('describes what belongs to users, groups and apps', async () => {
    const truth = okta.control.truth({ only: ['refreshTokens', 'roleAssignments', 'grants'] });
    const token = truth.refreshTokens?.[0] as { userId: string; clientId: string; id: string };
    const user = `/api/v1/users/${token.userId}`;
    const app = `/api/v1/apps/${token.clientId}`;
    const client = `${user}/clients/${token.clientId}`;
    await check('/api/v1/users/{id}', user);
    await check('/api/v1/users/{id}/groups', `${user}/groups`);
    await check('/api/v1/users/{userId}/clients', `${user}/clients`);
    await check('/api/v1/users/{userId}/grants', `${user}/grants?limit=200&expand=scope`);
    await check('/api/v1/users/{userId}/clients/{clientId}/grants', `${client}/grants`);
    await check('/api/v1/users/{userId}/clients/{clientId}/tokens', `${client}/tokens?expand=scope`);
    await check('/api/v1/users/{userId}/clients/{clientId}/tokens/{tokenId}', `${client}/tokens/${token.id}`);
    await check('/api/v1/apps/{appId}', app);
    await check('/api/v1/apps/{appId}/users', `${app}/users`);
    await check('/api/v1/apps/{appId}/tokens', `${app}/tokens`);
    await check('/api/v1/apps/{appId}/grants', `${app}/grants`);
    for (const role of truth.roleAssignments as { assignmentType: string; assigneeId: string }[]) {
      const place = role.assignmentType === 'USER' ? 'users/{userId}' : 'groups/{groupId}';
      const path = place.replace(/\{.*\}/, role.assigneeId);
      await check(`/api/v1/${place}/roles`, `/api/v1/${path}/roles`);
    }
    const group = okta.state.groups.rows.find((one) => one.members.size > 0)?.id;
    await check('/api/v1/groups/{groupId}', `/api/v1/groups/${group}`);
    await check('/api/v1/groups/{groupId}/users', `/api/v1/groups/${group}/users`);
    await check('/api/v1/users/{userId}/clients/{clientId}/tokens', `${client}/tokens`, 'DELETE', undefined, 204);
    await check('/api/v1/users/{userId}/grants', `${user}/grants`, 'DELETE', undefined, 204);
  });

  it('describes every lifecycle answer and refusal', async () => {
    const path = (action: string) => `/api/v1/users/user0001@acme.test/lifecycle/${action}`;
    const act = (action: string, query = '', wanted = 200) =>
      check(`/api/v1/users/{id}/lifecycle/${action}`, path(action) + query, 'POST', undefined, wanted);
    await act('suspend');
    await act('suspend', '', 400);
    await act('unsuspend');
    await act('expire_password');
    await act('expire_password_with_temp_password');
    await act('reset_password', '?sendEmail=false');
    await act('reset_factors');
    await act('unlock', '', 403);
    await act('deactivate', '?sendEmail=false');
    await act('activate', '?sendEmail=false');
    await check(
      '/api/v1/users/{userId}/sessions',
      '/api/v1/users/user0001@acme.test/sessions?oauthTokens=true',
      'DELETE',
      undefined,
      204,
    );
    await check('/api/v1/users/{id}', '/api/v1/users/nobody', 'GET', undefined, 404);
    okta.control.knobs({ limits: { '/api/v1/logs': 1 } });
    await ask('GET', '/api/v1/logs?limit=1');
    await check('/api/v1/logs', '/api/v1/logs?limit=1', 'GET', undefined, 429);
    okta.control.knobs({ limits: {} });
  });

  it('describes event hooks', async () => {
    const hook = (await check('/api/v1/eventHooks', '/api/v1/eventHooks', 'POST', {
      name: 'castellan',
      events: { type: 'EVENT_TYPE', items: ['user.session.start'] },
      channel: { type: 'HTTP', version: '1.0.0', config: { uri: 'http://127.0.0.1:9/x' } },
    })) as { id: string };
    await check('/api/v1/eventHooks/{eventHookId}', `/api/v1/eventHooks/${hook.id}`);
    const lifecycle = `/api/v1/eventHooks/{eventHookId}/lifecycle`;
    await check(`${lifecycle}/verify`, `/api/v1/eventHooks/${hook.id}/lifecycle/verify`, 'POST', undefined, 400);
    await check(`${lifecycle}/deactivate`, `/api/v1/eventHooks/${hook.id}/lifecycle/deactivate`, 'POST');
    await check('/api/v1/eventHooks/{eventHookId}', `/api/v1/eventHooks/${hook.id}`, 'DELETE', undefined, 204);
  });

  it('refuses an answer that is not as described', () => {
    const wrong = [{ id: 7, status: 'HAPPY' }];
    const faults = specification.faultsOf('GET', '/api/v1/users', 200, wrong, KNOWN);
    expect(faults.join('\n')).toMatch(/\/0\/id: type[^]*\/0\/status: enum/);
  });
});
