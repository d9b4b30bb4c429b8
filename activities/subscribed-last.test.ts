import { expect, it } from 'vitest';
import { box as connector } from '../connectors/box/index.ts';
import type { Connector, Session } from '../connectors/connector.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
/** How many activities were stored by when it was subscribed. */
const stored: number[] = [];
const slow: Connector = {
  ...connector,
  push: {
    ...connector.push!,
    subscribe: async (_session: Session, { known }) => {
      stored.push(await box.db.collection('activities').countDocuments());
      return { id: `step ${stored.length}`, next: `after ${known?.next ?? 'none'}` };
    },
  },
};
const watch = (round: number, scope: 'all' | 'pending' = 'all') =>
  box.activitiesOf(slow, 'https://castellan.example.com').watchChunk({ connectionId: box.connectionId, round, scope });

it('a round follows its feeds before it subscribes, and ends though that does not', async () => {
  await box.activities.watchChunk({ connectionId: box.connectionId, round: 1, scope: 'all' });
  box.simulator.control.appendEvents({ events: [{ event_type: 'LOGIN' }] });
  const result = await watch(2);
  expect([result.changes, result.more]).toEqual([1, false]);
  expect(new Set(stored)).toEqual(new Set([1]));
  expect(stored.length).toBeGreaterThan(1);
  const steps = stored.length;
  await watch(2, 'pending');
  expect(stored).toHaveLength(steps);
});
