import type { Random } from '../../simulators/kit/seeded.ts';
import type { Fault, Struck } from './fault.ts';
import { Missed, patienceOf } from './missed.ts';
import { frozenWorkerFaults } from './frozen-worker-faults.ts';
import { nextRelease } from './compiled-code.ts';
import type { TcpProxy, Trap } from './tcp-proxy.ts';
import { occasion } from './vendor-strikes.ts';
import type { World } from './world.ts';

export const upTo = (random: Random, most: number): number => Math.floor(random() * most);

/** Kills the worker when these bytes pass, and starts another. */
export async function killedAt(
  world: World,
  proxy: TcpProxy,
  trap: Omit<Trap, 'strike'>,
  meanwhile?: () => Promise<unknown>,
): Promise<void> {
  const strike = async () => {
    world.disrupted();
    await world.workers.kill();
    return 'cut' as const;
  };
  const [struck] = await Promise.all([proxy.trap({ ...trap, strike }, patienceOf(world)), meanwhile?.()]);
  if (!struck) throw new Missed();
  await world.workers.start();
}

const inScan = (
  kind: string,
  proxyOf: (world: Struck) => TcpProxy,
  trap: Pick<Trap, 'way' | 'pattern' | 'moment' | 'when'>,
  skipMost: number,
): Fault => ({
  kind,
  place: 'worker',
  at: 'scan',
  async inject(world, random) {
    const skip = upTo(random, skipMost);
    await world.subject.scanning();
    await killedAt(world, proxyOf(world), { ...trap, skip });
  },
});

/** Before Node runs anything: all that asks for the time is told another. */
const shiftedBy = (ms: number): string => {
  const code = `const D = Date; const now = () => D.now() + ${ms};
    globalThis.Date = new Proxy(D, {
      construct: (of, args, as) => Reflect.construct(of, args.length > 0 ? args : [now()], as),
      apply: () => new D(now()).toString(),
      get: (of, name) => (name === 'now' ? now : Reflect.get(of, name)),
    });`;
  return `--import data:text/javascript,${encodeURIComponent(code)}`;
};

/** Of a list, at Okta or at Box, and not of one thing or of a token. */
const isPage = /\r\n\r\n(?:[\da-f]+\r\n)?(?:\[|\{.*"entries":)/s;

let releases = 0;

export const workerFaults: Fault[] = [
  inScan(
    'worker-killed-in-a-page',
    ({ subject }) => subject.proxy,
    { way: 'down', pattern: 'HTTP/1.1 200', moment: 'before', when: async (text) => isPage.test(text) },
    60,
  ),
  inScan(
    'worker-killed-in-a-group-write',
    ({ mongodb }) => mongodb.proxy,
    { way: 'up', pattern: 'commitTransaction', moment: 'before' },
    6,
  ),
  inScan(
    'worker-killed-between-commit-and-completion',
    ({ mongodb }) => mongodb.proxy,
    { way: 'up', pattern: 'commitTransaction', moment: 'after' },
    6,
  ),
  ...frozenWorkerFaults,
  {
    kind: 'two-workers',
    place: 'worker',
    at: 'any',
    async inject(world) {
      const first = world.workers.current;
      await world.workers.start();
      return async () => {
        if (world.workers.all.length > 1 && world.workers.all.includes(first)) await world.workers.stop(first);
      };
    },
  },
  {
    kind: 'worker-clock-ten-minutes-off',
    place: 'worker',
    at: 'any',
    async inject(world, random) {
      const { subject } = world;
      const first = world.workers.current;
      const ms = random() < 0.5 ? 600_000 : -600_000;
      const before = await subject.minted();
      await world.workers.start({ NODE_OPTIONS: shiftedBy(ms) });
      await world.workers.stop(first);
      // A new process has no token: what it asks for one with is signed by the vendor's clock, or refused.
      await occasion(world, async () => (await subject.minted()) > before);
      return () => {
        world.disrupted();
        return world.workers.restart();
      };
    },
  },
  {
    kind: 'new-code-deployed',
    place: 'worker',
    at: 'any',
    async inject(world) {
      const before = world.workers.current;
      releases += 1;
      world.workers.code = await nextRelease(world.owner, world.workers.code, `chaos-${releases}`);
      await world.workers.start();
      await world.workers.stop(before);
    },
  },
];
