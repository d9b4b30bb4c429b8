import { setTimeout as delay } from 'node:timers/promises';
import { createOktaSimulator } from '../../simulators/okta/simulator.ts';
import type { Measured } from './measured.ts';
import { percentile, spread } from './percentile.ts';
import { eventually, withBench, type Bench } from './start-bench.ts';
import { watchRequests } from './vendor-requests.ts';

interface Tenant {
  name: string;
  /** Calls that the vendor allows in the bucket that sweep and actions share. */
  perMinute: number;
  limitMs: number;
  /** `apply` costs the vendor four calls, `plan` one or two. */
  mode: 'apply' | 'plan';
  everyMs: number;
}

const actions = 36;
const saturatedMs = 30_000;
/** Of a small limit: all but three calls a minute are ours, and a few come late. */
const saturated = 0.85;
const tenants: readonly Tenant[] = [
  { name: 'governance', perMinute: 200, limitMs: 1_000, mode: 'apply', everyMs: 3_000 },
  // Two intervals between calls.
  { name: 'governance-narrow', perMinute: 60, limitMs: 2_000, mode: 'plan', everyMs: 3_000 },
];

/**
 * From the API's 2xx for an action to the first call that the vendor sees of it, while a sweep takes all that the
 * quota gives: the sweep asks for the grants of each user, and the action begins with a call in the same bucket.
 */
export const governance = (): Promise<Measured[]> =>
  withBench((bench) => Promise.all(tenants.map((tenant) => measure(bench, tenant))));

async function measure(bench: Bench, tenant: Tenant): Promise<Measured> {
  const { name, perMinute, limitMs, mode, everyMs } = tenant;
  const token = `00${name}`.padEnd(42, '0');
  const simulator = await createOktaSimulator({
    // Another seed is another org.
    seed: perMinute,
    subdomain: name,
    token,
    knobs: { tier: 'workforce', share: 100, limits: { '/api/v1': perMinute } },
    fill: { users: 1_500, groups: 3, events: 1 },
    allowHttpHooks: true,
  });
  const firstCall = new Map<string, number>();
  const times: number[] = [];
  const stop = watchRequests(({ port, url, at }) => {
    if (port !== simulator.port) return;
    const shared = /^\/api\/v1\/users\/\w+\/(grants|clients|roles)/.exec(url);
    if (shared) times.push(at);
    const grant = /\/grants\/(\w+)(\?|$)/.exec(url)?.[1];
    if (grant && !firstCall.has(grant)) firstCall.set(grant, at);
  });
  const usedSince = (since: number): number =>
    times.filter((at) => at >= since).length / ((perMinute * (performance.now() - since)) / 60_000);
  try {
    const { id } = await bench.api.post<{ id: string }>('/v1/connections', {
      app: 'okta',
      settings: { domain: `${name}.okta.com`, baseUrl: simulator.url },
      credential: { type: 'ssws', token },
      governance: 'on',
    });
    // Until the sweep has come to where it takes all there is.
    await eventually(() => {
      const since = performance.now() - saturatedMs;
      return Promise.resolve(usedSince(since) >= saturated || undefined);
    });
    const { grants } = simulator.control.truth({ only: ['grants'] });
    // The last users: the sweep does not come to them before the measurement is over.
    const targets = grants!.slice(-actions * 2).filter((_, n) => n % 2 === 0);
    const begun = performance.now();
    const fromAccepted: number[] = [];
    const fromAsked: number[] = [];
    for (const grant of targets) {
      const asked = performance.now();
      await bench.api.post(`/v1/connections/${id}/actions`, {
        action: 'revokeAppPermission',
        target: { appPermissionId: `grant:${String(grant['userId'])}:${String(grant['id'])}` },
        reason: 'bench',
        mode,
      });
      const accepted = performance.now();
      const called = await eventually(() => Promise.resolve(firstCall.get(String(grant['id']))), 60_000, 20);
      fromAccepted.push(Math.max(called - accepted, 0));
      fromAsked.push(called - asked);
      await delay(Math.max(everyMs * (0.5 + Math.random()) - (performance.now() - asked), 0));
    }
    const used = usedSince(begun);
    const figure = Math.round(percentile(fromAccepted, 95));
    const { throttled } = simulator.control.counters();
    return {
      name,
      figure,
      limit: limitMs,
      unit: 'ms, p95',
      holds: figure <= limitMs && used >= saturated && throttled === 0,
      details: {
        perMinute,
        quotaUsed: Math.round(used * 100) / 100,
        throttled,
        fromAccepted: spread(fromAccepted),
        fromAsked: spread(fromAsked),
      },
    };
  } finally {
    stop();
    await simulator.close();
  }
}
