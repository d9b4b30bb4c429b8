import { describe, expect, it } from 'vitest';
import type { Belief } from './quota-others.ts';
import { judgeReading } from './quota-readings.ts';

const believing = (more: Partial<Belief> = {}): Belief => ({
  limit: 200,
  fromHeaders: true,
  windowMs: 10_000,
  share: 1,
  ...more,
});

describe('a reset told by the second', () => {
  it('never makes a window longer than it is', () => {
    const belief = believing();
    // The first call of a window: rounded up at one end and down at the other it seems to last 12 s.
    expect(judgeReading(belief, { limit: 200, remaining: 199, resetInMs: 12_000 }, 0)).toBeNull();
    expect(belief.resetAt).toBe(10_000);
    // At the even pace until the last second; by the header alone 40 calls would seem to be missing.
    expect(judgeReading(belief, { limit: 200, remaining: 22, resetInMs: 3_000 }, 9_000)).toBeNull();
  });
});

describe('calls that were not sent in time', () => {
  // 200 in 10 s; 100 ms stand for two calls.
  const late = { limit: 200, remaining: 150, resetInMs: 5_001 };

  it('are made good until a window ends that was seen to begin anew, never much faster', () => {
    const belief = believing({ renewed: true, resetAt: 10_000, resetSetAt: 0 });
    expect(judgeReading(belief, late, 5_000)!.squeeze!.perMs).toBeCloseTo((1.25 * 197) / 10_000, 4);
    // Few are missing: only as fast as that.
    const few = believing({ renewed: true, resetAt: 10_000, resetSetAt: 0 });
    const { perMs } = judgeReading(few, { ...late, remaining: 106 }, 5_000)!.squeeze!;
    expect(perMs).toBeGreaterThan(197 / 10_000);
    expect(perMs * 5_000).toBeLessThanOrEqual(106 - 1 - 2);
    // Nothing is missing any more.
    expect(judgeReading(few, { ...late, remaining: 79, resetInMs: 4_001 }, 6_000)).toEqual({ squeeze: null });
  });

  it('are gone where only a part came back during a pause, as in a window that moves', () => {
    const paused = believing({ remaining: 20, resetAt: 4_000, resetSetAt: 0 });
    judgeReading(paused, { ...late, remaining: 120, resetInMs: 5_000 }, 5_000);
    expect(paused.renewed).toBeFalsy();
    const begun = believing({ remaining: 20, resetAt: 4_000, resetSetAt: 0 });
    judgeReading(begun, { ...late, remaining: 199, resetInMs: 9_900 }, 5_000);
    expect(begun.renewed).toBe(true);
  });

  it('are gone where nobody knows how the app counts', () => {
    expect(judgeReading(believing({ resetAt: 10_000, resetSetAt: 0 }), late, 5_000)).toBeNull();
    expect(judgeReading(believing({ rolling: true }), late, 5_000)).toBeNull();
  });
});

describe('a window that moves on', () => {
  const moving = () => believing({ rolling: true });

  it('is left alone at our own pace, and given room when others take of it', () => {
    expect(judgeReading(moving(), { remaining: 3, inFlight: 4 }, 1_000)).toBeNull();
    expect(judgeReading(moving(), { remaining: 1 }, 1_000)).toEqual({ stepBack: 1, tightForMs: 1_250, slower: true });
    expect(judgeReading(moving(), { remaining: 0 }, 1_000)).toEqual({ stepBack: 2, tightForMs: 1_250, slower: true });
  });

  it('is judged again only when the pause shows in its figures', () => {
    const belief = moving();
    judgeReading(belief, { remaining: 0 }, 1_000);
    expect(judgeReading(belief, { remaining: 0 }, 1_100)).toBeNull();
    expect(judgeReading(belief, { remaining: 0 }, 1_300)).toEqual({ stepBack: 2, tightForMs: 1_250, slower: true });
  });
});
