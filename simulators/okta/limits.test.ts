import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bucketOf } from './limits.ts';
import { createOktaSimulator } from './simulator.ts';
import type { OktaSimulator } from './simulator.ts';

let okta: OktaSimulator;
beforeEach(async () => {
  okta = await createOktaSimulator({ fill: { users: 20, groups: 3, events: 25 } });
});
afterEach(() => okta.close());

const get = (path: string) => fetch(okta.url + path, { headers: { authorization: `SSWS ${okta.token}` } });
const rate = (response: Response) =>
  ['limit', 'remaining'].map((name) => Number(response.headers.get(`x-rate-limit-${name}`)));

describe('limits', () => {
  it('tell the caller its half of the bucket of its tier, buckets apart from each other', async () => {
    expect(rate(await get('/api/v1/logs?limit=1'))).toEqual([25, 24]);
    expect(rate(await get('/api/v1/logs?limit=1'))).toEqual([25, 23]);
    expect(rate(await get('/api/v1/users?limit=1'))).toEqual([300, 299]);
    expect(rate(await get('/api/v1/users/me'))).toEqual([500, 499]);
    expect(rate(await get('/api/v1/apps?limit=1'))).toEqual([50, 49]);
    okta.control.knobs({ tier: 'workforce', share: 75 });
    expect(rate(await get('/api/v1/logs?limit=1'))).toEqual([90, 87]);
    okta.control.knobs({ limitFactor: 0.5 });
    expect(rate(await get('/api/v1/logs?limit=1'))).toEqual([45, 41]);
  });

  it('refuse with E0000047 until the window ends, as the counters tell', async () => {
    okta.control.knobs({ limits: { '/api/v1/logs': 4 } });
    const statuses = [];
    for (let call = 0; call < 3; call++) statuses.push((await get('/api/v1/logs?limit=1')).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await get('/api/v1/logs?limit=1');
    expect(await refused.json()).toMatchObject({ errorCode: 'E0000047' });
    expect(Number(refused.headers.get('x-rate-limit-reset'))).toBeGreaterThan(Date.now() / 1000 + 50);
    expect(okta.control.counters()).toMatchObject({ throttled: 2, calls: { 'GET /api/v1/logs': 4 } });
    const own = okta.control.counters().windows.find((one) => one.bucket === '/api/v1/logs' && one.principal !== '');
    expect(own).toMatchObject({ limit: 2, calls: 2, refused: 2 });
  });

  it('refuse a caller with calls left when others used up the org', async () => {
    // So greedy that the org's bucket is gone in the first milliseconds of the window.
    okta.control.knobs({ otherConsumer: 1_000_000 });
    let response = await get('/api/v1/users?limit=1');
    for (let call = 0; call < 100 && response.status === 200; call++) response = await get('/api/v1/users?limit=1');
    expect(response.status).toBe(429);
    expect(rate(response)[1]).toBeGreaterThan(100);
  });

  it('refuse too many at once with zeros', async () => {
    okta.control.knobs({ concurrency: 2, latencyMs: 100 });
    const answers = await Promise.all([1, 2, 3, 4].map(() => get('/api/v1/users?limit=1')));
    expect(answers.map((one) => one.status).sort()).toEqual([200, 200, 429, 429]);
    const refused = answers.find((one) => one.status === 429) as Response;
    expect(rate(refused)).toEqual([0, 0]);
    expect(okta.control.counters()).toMatchObject({ throttledByConcurrency: 2, inFlight: 0 });
    expect(okta.control.counters().maxConcurrent).toBeGreaterThan(2);
  });

  it('know the bucket of a path, an exact one before a prefix', () => {
    expect(bucketOf('GET', '/api/v1/groups/00g1')).toBe('/api/v1/groups/{id}');
    expect(bucketOf('DELETE', '/api/v1/groups/00g1/users/00u1')).toBe('/api/v1/groups');
    expect(bucketOf('DELETE', '/api/v1/users/00u1')).toBe('POST|PUT|DELETE /api/v1/users/{id}');
    expect(bucketOf('POST', '/api/v1/users/00u1/lifecycle/suspend')).toBe('/api/v1');
    expect(bucketOf('GET', '/api/v1/apps/0oa1/tokens')).toBe('/api/v1/apps');
  });
});
