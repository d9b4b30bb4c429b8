import type { Call } from '../call.ts';
import type { Charge } from '../quota.ts';
import { labelOf, type Settings } from './settings.ts';

interface Bucket {
  name: string;
  operation: RegExp;
  /** Calls a minute. */
  limit: number;
}

/**
 * The exact path beats the prefix, so the order matters. Figures: half of what Okta last published for its Enterprise
 * tier (rate limits page of before 2025-12-16), since one token gets half of a bucket unless an admin changed it. They
 * are where to start; the headers of every answer tell this caller's own ceiling.
 */
const buckets: readonly Bucket[] = [
  { name: 'users', operation: /^(GET|POST) \/api\/v1\/users$/, limit: 300 },
  { name: 'user-write', operation: /^(POST|PUT|DELETE) \/api\/v1\/users\/\{id\}$/, limit: 300 },
  { name: 'user', operation: /^GET \/api\/v1\/users\/(\{id\}|me)$/, limit: 500 },
  { name: 'group', operation: /^\w+ \/api\/v1\/groups\/\{groupId\}$/, limit: 300 },
  { name: 'groups', operation: /^\w+ \/api\/v1\/groups(\/|$)/, limit: 250 },
  { name: 'app', operation: /^\w+ \/api\/v1\/apps\/\{appId\}$/, limit: 300 },
  { name: 'apps', operation: /^\w+ \/api\/v1\/apps(\/|$)/, limit: 50 },
  { name: 'logs', operation: /^\w+ \/api\/v1\/logs$/, limit: 25 },
  { name: 'clients', operation: /^\w+ \/oauth2\/v1\/clients(\/|$)/, limit: 50 },
  { name: 'token', operation: /^\w+ \/oauth2\/v1\/token$/, limit: 50 },
  { name: 'other', operation: /^/, limit: 300 },
];

/** Okta advises that more than ten at once are rarely useful; the org as a whole has 75. */
const atOnce = 10;

/** Buckets belong to the org's address: a second credential of the same org is the same tenant. */
export function quotas(call: Call, tenant: { settings: Settings }): Charge[] {
  const org = `okta/${labelOf(tenant.settings)}`;
  const bucket = buckets.find(({ operation }) => operation.test(call.operation))!;
  return [
    { bucket: `${org}/${bucket.name}`, kind: 'rate', limit: bucket.limit, windowMs: 60_000 },
    { bucket: `${org}/concurrent`, kind: 'concurrent', limit: atOnce },
  ];
}
