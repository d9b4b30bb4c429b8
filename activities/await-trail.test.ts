import { afterEach, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
const log = '^/2.0/events';
let named = 0;

afterEach(() => box.simulator.control.faults({ clear: true }));

function createUser(): string {
  const login = `somebody-${(named += 1)}@acme.test`;
  return box.simulator.control.createUser({ name: login, login }).id;
}
const isStored = async (id: string) => (await box.store.records.get(box.connectionId, 'accounts', id)) !== null;
const calls = (operation: string) => box.simulator.control.counters().calls[operation] ?? 0;
const sweepUsers = (scan: number) =>
  box.activities.sweepChunk({ connectionId: box.connectionId, stage: 'users', scan });
const feed = { lane: 'watch', stage: 'activities' };
const trail = () => box.db.collection('positions').findOne({ connectionId: box.connectionId, ...feed });
const forget = (change: object) =>
  box.db
    .collection('positions')
    .updateOne({ connectionId: box.connectionId, ...feed }, { $unset: { checkpoint: true }, ...change });

it('follows the audit trail before it reads what that names, though the first try fails', async () => {
  const { control } = box.simulator;
  control.faults({ add: [{ kind: 'reset', path: log }] });
  await box.watch();
  expect(await trail()).toMatchObject({ failures: 1, failure: { kind: 'unavailable' } });
  const listed = calls('GET /users');
  expect((await sweepUsers(1)).delay).toMatchObject({
    reason: 'unavailable',
    why: 'users: the audit trail is to be followed first, so that no change is missed',
  });
  expect(calls('GET /users')).toBe(listed);

  control.faults({ clear: true });
  for (let chunks = 0; chunks < 20 && !(await sweepUsers(1)).ended; chunks += 1);
  expect(calls('GET /users')).toBeGreaterThan(listed);
  const after = createUser();
  expect(await isStored(after)).toBe(false);
  await box.watch();
  expect(await isStored(after)).toBe(true);
});

it('does not wait for a trail that may not be read, nor for one that failed too often', async () => {
  const { control } = box.simulator;
  control.faults({ add: [{ kind: 'status', status: 403, path: log }] });
  await forget({ $set: { failures: 0 } });
  const first = createUser();
  expect(await sweepUsers(2)).toMatchObject({ ended: true, parts: { blind: 0 } });
  expect(await isStored(first)).toBe(true);
  expect(await trail()).toMatchObject({ failures: 1, failure: { kind: 'forbidden' } });

  await forget({ $set: { failures: 6, failure: { kind: 'unavailable', what: 'away' }, notBefore: null } });
  const second = createUser();
  expect((await sweepUsers(3)).ended).toBe(true);
  expect(await isStored(second)).toBe(true);
});
