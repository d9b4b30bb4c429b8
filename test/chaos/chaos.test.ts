import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';

const seed = 8;
/** One of each place that a connection crosses; all kinds are what `npm run chaos` is for. */
const struck = [
  'worker-killed-in-a-page',
  'worker-killed-after-apply',
  'mongodb-commit-unanswered',
  'network-cut',
  'webhooks-duplicated',
];

describe('chaos, with our own waits at a tenth', () => {
  it('no two kinds have the same name', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
  });

  it('nothing is lost, invented or done twice by faults that strike at once', { timeout: 600_000 }, async () => {
    const say = (line: string) => console.log(line);
    const chosen = kinds.filter(({ kind }) => struck.includes(kind));
    const measured = await runChaos({ kinds: chosen, seed, scale: 0.1, rollAt: 300, signals: false, say });
    expect(measured.details['failed'], `npm run chaos -- --seed ${seed} --only ${struck.join()}`).toBeUndefined();
    expect(measured.details['neverStruck']).toEqual([]);
    expect(measured.holds).toBe(true);
  });
});
