import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import { createReconciliation, type ReconciliationReport } from './reconciliation.ts';

const { uri, name } = useDatabase();
const client = new MongoClient(uri, { ignoreUndefined: true });
const clock = { ms: 0, now: () => new Date(clock.ms) };
const reconciliation = createReconciliation(client.db(name), clock);
const times = { leaseMs: 30_000, everyMs: 60_000 };
const report = (): ReconciliationReport => ({
  startedAt: clock.now(),
  finishedAt: clock.now(),
  looked: { connections: 1, workflows: 1 },
  found: 0,
  mended: 0,
  unmended: 0,
  findings: [],
});

beforeAll(() => client.connect());
beforeEach(async () => {
  clock.ms = Date.UTC(2026, 0, 1);
  await client.db(name).collection('reconciliation').deleteMany({});
});
afterAll(() => client.close());

test('of several that ask at once one gets the turn, and the next turn is an interval later', async () => {
  const holders = ['a', 'b', 'c', 'd'];
  const got = await Promise.all(holders.map((holder) => reconciliation.claim(holder, times)));
  expect(got.filter(Boolean)).toHaveLength(1);
  const holder = holders[got.indexOf(true)]!;
  await reconciliation.finish(holder, report(), []);
  clock.ms += 59_999;
  expect(await reconciliation.claim('a', times)).toBe(false);
  clock.ms += 1;
  expect(await reconciliation.claim('a', times)).toBe(true);
});

test('one that stalls is replaced, and neither goes on nor reports when it wakes', async () => {
  expect(await reconciliation.claim('frozen', times)).toBe(true);
  clock.ms += 20_000;
  expect(await reconciliation.renew('frozen', 45_000)).toBe(true);
  clock.ms += 44_999;
  expect(await reconciliation.claim('next', times)).toBe(false);
  clock.ms += 1;
  expect(await reconciliation.claim('next', times)).toBe(true);
  expect(await reconciliation.renew('frozen', 30_000)).toBe(false);
  await reconciliation.finish('frozen', { ...report(), failure: 'late' }, []);
  expect(await reconciliation.read()).toMatchObject({ holder: 'next' });
  await reconciliation.finish('next', report(), []);
  const { last, holder } = (await reconciliation.read())!;
  expect([holder, last?.failure]).toEqual([null, undefined]);
});

test('keeps what was mended of late, the newest first, and not without end', async () => {
  const finding = (n: number) => ({
    case: 'workflowMissing' as const,
    connectionId: `con_${n}`,
    what: '',
    since: clock.now(),
    times: 1,
    mended: true,
  });
  for (let n = 0; n < 3; n += 1) {
    expect(await reconciliation.claim('a', times)).toBe(true);
    await reconciliation.finish(
      'a',
      report(),
      Array.from({ length: 60 }, () => finding(n)),
    );
    clock.ms += 60_000;
  }
  const { recent } = (await reconciliation.read())!;
  expect(recent!.map(({ connectionId }) => connectionId)).toEqual([
    ...Array<string>(60).fill('con_2'),
    ...Array<string>(40).fill('con_1'),
  ]);
});
