import { describe, expect, it } from 'vitest';
import type { Fault } from './fault.ts';
import { kinds } from './kinds.ts';
import { runChaos } from './run-chaos.ts';
import type { App } from './subject.ts';

/** A second app has other ways to read, to push and to act; what strikes servers and network is the same. */
const atBox = [
  'worker-killed-in-a-page',
  'worker-killed-before-apply',
  'mongodb-killed',
  'network-cut',
  'webhooks-duplicated',
  'page-repeats',
  'vendor-cuts-json',
];

const runs: readonly { title: string; app: App; seed: number; perPlace: number; faults: readonly Fault[] }[] = [
  { title: `each of the ${kinds.length} kinds at Okta`, app: 'okta', seed: 33, perPlace: 11, faults: kinds },
  {
    title: 'some of every place at Box',
    app: 'box',
    seed: 7,
    perPlace: 4,
    faults: kinds.filter(({ kind }) => atBox.includes(kind)),
  },
];

describe('chaos: every kind of fault strikes once, our own waits at a tenth', () => {
  it('no two kinds have the same name', () => {
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
  });

  it.each(runs)(
    'nothing is lost, invented or done twice: $title',
    { timeout: 900_000 },
    async ({ app, seed, perPlace, faults }) => {
      const say = (line: string) => console.log(line);
      const options = { apps: [app], kinds: faults, seed, scale: 0.1, perPlace, rollAt: 300, signals: false, say };
      const measured = await runChaos(options);
      const again = `npm run chaos -- --app ${app} --seed ${seed} --per-place ${perPlace}`;
      const names = faults.map(({ kind }) => kind).join(',');
      expect(measured.details['failed'], `${again} --only ${names}`).toBeUndefined();
      expect(measured.details['neverStruck']).toEqual([]);
    },
  );
});
