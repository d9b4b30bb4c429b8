import { setTimeout as delay } from 'node:timers/promises';
import { recordKinds } from '../../connectors/records.ts';
import type { ConnectionDocument, PositionDocument } from '../../store/documents.ts';
import { Missed, type Fault } from './fault.ts';
import { startProxiedOkta } from './okta-subject.ts';
import { stubborn } from './stubborn.ts';
import type { World } from './world.ts';

/** Not ours to scale: Temporal hands its work on when no heartbeat came for five seconds. */
const occasionMs = 60_000;
/** Whatever it had in its hands it has written by then. */
const thawedMs = 3_000;

/** A string in BSON, found without reading all of it. */
const textOf = (bytes: string, name: string): string | undefined =>
  new RegExp(`\\x02${name}\\0[^]{4}([^\\0]+)\\0`).exec(bytes)?.[1];

async function until(so: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  for (const end = Date.now() + withinMs; !(await stubborn(so)); await delay(100)) if (Date.now() > end) return false;
  return true;
}

/**
 * Stops the worker when a group that it read of this connection sets out to MongoDB, which waits on the way until another
 * worker has the position and `meanwhile` is done; then both go on. Resolves with the name of that write.
 */
async function frozen(
  world: World,
  connectionId: string,
  skip: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<string> {
  const { mongodb, workers } = world;
  const worker = workers.current;
  const positions = mongodb.db.collection<PositionDocument>('positions');
  let holder: string | undefined;
  let write: string | undefined;
  let taken = false;
  const strike = async () => {
    worker.kill('SIGSTOP');
    world.disrupted();
    await workers.start();
    await meanwhile();
    taken = await until(async () => (await positions.countDocuments({ holder })) === 0, occasionMs);
    worker.kill('SIGCONT');
    return 'pass' as const;
  };
  const when = async (bytes: string): Promise<boolean> => {
    if (!bytes.includes(connectionId)) return false;
    [holder, write] = [textOf(bytes, 'holder'), textOf(bytes, 'write')];
    return holder !== undefined && write !== undefined;
  };
  const trap = { way: 'up', pattern: 'startTransaction', moment: 'before', when, skip, strike } as const;
  const struck = await mongodb.proxy.trap(trap, occasionMs);
  if (!struck) throw new Missed();
  await delay(thawedMs);
  await workers.kill(worker);
  if (!taken) throw new Missed();
  return write!;
}

/** Whether this write of a position was ever committed. */
async function committed({ mongodb }: World, write: string): Promise<boolean> {
  const places = ['o.diff.u.write', 'o.diff.i.write', 'o.applyOps.o.diff.u.write', 'o.applyOps.o.diff.i.write'];
  const found = await stubborn(() => mongodb.oplog.findOne({ $or: places.map((place) => ({ [place]: write })) }));
  return found !== null;
}

export const frozenWorkerFaults: Fault[] = [
  {
    kind: 'frozen-worker-wakes-over-its-successor',
    place: 'worker',
    at: 'scan',
    async inject(world, random) {
      const skip = Math.floor(random() * 5);
      await world.subject.scanning();
      const write = await frozen(world, world.subject.connectionId, skip);
      const wentThrough = await committed(world, write);
      world.expect('a frozen worker', async () => (wentThrough ? ['wrote over its successor when it woke'] : []));
    },
  },
  {
    kind: 'frozen-worker-wakes-after-an-erase',
    place: 'worker',
    at: 'scan',
    async inject(world, random) {
      const other = await world.keep('a tenant to erase', () => startProxiedOkta(world.owner, world.logFolder, 77));
      const { id } = await world.api.call.post<{ id: string }>('/v1/connections', other.body);
      const connections = world.mongodb.db.collection<ConnectionDocument>('connections');
      const isErased = async () => (await connections.findOne({ _id: id }))?.state?.phase === 'erased';
      await frozen(world, id, Math.floor(random() * 5), async () => {
        await world.api.call.post(`/v1/connections/${id}/erase`);
        if (!(await until(isErased, occasionMs))) throw new Error(`${id} was not erased`);
      });
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
