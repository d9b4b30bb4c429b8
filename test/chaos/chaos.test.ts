import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';

/** What a few minutes allow: of every part of the house some. `npm run chaos` takes all kinds. */
const rounds: readonly { seed: number; names: readonly string[] }[] = [
  {
    seed: 33,
    names: [
      'worker-killed-between-commit-and-completion',
      'worker-killed-between-two-writes-of-an-action',
      'new-code-deployed',
      'vendor-resets-connections',
      'vendor-acts-and-hangs-up',
      'vendor-halves-the-quota',
      'vendor-date-ten-minutes-off',
      'log-rows-out-of-order',
      'token-revoked-mid-scan',
      'credential-renewed-in-a-chunk',
    ],
  },
  {
    seed: 8,
    names: [
      'worker-killed-in-a-page',
      'worker-killed-after-apply',
      'mongodb-commit-unanswered',
      'network-cut',
      'webhooks-duplicated',
    ],
  },
];

describe('chaos, with our own waits at a tenth', () => {
  it('no two kinds have the same name', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
  });

  it.each(rounds)(
    'nothing is lost, invented or done twice: seed $seed',
    { timeout: 600_000 },
    async ({ seed, names }) => {
      const say = (line: string) => console.log(line);
      const these = kinds.filter(({ kind }) => names.includes(kind));
      expect(these).toHaveLength(names.length);
      const measured = await runChaos({
        apps: ['okta'],
        kinds: these,
        seed,
        scale: 0.1,
        perPlace: 7,
        rollAt: 300,
        signals: false,
        say,
      });
      expect(measured.details['failed'], `npm run chaos -- --seed ${seed} --only ${names.join(',')}`).toBeUndefined();
      expect(measured.details['neverStruck']).toEqual([]);
    },
  );
});
