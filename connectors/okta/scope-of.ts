const families: readonly (readonly [RegExp, string])[] = [
  [/\/(roles|iam)(\/|$)/, 'roles'],
  [/^\/api\/v1\/groups(\/|$)/, 'groups'],
  [/^\/api\/v1\/api-tokens(\/|$)/, 'apiTokens'],
  [/^\/api\/v1\/logs(\/|$)/, 'logs'],
  [/^\/api\/v1\/eventHooks(\/|$)/, 'eventHooks'],
  [/^\/api\/v1\/org(\/|$)/, 'orgs'],
  [/^\/api\/v1\/apps(\/|$)/, 'apps'],
  [/^\/api\/v1\/users(\/|$)/, 'users'],
];

/**
 * The scope of an operation as `GET /api/v1/users/{id}`, by Okta's API description: the family, and whether it reads.
 * Undefined where that rule does not hold.
 */
export function scopeOf(operation: string): string | undefined {
  const [method = '', path = ''] = operation.split(' ');
  const family = families.find(([pattern]) => pattern.test(path))?.[1];
  return family && `okta.${family}.${method === 'GET' ? 'read' : 'manage'}`;
}
