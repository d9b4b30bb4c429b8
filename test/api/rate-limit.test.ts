import { describe, expect, it } from 'vitest';
import { useApi } from './start-api.ts';

const api = useApi({ requestsPerMinute: 6 });

describe('the limit of each key', () => {
  it('answers 429 and when to come again, and leaves other keys alone', async () => {
    const asked = [];
    for (let n = 0; n < 8; n += 1) asked.push(await api.call('GET', '/v1/apps', { as: 'viewer' }));
    expect(asked[0]!.status).toBe(200);
    const refused = asked.at(-1)!;
    expect([refused.status, refused.body.code]).toEqual([429, 'too-many-requests']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await api.call('GET', '/v1/apps', { as: 'operator' })).status).toBe(200);
    expect((await api.call('GET', '/healthz', { as: null })).status).toBe(200);
  });
});
