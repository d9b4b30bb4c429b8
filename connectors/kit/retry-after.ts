import type { QuotaReading } from '../quota.ts';

/** Lower-case names; repeated headers keep every value. */
export type Headers = ReadonlyMap<string, readonly string[]>;

/** What is waited when a vendor says "slow down" and not for how long. */
export const bareThrottleMs = 60_000;

/** No vendor's window is longer: who asks for more has the wrong unit, or no clock. */
const longestMs = 31 * 24 * 3_600_000;
const isSensible = (ms: number): boolean => ms >= 0 && ms <= longestMs;

/**
 * A vendor's point in time as a duration in milliseconds from `atMs`: seconds, epoch seconds, epoch milliseconds or an
 * HTTP date. Undefined when it makes no sense, lies in the past, or more than a month ahead.
 */
function untilMs(value: string, atMs: number): number | undefined {
  const text = value.trim();
  if (text === '') return undefined;
  const number = Number(text);
  let ms: number;
  if (Number.isNaN(number)) ms = Date.parse(text) - atMs;
  else if (number > 100_000_000_000) ms = number - atMs;
  else if (number > 1_000_000_000) ms = number * 1000 - atMs;
  else ms = number * 1000;
  return isSensible(ms) ? Math.round(ms) : undefined;
}

const all = (headers: Headers, ...names: string[]) => names.flatMap((name) => headers.get(name) ?? []);
const resetNames = ['x-rate-limit-reset', 'x-ratelimit-reset', 'ratelimit-reset'];

/** `name=value` and `;name=value` members of the structured RateLimit fields, in all their drafts. */
function members(headers: Headers, field: string, ...names: string[]): string[] {
  return all(headers, field).flatMap((line) =>
    [...line.matchAll(/(?:^|[;,\s])([a-z]+)=([0-9.]+)/gi)]
      .filter(([, name]) => names.includes(name!.toLowerCase()))
      .map(([, , value]) => value!),
  );
}

function longest(values: readonly string[], atMs: number): number | undefined {
  const waits = values.map((value) => untilMs(value, atMs)).filter((ms) => ms !== undefined);
  return waits.length > 0 ? Math.max(...waits) : undefined;
}

/**
 * How long a throttled caller must wait, in milliseconds from `at`, the answer's own `Date`. Of several headers the
 * longest wins; none, or none that makes sense, gives `bareMs`; "now" is a second.
 */
export function retryAfter(headers: Headers, at: Date, bareMs = bareThrottleMs): number {
  const stated = statedRetryAfter(headers, at);
  return stated === undefined ? bareMs : Math.max(1000, stated);
}

/** As `retryAfter`, but undefined where the answer says nothing. */
export function statedRetryAfter(headers: Headers, at: Date): number | undefined {
  const atMs = at.getTime();
  const values = [
    ...all(headers, 'retry-after', 'x-retry-after', ...resetNames),
    ...members(headers, 'ratelimit', 't', 'reset'),
  ];
  const plain = longest(values, atMs);
  const inMs = all(headers, 'retry-after-ms', 'x-ms-retry-after-ms').map(Number).filter(isSensible);
  return plain === undefined && inMs.length === 0 ? undefined : Math.max(plain ?? 0, ...inMs);
}

const smallest = (values: readonly string[]) => {
  const numbers = values.map(Number).filter((value) => Number.isFinite(value) && value >= 0);
  return numbers.length > 0 ? Math.min(...numbers) : undefined;
};

/** What the quota headers of any answer say; undefined when there are none. Of several windows the narrowest. */
export function quotaReading(headers: Headers, at: Date): QuotaReading | undefined {
  const limit = smallest([
    ...all(headers, 'x-rate-limit-limit', 'x-ratelimit-limit', 'ratelimit-limit').map(
      (value) => value.split(/[,;]/)[0]!,
    ),
    ...members(headers, 'ratelimit', 'limit'),
    ...members(headers, 'ratelimit-policy', 'q'),
  ]);
  const remaining = smallest([
    ...all(headers, 'x-rate-limit-remaining', 'x-ratelimit-remaining', 'ratelimit-remaining'),
    ...members(headers, 'ratelimit', 'r', 'remaining'),
  ]);
  const resetInMs = longest(
    [...all(headers, ...resetNames), ...members(headers, 'ratelimit', 't', 'reset')],
    at.getTime(),
  );
  // How Okta marks a refusal for too many calls at once; it tells nothing about the window.
  if (limit === 0) return { limit: 0 };
  if (limit === undefined && remaining === undefined && resetInMs === undefined) return undefined;
  return { limit, remaining, resetInMs };
}
