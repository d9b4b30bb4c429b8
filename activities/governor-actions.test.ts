import { describe, expect, it } from 'vitest';
import type { Charge } from '../connectors/quota.ts';
import { callOnce, type Send } from '../test/support/governed-calls.ts';
import { rate, VirtualScene } from '../test/support/virtual-scene.ts';

const windowMs = 60_000;
const never = new AbortController().signal;
const kinds = ['fixed', 'sliding'] as const;

/** What actions wait for the first of their two calls, while sweeps take all there is and watches look now and then. */
async function waits(kind: (typeof kinds)[number], limit: number, processes: number): Promise<number[]> {
  const scene = new VirtualScene(limit + processes);
  const lastsMs = Math.max(3, 200 / limit) * windowMs;
  const vendor = scene.vendor({ kind, limit, windowMs });
  const charges: Charge[] = [rate('saturated', limit, windowMs), { bucket: 'slots', kind: 'concurrent', limit: 10 }];
  const send = scene.send([vendor]);
  const governors = Array.from({ length: processes }, (_, n) => scene.process({ clock: { offsetMs: n * 1e6 } }));
  const calling = governors.map((governor, n) =>
    scene.call(governor, { send, charges, callers: 5, connection: `c${n}` }),
  );
  const one = () => governors[Math.floor(scene.random() * processes)]!;
  const again = async (everyMs: number, work: () => Promise<unknown>) => {
    for (;;) {
      await scene.time.sleep(everyMs * (0.5 + scene.random()));
      if (scene.time.now > lastsMs - 30_000) return;
      await work();
    }
  };
  const waited: number[] = [];
  const act = async () => {
    const governor = one();
    const asked = scene.time.now;
    const first: Send = async (all) => {
      waited.push(scene.time.now - asked);
      return send(all);
    };
    for (const each of [first, send]) await callOnce(governor, { send: each, charges, urgency: 'actions' }, never);
  };
  const look = () => callOnce(one(), { send, charges, urgency: 'watch' }, never);
  const intervalMs = windowMs / limit;
  await scene.lasts(lastsMs, [...calling, again(Math.max(3_000, 4 * intervalMs), act), again(15_000, look)]);
  expect(vendor.refused).toEqual([]);
  return waited.slice(2);
}

describe.each(kinds)('an action beside sweeps that take all of a limit, when %s', (kind) => {
  it.each([
    { limit: 20, processes: 2 },
    { limit: 60, processes: 2 },
    { limit: 200, processes: 2 },
  ])('waits at most two intervals of $limit a minute, of $processes processes', async ({ limit, processes }) => {
    const waited = await waits(kind, limit, processes);
    expect(waited.length).toBeGreaterThan(15);
    const intervalMs = windowMs / (limit - 1 - Math.ceil(limit / 100));
    expect(Math.max(...waited)).toBeLessThanOrEqual(2 * intervalMs);
  });
});
