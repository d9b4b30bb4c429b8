import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';

/** What three minutes allow: of every part of the house some. `npm run chaos` takes all kinds, at Okta and at Box. */
const names: readonly string[] = [
  'api-killed-between-storing-and-signalling',
  'api-killed-while-hooks-come',
  'log-newest-first',
  'log-position-lost-while-rows-are-late',
  'log-rows-duplicated',
  'mongodb-commit-unanswered',
  'mongodb-cut-before-commit',
  'mongodb-killed',
  'mongodb-slow',
  'network-cut',
  'network-silent',
  'new-code-deployed',
  'page-position-expired',
  'raw-signals-beyond-the-limit',
  'temporal-cut-from-the-worker',
  'throttle-hidden-in-403-and-200',
  'vendor-answers-500-502-503-504-408',
  'vendor-answers-without-end',
  'vendor-cuts-json',
  'vendor-date-ten-minutes-off',
  'vendor-halves-the-quota',
  'vendor-resets-connections',
  'webhooks-lost',
  'webhooks-out-of-order',
  'worker-clock-ten-minutes-off',
  'worker-killed-before-apply',
  'worker-killed-in-a-group-write',
  'worker-killed-in-read-back',
];
const seed = 33;
const perPlace = 11;

describe('chaos, with our own waits at a tenth', () => {
  it('no two kinds have the same name', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
  });

  it(
    `nothing is lost, invented or done twice: ${names.length} of ${kinds.length} kinds`,
    { timeout: 900_000 },
    async () => {
      const these = kinds.filter(({ kind }) => names.includes(kind));
      expect(these).toHaveLength(names.length);
      const say = (line: string) => console.log(line);
      const options = {
        apps: ['okta' as const],
        kinds: these,
        seed,
        scale: 0.1,
        perPlace,
        rollAt: 300,
        signals: false,
        say,
      };
      const measured = await runChaos(options);
      const again = `npm run chaos -- --seed ${seed} --per-place ${perPlace} --only ${names.join(',')}`;
      expect(measured.details['failed'], again).toBeUndefined();
      expect(measured.details['neverStruck']).toEqual([]);
    },
  );
});
