import { expect, it } from 'vitest';
import { createOktaSimulator } from './simulator.ts';

it('generates a log with late rows and duplicates, whose digest is of the set', async () => {
  const { url, token, control, close } = await createOktaSimulator({
    knobs: { limitFactor: 1000 },
    fill: { users: 5, events: 0 },
  });
  const before = control.logDigest();
  control.generateLog({ rows: 2_000, days: 10, late: 0.05, lateMs: 3_600_000, duplicated: 0.05 });
  const filled = control.logDigest();
  expect(filled.held).toBeGreaterThan(50);
  expect(filled.distinct).toBe(before.distinct + 2_000 - filled.held);
  expect(filled.rows - filled.distinct).toBeGreaterThan(50);

  const since = new Date(Date.now() - 11 * 86_400_000).toISOString();
  const until = new Date().toISOString();
  const uuids: string[] = [];
  for (const sortOrder of ['ASCENDING', 'DESCENDING']) {
    let next: string | undefined = `${url}/api/v1/logs?since=${since}&until=${until}&limit=300&sortOrder=${sortOrder}`;
    const read: string[] = [];
    while (next !== undefined) {
      const response: Response = await fetch(next, { headers: { authorization: `SSWS ${token}` } });
      read.push(...((await response.json()) as { uuid: string }[]).map(({ uuid }) => uuid));
      next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    }
    expect(new Set(read).size).toBe(filled.distinct);
    uuids.push(read.toSorted().join());
  }
  expect(uuids[0]).toBe(uuids[1]);

  control.knobs({ clockSkewMs: 3_600_000 });
  const all = control.logDigest();
  expect([all.held, all.distinct]).toEqual([0, before.distinct + 2_000]);
  expect(all.hash).not.toBe(filled.hash);
  await close();
});
