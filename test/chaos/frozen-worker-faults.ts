import { setTimeout as delay } from 'node:timers/promises';
import { recordKinds } from '../../connectors/records.ts';
import { pick } from '../../simulators/kit/seeded.ts';
import type { ActionDocument } from '../../store/action-documents.ts';
import type { ConnectionDocument, PositionDocument } from '../../store/documents.ts';
import type { Fault } from './fault.ts';
import { Missed, patienceOf } from './missed.ts';
import { startProxiedOkta } from './okta-subject.ts';
import { stubborn } from './stubborn.ts';
import type { TcpProxy, Trap } from './tcp-proxy.ts';
import type { World } from './world.ts';

/** Not ours to scale: Temporal hands its work on when no heartbeat came for five seconds. */
const takenMs = 60_000;
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
 * Stops the worker at this trap, which waits until another has taken over what it does (`until` says so); then both go on.
 * `meanwhile` brings the occasion.
 */
async function frozenAt(
  world: World,
  proxy: TcpProxy,
  trap: Omit<Trap, 'strike'>,
  isTaken: () => Promise<boolean>,
  meanwhile?: () => Promise<unknown>,
): Promise<void> {
  const { workers, disrupted } = world;
  const worker = workers.current;
  let taken = false;
  const strike = async () => {
    worker.kill('SIGSTOP');
    disrupted();
    await workers.start();
    taken = await until(isTaken, takenMs);
    worker.kill('SIGCONT');
    return 'pass' as const;
  };
  const [struck] = await Promise.all([proxy.trap({ ...trap, strike }, patienceOf(world)), meanwhile?.()]);
  if (!struck) throw new Missed();
  await delay(thawedMs);
  await workers.kill(worker);
  if (!taken) throw new Missed();
}

/**
 * The same when a group that it read of this connection sets out to MongoDB, until another worker has the position and
 * `meanwhile` is done. Resolves with the name of that write.
 */
async function frozen(
  world: World,
  connectionId: string,
  skip: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<string> {
  const { mongodb } = world;
  const positions = mongodb.db.collection<PositionDocument>('positions');
  let holder: string | undefined;
  let write: string | undefined;
  let over: Promise<void> | undefined;
  const when = async (bytes: string): Promise<boolean> => {
    if (!bytes.includes(connectionId)) return false;
    [holder, write] = [textOf(bytes, 'holder'), textOf(bytes, 'write')];
    return holder !== undefined && write !== undefined;
  };
  await frozenAt(
    world,
    mongodb.proxy,
    { way: 'up', pattern: 'startTransaction', moment: 'before', when, skip },
    async () => {
      await (over ??= meanwhile());
      return (await positions.countDocuments({ holder })) === 0;
    },
  );
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
    // It has compared the object with what it was, or looks at it among its writes, or waits for the answer to a write.
    kind: 'frozen-worker-in-an-action',
    place: 'worker',
    at: 'actions',
    async inject(world, random) {
      const { subject, mongodb } = world;
      const steps = await subject.steps('unshown');
      const actions = mongodb.db.collection<ActionDocument>('actions');
      const stateNow = async () => (await actions.findOne({ target: steps.target as never }))?.state;
      const at = pick(random, ['prepared', 'applying', 'writing']);
      const readAt = { pattern: steps.read, when: async () => (await stateNow()) === at };
      const place = at === 'writing' ? { pattern: steps.write } : readAt;
      await frozenAt(
        world,
        subject.proxy,
        { way: 'up', moment: 'after', ...place },
        async () => (await stateNow()) === 'done',
        () => subject.act(steps),
      );
    },
  },
  {
    kind: 'frozen-worker-wakes-after-an-erase',
    rollsNot: 'the run of the connection that it strikes ends with the connection',
    place: 'worker',
    at: 'scan',
    async inject(world, random) {
      const other = await world.keep('a tenant to erase', () => startProxiedOkta(world.owner, world.logFolder, 77));
      const { id } = await world.api.call.post<{ id: string }>('/v1/connections', other.body);
      const connections = world.mongodb.db.collection<ConnectionDocument>('connections');
      const isErased = async () => (await connections.findOne({ _id: id }))?.state?.phase === 'erased';
      await frozen(world, id, Math.floor(random() * 5), async () => {
        await world.api.call.post(`/v1/connections/${id}/erase`);
        if (!(await until(isErased, takenMs))) throw new Error(`${id} was not erased`);
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
