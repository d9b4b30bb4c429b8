import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';
import type { App } from './subject.ts';

/** Kinds that take long, and where each is tested by itself. `npm run chaos` takes all. */
const elsewhere: Record<string, string> = {
  'worker-killed-in-a-page': 'integration/killed-worker',
  'worker-killed-after-apply': 'integration/killed-worker',
  'frozen-worker-wakes-over-its-successor': 'integration/frozen-worker',
  'frozen-worker-wakes-after-an-erase': 'integration/frozen-worker',
  'temporal-away-for-a-minute': 'integration/servers-away',
  'mongodb-away-for-a-minute': 'integration/servers-away',
  'token-revoked-mid-scan': 'integration/credentials',
  'rollover-in-the-middle': 'rollover/rollover',
};
/** The others strike at Okta. */
const atBox: readonly string[] = [
  'worker-killed-between-two-writes-of-an-action',
  'worker-killed-in-undo',
  'actions-by-the-thousand',
  'mongodb-cut-in-a-transaction',
  'mongodb-disk-full',
  'mongodb-stepped-down',
  'temporal-restarted',
  'network-slow',
  'webhooks-duplicated',
  'webhooks-forged',
  'log-rows-late',
  'log-rows-out-of-order',
  'next-link-loops',
  'page-held-back-while-it-changes',
  'page-repeats',
  'throttled-for-an-absurd-time',
  'throttled-in-every-header-form',
  'vendor-acts-and-hangs-up',
  'vendor-answers-html-with-200',
];
const here = kinds.map(({ kind }) => kind).filter((kind) => !(kind in elsewhere));
const rounds: readonly { app: App; seed: number; names: readonly string[] }[] = [
  { app: 'okta', seed: 33, names: here.filter((kind) => !atBox.includes(kind)) },
  { app: 'box', seed: 34, names: atBox },
];

describe('chaos: kinds of fault strike once each, our own waits at a tenth', () => {
  it('every kind strikes in one of the rounds, or has a test of its own', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
    expect(rounds.flatMap(({ names }) => names).sort()).toEqual(here.toSorted());
    expect(kinds.length - here.length).toBe(Object.keys(elsewhere).length);
    for (const test of Object.values(elsewhere))
      expect(existsSync(new URL(`../${test}.test.ts`, import.meta.url)), test).toBe(true);
  });

  it.each(rounds)(
    'nothing is lost, invented or done twice: $names.length kinds at $app',
    { timeout: 900_000 },
    async ({ app, seed, names }) => {
      const perPlace = names.length;
      const options = {
        apps: [app],
        kinds: kinds.filter(({ kind }) => names.includes(kind)),
        seed,
        scale: 0.1,
        perPlace,
        rollAt: 300,
        signals: false,
        say: (line: string) => console.log(line),
      };
      const measured = await runChaos(options);
      const again = `npm run chaos -- --app ${app} --seed ${seed} --per-place ${perPlace} --only ${names.join(',')}`;
      expect(measured.details['failed'], again).toBeUndefined();
      expect(measured.details['neverStruck']).toEqual([]);
    },
  );
});
