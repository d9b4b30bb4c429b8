import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { actionIndexes, createActions } from '../../store/actions.ts';
import { createBatches } from '../../store/batches.ts';
import type { ActionChange, NewAction } from '../../store/actions-interface.ts';
import type { ActionDocument } from '../../store/action-documents.ts';
import { useDatabase } from './use-database.ts';

export const connectionId = 'con_a';
const others = ['pending', 'batches', 'batchBudgets', 'connections'];

export const suspend = (accountId: string, over: Partial<NewAction> = {}): NewAction => ({
  connectionId,
  app: 'okta',
  action: 'suspendUser',
  target: { accountId },
  mode: 'apply',
  requestedBy: 'key_a',
  reason: 'left the company',
  expiresInMs: 60_000,
  ...over,
});

export const prepared: ActionChange = { state: 'prepared', before: { status: 'ACTIVE' }, plan: ['suspend'], calls: 2 };
export const done: ActionChange[] = [
  prepared,
  { state: 'applying' },
  { state: 'done', after: { status: 'SUSPENDED' } },
];

/** The action documents of a database of their own, with a clock that the test moves; empty before each test. */
export function useActions() {
  const { uri, name } = useDatabase();
  const client = new MongoClient(uri, { ignoreUndefined: true });
  const db = client.db(name);
  const clock = { ms: 0, now: () => new Date(clock.ms) };
  const actions = createActions(db, client, clock);
  const batches = createBatches(db, client, clock);

  beforeAll(async () => {
    await client.connect();
    await db.collection('actions').createIndexes(actionIndexes);
    for (const each of others) await db.createCollection(each);
  });
  beforeEach(async () => {
    clock.ms = Date.UTC(2026, 0, 1);
    await Promise.all(['actions', ...others].map((each) => db.collection(each).deleteMany({})));
  });
  afterAll(() => client.close());

  return {
    db,
    clock,
    actions,
    batches,
    /** A millisecond later each, so that their order is known. */
    async requested(accountId: string, over: Partial<NewAction> = {}): Promise<ActionDocument> {
      clock.ms += 1;
      return (await actions.request(suspend(accountId, over))).action;
    },
    async step(id: string, ...changes: ActionChange[]): Promise<ActionDocument> {
      let lease = (await actions.claim(id, 'worker', 1000))!;
      for (const change of changes) lease = await actions.write(lease, change);
      await actions.release(lease);
      return lease.action;
    },
    runnable: async (running: string[] = [], limit = 9) =>
      (await actions.runnable(connectionId, { running, limit })).map((each) => each._id),
    /** How much of the actions MongoDB looked at for it. */
    async examinedBy(work: () => Promise<unknown>): Promise<{ docs: number; keys: number }> {
      await db.dropCollection('system.profile');
      await db.setProfilingLevel('all');
      await work();
      await db.setProfilingLevel('off');
      const looked = await db
        .collection('system.profile')
        .find({ ns: `${db.databaseName}.actions` })
        .toArray();
      if (looked.length < 3) throw new Error('MongoDB told too little');
      const sum = (field: string) => looked.reduce((all, one) => all + Number(one[field] ?? 0), 0);
      return { docs: sum('docsExamined'), keys: sum('keysExamined') };
    },
    stateOf: async (id: string) => (await actions.get(id))!.state,
  };
}
