import type { BucketWindow } from './counters.ts';
import type { Tier } from './knobs.ts';
import type { OktaState } from './state.ts';

interface Bucket {
  name: string;
  method?: RegExp;
  path: RegExp;
  /** Requests a minute: Integrator Free, One App, Enterprise, Workforce (last published table, before 2025-12-16). */
  limits: readonly [number, number, number, number];
}

// An exact path wins over a prefix, so the order matters.
const BUCKETS: readonly Bucket[] = [
  { name: '/api/v1/apps/{id}', path: /^\/api\/v1\/apps\/[^/]+$/, limits: [100, 600, 600, 500] },
  { name: '/api/v1/apps', path: /^\/api\/v1\/apps(\/|$)/, limits: [20, 100, 100, 100] },
  { name: '/api/v1/groups/{id}', path: /^\/api\/v1\/groups\/[^/]+$/, limits: [100, 600, 600, 1000] },
  { name: '/api/v1/groups', path: /^\/api\/v1\/groups(\/|$)/, limits: [100, 600, 600, 500] },
  { name: '/api/v1/users', method: /^(GET|POST)$/, path: /^\/api\/v1\/users$/, limits: [100, 600, 600, 600] },
  {
    name: 'POST|PUT|DELETE /api/v1/users/{id}',
    method: /^(POST|PUT|DELETE)$/,
    path: /^\/api\/v1\/users\/[^/]+$/,
    limits: [100, 600, 600, 600],
  },
  {
    name: 'GET /api/v1/users/{id}',
    method: /^GET$/,
    path: /^\/api\/v1\/users\/[^/]+$/,
    limits: [100, 1000, 1000, 2000],
  },
  { name: '/api/v1/logs', path: /^\/api\/v1\/logs$/, limits: [20, 50, 50, 120] },
  { name: '/oauth2/v1/clients', path: /^\/oauth2\/v1\/clients(\/|$)/, limits: [25, 100, 100, 100] },
  // Not in the published table; sized so that minting never competes with the API.
  { name: '/oauth2/v1', path: /^\/oauth2\/v1(\/|$)/, limits: [100, 600, 1200, 2000] },
  { name: '/api/v1/devices', path: /^\/api\/v1\/devices(\/|$)/, limits: [100, 150, 150, 100] },
  { name: '/api/v1', path: /^\//, limits: [100, 600, 600, 1200] },
];
const COLUMN: Record<Tier, 0 | 1 | 2 | 3> = { free: 0, oneApp: 1, enterprise: 2, workforce: 3 };

export function bucketOf(method: string, path: string): string {
  return BUCKETS.find((one) => (one.method?.test(method) ?? true) && one.path.test(path))?.name ?? '/api/v1';
}

export interface Permit {
  allowed: boolean;
  headers: Record<string, string>;
}

interface Window extends BucketWindow {
  endsAt: number;
}

/**
 * Fixed windows that begin with the first call. A call must fit into the caller's own share and into what the org as
 * a whole has left; the headers speak of the caller's share only.
 */
export class Limits {
  readonly #windows = new Map<string, Window>();
  #inFlight = 0;

  /** Requests that are being worked on. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** False when the org has too many requests at once; otherwise `leave` must follow. */
  enter(state: OktaState): boolean {
    this.#inFlight++;
    const { counters, knobs } = state;
    counters.maxConcurrent = Math.max(counters.maxConcurrent, this.#inFlight);
    return this.#inFlight <= knobs.concurrency;
  }

  leave(): void {
    this.#inFlight--;
  }

  orgLimit(state: OktaState, bucket: string): number {
    const exact = state.knobs.limits[bucket];
    const standard = BUCKETS.find((one) => one.name === bucket)?.limits[COLUMN[state.knobs.tier]] ?? 0;
    return Math.max(1, Math.floor((exact ?? standard) * state.knobs.limitFactor));
  }

  take(state: OktaState, method: string, path: string, principal: string | undefined): Permit {
    const { knobs } = state;
    const bucket = bucketOf(method, path);
    const orgLimit = this.orgLimit(state, bucket);
    const share = principal === undefined ? 100 : (knobs.shares[principal] ?? knobs.share);
    const ownLimit = Math.max(1, Math.floor((orgLimit * share) / 100));
    const org = this.#window(state, bucket, '', orgLimit);
    const own = this.#window(state, bucket, principal ?? 'unauthenticated', ownLimit);
    const elapsed = 1 - Math.max(0, org.endsAt - Date.now()) / knobs.windowMs;
    const others = Math.floor((orgLimit * knobs.otherConsumer * Math.min(1, elapsed)) / 100);
    const allowed = own.calls < ownLimit && org.calls + others < orgLimit;
    if (allowed) {
      own.calls++;
      org.calls++;
    } else {
      own.refused++;
      org.refused++;
      state.counters.throttled++;
    }
    return {
      allowed,
      headers: rateHeaders(ownLimit, Math.max(0, ownLimit - own.calls), own.endsAt + knobs.clockSkewMs),
    };
  }

  /** A caller over the concurrency limit sees zeros; its Reset is a hint only. */
  refusedByConcurrency(state: OktaState): Record<string, string> {
    state.counters.throttledByConcurrency++;
    return rateHeaders(0, 0, state.now() + state.knobs.windowMs);
  }

  #window(state: OktaState, bucket: string, principal: string, limit: number): Window {
    const key = `${bucket} ${principal}`;
    const now = Date.now();
    let window = this.#windows.get(key);
    if (!window || window.endsAt <= now) {
      window = { bucket, principal, startedAt: now, endsAt: now + state.knobs.windowMs, limit, calls: 0, refused: 0 };
      this.#windows.set(key, window);
      state.counters.windows.push(window);
    }
    window.limit = limit;
    return window;
  }
}

function rateHeaders(limit: number, remaining: number, resetMs: number): Record<string, string> {
  return {
    'x-rate-limit-limit': String(limit),
    'x-rate-limit-remaining': String(remaining),
    'x-rate-limit-reset': String(Math.ceil(resetMs / 1000)),
  };
}
