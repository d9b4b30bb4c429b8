import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useProcessOwner } from '../support/use-process-owner.ts';
import { compileCode } from './compiled-code.ts';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';
import type { App } from './subject.ts';

const killed = 'integration/killed-worker';
const frozen = 'integration/frozen-worker';
const away = [
  'integration/servers-away',
  'for ten seconds in mid-scan: /readyz tells, and the scan goes on by itself',
] as const;
/** Kinds that take long, and which test has each by itself. `npm run chaos` takes all. */
const elsewhere: Record<string, readonly [file: string, title: string]> = {
  'worker-killed-in-a-page': [killed, 'the records are those of an undisturbed scan and of the vendor'],
  'worker-killed-after-apply': [killed, 'an action whose worker dies after the vendor did it'],
  'frozen-worker-wakes-over-its-successor': [frozen, 'writes nothing over its successor when it wakes'],
  'frozen-worker-wakes-after-an-erase': [frozen, 'leaves no record behind when the connection was erased meanwhile'],
  'temporal-away-for-a-minute': away,
  'mongodb-away-for-a-minute': away,
  'token-revoked-mid-scan': ['integration/credentials', 'revoked in mid-scan: says what, who and how, and waits'],
  'rollover-in-the-middle': ['rollover/rollover', 'takes every action once, reads every chunk once and in order'],
};
/** What both rounds together may take on a machine at rest, all that they need brought up; told, not asserted. */
const boundSeconds = 360;
const took: number[] = [];
const owner = useProcessOwner();
let code: string;
/** Their credentials are signed in ways of their own. */
const atBoth: readonly string[] = ['worker-clock-ten-minutes-off'];
/** The others strike at Okta. */
const atBox: readonly string[] = [
  'worker-killed-between-two-writes-of-an-action',
  'worker-killed-in-undo',
  'frozen-worker-in-an-action',
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
  'file-moved-between-parts',
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
  { app: 'box', seed: 34, names: [...atBox, ...atBoth] },
];

describe('chaos: kinds of fault strike once each, our own waits at a tenth', () => {
  beforeAll(async () => {
    const began = performance.now();
    code = await compileCode(owner);
    took.push(Math.round((performance.now() - began) / 1000));
  }, 120_000);
  afterAll(() => {
    const all = took.reduce((sum, seconds) => sum + seconds, 0);
    console.log(`chaos, every kind once: ${took.join(' + ')} = ${all} s, of ${boundSeconds} s that it may take`);
  });

  it('every kind strikes in one of the rounds, or has a test of its own', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
    expect(rounds.flatMap(({ names }) => names).sort()).toEqual([...here, ...atBoth].sort());
    expect(kinds.length - here.length).toBe(Object.keys(elsewhere).length);
    for (const [file, title] of Object.values(elsewhere))
      expect(readFileSync(new URL(`../${file}.test.ts`, import.meta.url), 'utf8')).toContain(title);
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
        code,
        say: (line: string) => console.log(line),
      };
      const measured = await runChaos(options);
      const { seconds, phases, failed, noOccasion, withoutRollover } = measured.details;
      took.push(Number(seconds));
      console.log(`chaos at ${app}: ${String(seconds)} s, ${JSON.stringify(phases)}`);
      expect(failed).toBeUndefined();
      expect(noOccasion, 'nothing was lost: these kinds found no occasion').toEqual([]);
      expect(withoutRollover, 'nothing was lost: in the time of these kinds no run rolled over').toEqual([]);
    },
  );
});
