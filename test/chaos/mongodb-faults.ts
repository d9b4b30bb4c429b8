import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../simulators/kit/seeded.ts';
import type { Fault } from './fault.ts';
import { Missed, patienceOf } from './missed.ts';
import type { Trap } from './tcp-proxy.ts';
import { awayForAMinute, killedFor } from './server-faults.ts';

const fullWithinMs = 20_000;

const inTransaction = (kind: string, trapOf: (random: Random) => Pick<Trap, 'pattern' | 'moment'>): Fault => ({
  kind,
  place: 'mongodb',
  at: 'scan',
  async inject(world, random) {
    const trap = { ...trapOf(random), way: 'up' as const, skip: Math.floor(random() * 5) };
    await world.subject.scanning();
    const struck = await world.mongodb.proxy.trap({ ...trap, strike: async () => 'cut' }, patienceOf(world));
    if (!struck) throw new Missed();
  },
});

export const mongodbFaults: Fault[] = [
  killedFor('mongodb', 'mongodb-killed', 5_000),
  awayForAMinute('mongodb'),
  {
    kind: 'mongodb-stepped-down',
    place: 'mongodb',
    at: 'any',
    async inject(world) {
      await world.subject.scanning();
      const replSetStepDown = Math.max(2, Math.ceil(10 * world.scale));
      await world.mongodb.db.admin().command({ replSetStepDown, force: true });
    },
  },
  {
    kind: 'mongodb-slow',
    place: 'mongodb',
    at: 'any',
    async inject(world, random) {
      world.mongodb.proxy.delayMs = 20 + random() * 60;
      await world.subject.scanning();
      return async () => void (world.mongodb.proxy.delayMs = 0);
    },
  },
  inTransaction('mongodb-cut-before-commit', () => ({ pattern: 'commitTransaction', moment: 'before' })),
  inTransaction('mongodb-commit-unanswered', () => ({ pattern: 'commitTransaction', moment: 'after' })),
  inTransaction('mongodb-cut-in-a-transaction', (random) => ({
    pattern: 'startTransaction',
    moment: random() < 0.5 ? 'before' : 'after',
  })),
  {
    // Where it cannot write any more mongod ends itself, and does not come up until there is room: no file may grow.
    kind: 'mongodb-disk-full',
    place: 'mongodb',
    at: 'any',
    async inject(world) {
      await world.subject.scanning();
      const { pid } = world.mongodb;
      await world.owner.run('prlimit', ['--pid', String(pid), '--fsize=1:'], { timeoutMs: 5_000 });
      const runs = () => {
        try {
          return process.kill(pid, 0);
        } catch {
          return false;
        }
      };
      for (const until = Date.now() + fullWithinMs; runs(); await delay(50)) if (Date.now() > until) throw new Missed();
      await world.pause(5_000);
      await world.mongodb.start();
    },
  },
];
