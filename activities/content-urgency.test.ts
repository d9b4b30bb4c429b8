import { describe, expect, it } from 'vitest';
import type { Urgency } from '../connectors/quota.ts';
import { rate, VirtualScene } from '../test/support/virtual-scene.ts';

const windowMs = 10_000;
const windows = 2;
const forMs = windows * windowMs;

interface Crowd {
  urgency: Urgency;
  callers: number;
  /** How long each of its calls takes. */
  backMs?: readonly [number, number];
}

/** How many calls each crowd makes of the same quota, all of one process or each of its own. */
async function served(limit: number, together: boolean, crowds: readonly Crowd[]): Promise<number[]> {
  const scene = new VirtualScene();
  const vendor = scene.vendor({ kind: 'sliding', limit, windowMs });
  const shared = scene.process();
  const counts = crowds.map(() => 0);
  const calling = crowds.map(({ urgency, callers, backMs }, nth) => {
    const send = scene.send([vendor], '', [1, 4], backMs);
    return scene.call(together ? shared : scene.process(), {
      send: async (charges) => {
        counts[nth]! += 1;
        return send(charges);
      },
      charges: [rate('shared', limit, windowMs)],
      callers,
      urgency,
    });
  });
  await scene.lasts(forMs, calling);
  expect(vendor.refused).toEqual([]);
  return counts;
}

describe.each([
  ['the same process', true],
  ['another process', false],
])('contents read in %s', (_, together) => {
  it.each<[Urgency, number]>([
    ['sweep', 4],
    ['sweep', 1],
    ['watch', 2],
  ])('take next to nothing from a %s that needs all of the quota, by %i callers', async (urgency, callers) => {
    const [alone] = await served(200, together, [{ urgency, callers }]);
    const [beside, contents] = await served(200, together, [
      { urgency, callers },
      { urgency: 'content', callers: 6 },
    ]);
    expect(beside! / alone!).toBeGreaterThanOrEqual(0.97);
    expect(contents).toBeLessThanOrEqual(0.03 * alone! + 1);
  });

  it('take what a slow sweep leaves', async () => {
    const slow: Crowd = { urgency: 'sweep', callers: 1, backMs: [400, 400] };
    const [alone] = await served(200, together, [slow]);
    const [beside, contents] = await served(200, together, [slow, { urgency: 'content', callers: 6 }]);
    // A call of theirs that is under way holds it up by no more than one interval.
    expect(beside! / alone!).toBeGreaterThanOrEqual(0.88);
    expect(beside! + contents!).toBeGreaterThanOrEqual(0.85 * 200 * windows);
  });
});
