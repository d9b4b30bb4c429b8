import type { ActionDocument } from '../../store/action-documents.ts';
import type { Fault, Struck } from './fault.ts';
import { Missed } from './missed.ts';
import type { Steps } from './subject.ts';
import type { Trap } from './tcp-proxy.ts';
import { killedAt } from './worker-faults.ts';

/** The state of the one action upon this target. */
const stateOf = async (world: Struck, { target }: Steps): Promise<string | undefined> =>
  (await world.mongodb.db.collection<ActionDocument>('actions').findOne({ target: target as never }))?.state;

const ended = ['done', 'failed', 'refused'];

/** The worker dies at this call of an action upon something that nobody else touches. */
const inStep = (
  kind: string,
  trapOf: (steps: Steps, world: Struck) => Pick<Trap, 'pattern' | 'moment' | 'when'>,
  which: 'plain' | 'unshown' = 'plain',
): Fault => ({
  kind,
  place: 'worker',
  at: 'actions',
  async inject(world) {
    const { subject } = world;
    const steps = await subject.steps(which);
    await killedAt(world, subject.proxy, { way: 'up', ...trapOf(steps, world) }, () => subject.act(steps));
  },
});

export const actionFaults: Fault[] = [
  inStep('worker-killed-in-prepare', (steps, world) => ({
    pattern: steps.read,
    moment: 'before',
    when: async () => (await stateOf(world, steps)) === 'requested',
  })),
  inStep('worker-killed-before-apply', ({ write }) => ({ pattern: write, moment: 'before' })),
  inStep('worker-killed-after-apply', ({ write }) => ({ pattern: write, moment: 'after' }), 'unshown'),
  inStep('worker-killed-in-read-back', (steps, world) => ({
    pattern: steps.read,
    moment: 'after',
    when: async () => (await stateOf(world, steps)) === 'applying' && steps.written(),
  })),
  inStep('worker-killed-between-two-writes-of-an-action', ({ lastWrite }) => ({ pattern: lastWrite, moment: 'after' })),
  {
    kind: 'worker-killed-in-undo',
    place: 'worker',
    at: 'actions',
    async inject(world, random) {
      const { subject } = world;
      const steps = await subject.steps('plain');
      const id = await subject.act(steps);
      const state = await subject.actionIs(id, (now) => ended.includes(now)).catch(() => 'late');
      if (state !== 'done') throw new Missed();
      const moment = random() < 0.5 ? 'before' : 'after';
      await killedAt(world, subject.proxy, { way: 'up', pattern: steps.undoWrite, moment }, () => subject.undo(id));
    },
  },
];
