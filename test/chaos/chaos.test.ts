import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';

/** Kinds that take long and have a test of their own, in `test/integration` and `test/rollover`. The command takes all. */
const elsewhere: Record<string, string> = {
  'worker-killed-in-a-page': 'killed-worker',
  'worker-killed-after-apply': 'killed-worker',
  'frozen-worker-wakes-over-its-successor': 'frozen-worker',
  'frozen-worker-wakes-after-an-erase': 'frozen-worker',
  'temporal-away-for-a-minute': 'servers-away',
  'mongodb-away-for-a-minute': 'servers-away',
  'token-revoked-mid-scan': 'credentials',
  'rollover-in-the-middle': 'rollover',
};
const here = kinds.filter(({ kind }) => !(kind in elsewhere));
const seed = 33;
const perPlace = 11;

describe('chaos at Okta: kinds of fault strike once each, our own waits at a tenth', () => {
  it('no two kinds have the same name', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
    expect(kinds.length - here.length).toBe(Object.keys(elsewhere).length);
  });

  it(
    `nothing is lost, invented or done twice: ${here.length} of ${kinds.length} kinds`,
    { timeout: 900_000 },
    async () => {
      const say = (line: string) => console.log(line);
      const options = {
        apps: ['okta' as const],
        kinds: here,
        seed,
        scale: 0.1,
        perPlace,
        rollAt: 300,
        signals: false,
        say,
      };
      const measured = await runChaos(options);
      const names = here.map(({ kind }) => kind).join(',');
      const again = `npm run chaos -- --seed ${seed} --per-place ${perPlace} --only ${names}`;
      expect(measured.details['failed'], again).toBeUndefined();
      expect(measured.details['neverStruck']).toEqual([]);
    },
  );
});
