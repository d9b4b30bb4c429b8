import type { ActionDocument } from '../../store/documents.ts';
import { Missed, type Fault } from './fault.ts';
import type { Trap } from './tcp-proxy.ts';
import { killedAt } from './worker-faults.ts';
import type { World } from './world.ts';

/** The state of the one action of this user. */
const stateOf = async (world: World, accountId: string): Promise<string | undefined> =>
  (await world.mongodb.db.collection<ActionDocument>('actions').findOne({ 'target.accountId': accountId }))?.state;

const suspended = async ({ okta }: World, user: string): Promise<boolean> =>
  ((await okta.control.counters()).executed['suspend']?.[user] ?? 0) > 0;

const ended = ['done', 'failed', 'refused'];
const user = (id: string) => `/api/v1/users/${id}`;

/** The worker dies at this call of an action upon somebody. */
const inStep = (
  kind: string,
  trapOf: (world: World, accountId: string) => Pick<Trap, 'pattern' | 'moment' | 'when'>,
  action: 'suspendUser' | 'requirePasswordReset' = 'suspendUser',
): Fault => ({
  kind,
  place: 'worker',
  at: 'actions',
  async inject(world) {
    const accountId = await world.okta.newUser();
    await killedAt(world, world.okta.proxy, { way: 'up', ...trapOf(world, accountId) }, () =>
      world.act(action, { accountId }),
    );
  },
});

export const actionFaults: Fault[] = [
  inStep('worker-killed-in-prepare', (world, id) => ({
    pattern: `GET ${user(id)}`,
    moment: 'before',
    when: async () => (await stateOf(world, id)) === 'requested',
  })),
  inStep('worker-killed-before-apply', (_, id) => ({
    pattern: `POST ${user(id)}/lifecycle/suspend`,
    moment: 'before',
  })),
  // Okta does this as often as it is asked to: only reading tells that it was done.
  inStep(
    'worker-killed-after-apply',
    (_, id) => ({ pattern: `POST ${user(id)}/lifecycle/expire_password`, moment: 'after' }),
    'requirePasswordReset',
  ),
  inStep('worker-killed-in-read-back', (world, id) => ({
    pattern: `GET ${user(id)}`,
    moment: 'after',
    when: async () => (await stateOf(world, id)) === 'applying' && suspended(world, id),
  })),
  inStep('worker-killed-between-two-writes-of-an-action', (_, id) => ({
    pattern: `DELETE ${user(id)}/sessions`,
    moment: 'after',
  })),
  {
    kind: 'worker-killed-in-undo',
    place: 'worker',
    at: 'actions',
    async inject(world, random) {
      const accountId = await world.okta.newUser();
      const id = await world.act('suspendUser', { accountId });
      const state = await world.actionIs(id, (now) => ended.includes(now)).catch(() => 'late');
      if (state !== 'done') throw new Missed();
      const pattern = `POST ${user(accountId)}/lifecycle/unsuspend`;
      const moment = random() < 0.5 ? 'before' : 'after';
      await killedAt(world, world.okta.proxy, { way: 'up', pattern, moment }, () => world.undo(id));
    },
  },
];
