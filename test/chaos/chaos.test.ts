import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';

const seed = 8;
/** As many at once as shares the costs of a round best. */
const perPlace = 7;

describe('chaos, with our own waits at a tenth', () => {
  it('no two kinds have the same name', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
  });

  it('nothing is lost, invented or done twice by any fault', { timeout: 1_200_000 }, async () => {
    const say = (line: string) => console.log(line);
    const measured = await runChaos({ kinds, seed, scale: 0.1, rollAt: 300, perPlace, signals: false, say });
    expect(measured.details['failed'], `npm run chaos -- --seed ${seed} --per-place ${perPlace}`).toBeUndefined();
    expect(measured.details['neverStruck']).toEqual([]);
    expect(measured.holds).toBe(true);
  });
});
