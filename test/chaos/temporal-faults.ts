import { workflowIdOf } from '../../workflows/messages.ts';
import type { Fault, Struck } from './fault.ts';
import { Missed } from './missed.ts';
import { awayForAMinute, killedFor } from './server-faults.ts';
import { signalLimitAt } from './temporal-process.ts';

const atOnce = 20;

const runIdOf = async ({ temporal, subject }: Struck): Promise<string> =>
  (await temporal.client.workflow.getHandle(workflowIdOf(subject.connectionId)).describe()).runId;

/** Signals that nobody asked for, past our API; false when Temporal takes no more of them. */
async function signalled(world: Struck, runId: string, count: number): Promise<boolean> {
  const handle = world.temporal.client.workflow.getHandle(workflowIdOf(world.subject.connectionId), runId);
  for (let sent = 0; sent < count; sent += atOnce) {
    const answers = await Promise.allSettled(
      Array.from({ length: atOnce }, () => handle.signal('requestAction', 'act_none')),
    );
    if (answers.some(({ status }) => status === 'rejected')) return false;
  }
  return true;
}

export const temporalFaults: Fault[] = [
  killedFor('temporal', 'temporal-restarted', 0),
  awayForAMinute('temporal'),
  {
    kind: 'temporal-cut-from-the-worker',
    place: 'temporal',
    at: 'any',
    async inject(world) {
      await world.subject.scanning();
      world.temporal.toWorker.refused = true;
      world.temporal.toWorker.cut();
      return async () => void (world.temporal.toWorker.refused = false);
    },
  },
  {
    kind: 'rollover-in-the-middle',
    place: 'temporal',
    at: 'any',
    async inject(world) {
      await world.subject.scanning();
      const before = await runIdOf(world);
      for (let n = 0; n < 100 && (await runIdOf(world)) === before; n += 1) {
        await signalled(world, before, atOnce);
        await world.pause(1_000);
      }
      if ((await runIdOf(world)) === before) throw new Missed();
    },
  },
  {
    kind: 'raw-signals-beyond-the-limit',
    place: 'temporal',
    at: 'any',
    async inject(world) {
      await world.subject.scanning();
      // Nothing can roll over while no worker hears of it.
      world.temporal.toWorker.held = true;
      const runId = await runIdOf(world);
      world.flooded(runId);
      const taken = await signalled(world, runId, 2 * signalLimitAt(world.scale));
      world.temporal.toWorker.held = false;
      if (taken) throw new Missed();
      await world.subject.act(await world.subject.steps('plain'));
    },
  },
];
