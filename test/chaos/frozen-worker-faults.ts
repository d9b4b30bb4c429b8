import { setTimeout as delay } from 'node:timers/promises';
import { recordKinds } from '../../connectors/records.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import { Missed, type Fault } from './fault.ts';
import { startProxiedOkta, type ProxiedOkta } from './okta-subject.ts';
import { stubborn } from './stubborn.ts';
import type { World } from './world.ts';
import type { RunningProcess } from '../../local/processes.ts';

const occasionMs = 20_000;
/** Not ours to scale: Temporal hands its work on when no heartbeat came for five seconds. */
const frozenMs = 8_000;
/** Whatever it had in its hands it has written by then. */
const thawedMs = 2_000;

/** Stops the worker while an answer is on its way to it, and lets another take over. */
async function frozen(world: World, proxy: ProxiedOkta['proxy'], skip: number): Promise<RunningProcess> {
  const worker = world.workers.current;
  const strike = async () => {
    worker.kill('SIGSTOP');
    return 'pass' as const;
  };
  const struck = await proxy.trap({ way: 'down', pattern: 'HTTP/1.1 200', moment: 'before', skip, strike }, occasionMs);
  if (!struck) throw new Missed();
  world.disrupted();
  await world.workers.start();
  return worker;
}

async function thawed(world: World, worker: RunningProcess): Promise<void> {
  worker.kill('SIGCONT');
  await delay(thawedMs);
  await world.workers.stop(worker);
}

export const frozenWorkerFaults: Fault[] = [
  {
    kind: 'frozen-worker-wakes-over-its-successor',
    place: 'worker',
    at: 'scan',
    async inject(world, random) {
      const skip = Math.floor(random() * 60);
      await world.scanning();
      const worker = await frozen(world, world.okta.proxy, skip);
      await delay(frozenMs);
      await thawed(world, worker);
    },
  },
  {
    kind: 'frozen-worker-wakes-after-an-erase',
    place: 'worker',
    at: 'scan',
    async inject(world, random) {
      const other = await world.keep('a tenant to erase', () => startProxiedOkta(world.owner, world.logFolder, 77));
      const { id } = await world.api.call.post<{ id: string }>('/v1/connections', other.body);
      const worker = await frozen(world, other.proxy, 5 + Math.floor(random() * 30));
      await world.api.call.post(`/v1/connections/${id}/erase`);
      const connections = world.mongodb.db.collection<ConnectionDocument>('connections');
      const phase = async () => (await stubborn(() => connections.findOne({ _id: id })))?.state?.phase;
      for (const until = Date.now() + 60_000; (await phase()) !== 'erased'; await delay(100))
        if (Date.now() > until) throw new Error(`${id} was not erased`);
      await thawed(world, worker);
      world.expect('of what was erased', async () => {
        const names = [...recordKinds, 'positions', 'pending', 'scans', 'coverage', 'subscriptions', 'actions'];
        const counts = await Promise.all(
          names.map(async (name) => ({
            name,
            left: await world.mongodb.db.collection(name).countDocuments({ connectionId: id }),
          })),
        );
        return counts.filter(({ left }) => left > 0).map(({ name, left }) => `${left} ${name} are there again`);
      });
    },
  },
];
