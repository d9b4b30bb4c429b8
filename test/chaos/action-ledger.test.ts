import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionName } from '../../connectors/actions.ts';
import type { ActionDocument, ActionStateName } from '../../store/action-documents.ts';
import { useDatabase } from '../support/use-database.ts';
import { ActionLedger } from './action-ledger.ts';
import { misdoneAtOkta } from './okta-counts.ts';
import type { Executed, Tenant } from './subject.ts';

const database = useDatabase();
/** Never in the millisecond in which it was asked for. */
const endsAfterMs = 5;
let client: MongoClient;
let db: Db;
let ledger: ActionLedger;
/** By the vendor's own count. */
let executed: Executed;
let stored = 0;

beforeAll(async () => {
  client = await new MongoClient(database.uri).connect();
  db = client.db(database.name);
});
afterAll(() => client.close());
beforeEach(() => {
  executed = {};
  const misdone: Tenant['misdone'] = async (settled, disruptions) => misdoneAtOkta(settled, executed, disruptions);
  ledger = new ActionLedger(db, { misdone } as Tenant);
});

/** Asked for, and stored in this state. */
async function asked(action: ActionName, state: ActionStateName, accountId = 'u1', kind = ''): Promise<string> {
  const id = `act_${(stored += 1)}`;
  const problem = kind === '' ? {} : { problem: { kind, what: `it is ${kind}` } };
  const document = { _id: id, action, state, history: [{ state, at: new Date(Date.now() + endsAfterMs) }], ...problem };
  await db.collection<ActionDocument>('actions').insertOne(document as never);
  ledger.asked(id, { action, target: { accountId } });
  return id;
}
const did = (what: string, times: number, whom = 'u1') => (executed[what] = { ...executed[what], [whom]: times });

describe('the ledger of actions', () => {
  it('has nothing against what was done as often as it was asked for', async () => {
    expect(await ledger.differences()).toEqual([]);
    await asked('requirePasswordReset', 'done');
    did('expire_password', 1);
    expect(await ledger.differences()).toEqual([]);
    expect([ledger.size, await ledger.open()]).toEqual([1, 0]);
    await asked('revokeSessions', 'applying');
    expect([ledger.size, await ledger.open()]).toEqual([2, 1]);
  });

  it('tells of an action that is lost, and of one that is not done', async () => {
    ledger.asked('act_none', { action: 'suspendUser', target: { accountId: 'u1' } });
    const id = await asked('suspendUser', 'refused', 'u2', 'conflict');
    expect(await ledger.differences()).toEqual([
      'action act_none (suspendUser) is lost',
      `action ${id} (suspendUser) is refused, not done: it is conflict`,
    ]);
    ledger.forget();
    expect(await ledger.differences()).toEqual([]);
  });

  it.each([
    [0, 'never, though it says so'],
    [2, 'twice'],
  ])('tells of one that the vendor did %i times: %s', async (times) => {
    await asked('requirePasswordReset', 'done');
    did('expire_password', times);
    ledger.disrupted();
    expect(await ledger.differences()).toEqual([
      expect.stringContaining(`the vendor did "expire_password" ${times} times, not 1 to 1`),
    ]);
  });

  it('lets one that does no harm be done once more for each answer that may be lost, and no more', async () => {
    await asked('revokeSessions', 'done');
    await asked('revokeSessions', 'done');
    did('clear_sessions', 3);
    const wrong = expect.stringContaining('"clear_sessions" 3 times, not 2 to 2') as string;
    expect(await ledger.differences()).toEqual([wrong, wrong]);
    ledger.disrupted();
    expect(await ledger.differences()).toEqual([]);
    did('clear_sessions', 4);
    expect(await ledger.differences()).toHaveLength(2);
  });

  it('excuses one that was given up where the vendor was away meanwhile, for that reason alone', async () => {
    const back = ledger.vendorAway();
    await asked('requirePasswordReset', 'failed', 'u1', 'unavailable');
    expect(await ledger.differences()).toEqual([]);
    did('expire_password', 2);
    expect(await ledger.differences()).toHaveLength(1);
    did('expire_password', 1);
    await asked('requirePasswordReset', 'failed', 'u2', 'invalid');
    expect(await ledger.differences()).toEqual([expect.stringContaining('is failed, not done: it is invalid')]);
    back();
  });

  it('excuses none that was asked for when the vendor was there again', async () => {
    ledger.vendorAway()();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await asked('suspendUser', 'failed', 'u1', 'unavailable');
    expect(await ledger.differences()).toEqual([expect.stringContaining('is failed, not done')]);
  });

  it('wants what is taken back taken back, once', async () => {
    const id = await asked('suspendUser', 'done');
    did('suspend', 1);
    did('clear_sessions', 1);
    expect(await ledger.differences()).toEqual([]);
    ledger.undoAsked(id);
    expect(await ledger.differences()).toEqual([`action ${id} (suspendUser) is done, not undone`]);
    await db.collection<ActionDocument>('actions').updateOne({ _id: id }, { $set: { state: 'undone' } });
    expect(await ledger.differences()).toEqual([expect.stringContaining('"unsuspend" 0 times, not 1 to 1')]);
    did('unsuspend', 1);
    expect(await ledger.differences()).toEqual([]);
    did('unsuspend', 2);
    expect(await ledger.differences()).toEqual([expect.stringContaining('"unsuspend" 2 times, not 1 to 1')]);
  });

  it('tells of a suspension that ended no session', async () => {
    await asked('suspendUser', 'done');
    did('suspend', 1);
    expect(await ledger.differences()).toEqual([expect.stringContaining('never ended')]);
  });
});
