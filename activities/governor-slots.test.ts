import { describe, expect, it } from 'vitest';
import type { Charge, Governor, Urgency } from '../connectors/quota.ts';
import { fairness } from '../test/support/fairness.ts';
import { callOnce, type Send } from '../test/support/governed-calls.ts';
import type { LimitedVendor } from '../test/support/limited-vendor.ts';
import { VirtualScene } from '../test/support/virtual-scene.ts';

const lastsMs = 30_000;

interface Calling {
  callers: number;
  urgency?: Urgency;
  callMs?: readonly [number, number];
}

/** A vendor that allows so many calls at once and any number a minute, and calls that take `callMs`. */
function crowded(seed: number, atOnce: number) {
  const scene = new VirtualScene(seed);
  const vendor = scene.vendor({ kind: 'fixed', limit: 1e9, windowMs: 60_000, headers: false, atOnce });
  const charges: Charge[] = [{ bucket: 'slots', kind: 'concurrent', limit: atOnce }];
  const tookMs: Record<string, number[]> = {};
  const call = (governor: Governor, who: string, { callers, urgency = 'sweep', callMs = [20, 200] }: Calling) => {
    const took: number[] = (tookMs[who] = []);
    const plain = scene.send([vendor], who, [1, 4], callMs);
    const send: Send = async (all) => {
      const began = scene.time.now;
      const reading = await plain(all);
      took.push(scene.time.now - began);
      return reading;
    };
    return scene.call(governor, { send, charges, urgency, connection: who, callers });
  };
  /** Milliseconds that the calls of each held a slot. */
  const held = () => Object.values(tookMs).map((each) => each.reduce((sum, one) => sum + one, 0));
  return { scene, vendor, charges, call, held };
}

/** Of what may be used at once besides what is kept for actions. */
const used = (held: readonly number[], atOnce: number) =>
  held.reduce((sum, one) => sum + one, 0) / (lastsMs * Math.max(1, atOnce - 1));

const keptTo = (vendor: LimitedVendor) => expect(vendor.crowded).toBe(0);

describe('calls at once', () => {
  const cases = [1, 2, 3, 5, 9].flatMap((atOnce) => [2, 3].map((processes) => ({ atOnce, processes })));
  it.each(cases)('of $atOnce are kept to and shared by $processes processes', async ({ atOnce, processes }) => {
    const { scene, vendor, call, held } = crowded(atOnce * 10 + processes, atOnce);
    const calling = Array.from({ length: processes }, async (_none, n) => {
      // One was there first, and has all of them.
      await scene.time.sleep(n * 1_000);
      const clock = { offsetMs: n * 1e6, rate: 1 + n / 1_000 };
      await call(scene.process({ clock }), `p${n}`, { callers: 10 });
    });
    await scene.lasts(lastsMs, calling);
    keptTo(vendor);
    expect(fairness(held())).toBeGreaterThanOrEqual(0.95);
    expect(used(held(), atOnce)).toBeGreaterThanOrEqual(0.94);
  });

  it('are shared by connections, however many of them and of their calls are in one process', async () => {
    const { scene, vendor, call, held } = crowded(1, 7);
    const [one, other] = [scene.process(), scene.process()];
    const calling = [
      call(one, 'many', { callers: 20 }),
      call(one, 'few', { callers: 7 }),
      call(other, 'elsewhere', { callers: 7 }),
    ];
    await scene.lasts(lastsMs, calling);
    keptTo(vendor);
    expect(fairness(held())).toBeGreaterThanOrEqual(0.95);
  });

  it('of a process that has nothing to do are used by the others', async () => {
    const { scene, vendor, call, held } = crowded(2, 5);
    const [busy, idle] = [scene.process(), scene.process()];
    const calling = [call(busy, 'busy', { callers: 8 }), call(idle, 'idle', { callers: 1, callMs: [1, 2] })];
    await scene.lasts(lastsMs, calling);
    keptTo(vendor);
    expect(used(held(), 5)).toBeGreaterThanOrEqual(0.75);
  });
});

describe('where calls at once are the limit', () => {
  it.each([2, 4])('of %i, the more urgent are served before the others, in whatever process', async (atOnce) => {
    const { scene, vendor, charges, call } = crowded(3, atOnce);
    const processes = [scene.process(), scene.process()];
    const calling = [
      call(processes[1]!, 'content', { callers: 8, urgency: 'content' }),
      scene.time.sleep(500).then(() => call(processes[0]!, 'sweep', { callers: 8 })),
    ];
    const waited: Record<string, number[]> = { actions: [], watch: [] };
    const asks = async (urgency: 'actions' | 'watch') => {
      for (let at = 5_000; at < lastsMs - 5_000; at += 1_700) {
        await scene.time.sleep(at - scene.time.now);
        const began = scene.time.now;
        const send: Send = async () => void waited[urgency]!.push(scene.time.now - began);
        await callOnce(processes[1]!, { send, charges, urgency }, new AbortController().signal);
      }
    };
    await scene.lasts(lastsMs, [...calling, asks('actions'), asks('watch')]);
    keptTo(vendor);
    expect(waited['actions']!.length).toBeGreaterThan(10);
    expect(Math.max(...waited['actions']!)).toBeLessThan(50);
    expect(Math.max(...waited['watch']!)).toBeLessThan(1_500);
    const served = (urgency: string) => vendor.paths.filter((path) => path === urgency).length;
    // What it had before the sweep came, and handed on for a while.
    expect(served('content')).toBeLessThan(0.15 * served('sweep'));
  });
});
