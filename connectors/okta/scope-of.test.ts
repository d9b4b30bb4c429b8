import { expect, it } from 'vitest';
import { scopeOf } from './scope-of.ts';

it.each([
  ['GET /api/v1/users/{id}', 'okta.users.read'],
  ['GET /api/v1/users/{userId}/roles', 'okta.roles.read'],
  ['GET /api/v1/iam/assignees/users', 'okta.roles.read'],
  ['DELETE /api/v1/groups/{groupId}/users/{userId}', 'okta.groups.manage'],
  ['GET /api/v1/api-tokens', 'okta.apiTokens.read'],
  ['GET /api/v1/org', 'okta.orgs.read'],
  ['POST /oauth2/v1/token', undefined],
])('%s wants %s', (operation, scope) => expect(scopeOf(operation)).toBe(scope));
