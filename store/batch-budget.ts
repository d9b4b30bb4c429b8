import type { ClientSession, Db, Filter, MongoClient } from 'mongodb';
import type { BudgetOf, Room, Batches } from './batches-interface.ts';
import { advanceable, underway } from './action-states.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument, BatchDocument } from './action-documents.ts';
import type { ConnectionDocument } from './documents.ts';
import { inTransaction } from './in-transaction.ts';

export const hourMs = 3_600_000;
/** Of all batches of a connection together, unless the connection says otherwise. */
export const batchPerHourUnlessSet = 500;

const targetAgainMs = 5_000;

/** One a connection: every start writes it, so that two at once are one after the other. */
interface BudgetDocument {
  _id: string;
  connectionId: string;
  starts: number;
}

/**
 * Counted from the actions themselves: how many have a `startedAt` in the hour before now. Nothing else is kept, so no
 * crash and no second worker can count one twice or forget one.
 */
export function createBatchBudget(db: Db, client: MongoClient, clock: Clock) {
  const actions = db.collection<ActionDocument>('actions');
  const batches = db.collection<BatchDocument>('batches');
  const inMs = (ms: number) => new Date(clock.now().getTime() + ms);
  const connections = db.collection<ConnectionDocument>('connections');
  const budgets = db.collection<BudgetDocument>('batchBudgets');

  async function ceilingOf(connectionId: string, session?: ClientSession): Promise<number> {
    const found = await connections.findOne({ _id: connectionId }, { projection: { batchPerHour: 1 }, session });
    return found?.batchPerHour ?? batchPerHourUnlessSet;
  }

  /** How many of `limit` are left in the hour before now, and when the next place comes free. */
  async function left(of: BudgetOf, whose: Filter<ActionDocument>, limit: number, session?: ClientSession) {
    const since = new Date(clock.now().getTime() - hourMs);
    const begun = await actions
      .find({ ...whose, startedAt: { $gt: since, $type: 'date' } }, { session, projection: { startedAt: 1 } })
      .sort({ startedAt: -1 })
      .limit(limit)
      .toArray();
    const last = begun.length < limit ? undefined : begun.at(-1)?.startedAt;
    return { of, now: limit - begun.length, ...(last && { freeAt: new Date(last.getTime() + hourMs) }) };
  }

  async function room(batch: Pick<BatchDocument, '_id' | 'connectionId' | 'perHour'>, session?: ClientSession) {
    const { _id: batchId, connectionId, perHour } = batch;
    const own = await left('batch', { batchId }, perHour, session);
    const all = await left('connection', { connectionId }, await ceilingOf(connectionId, session), session);
    const tight: Room = (all.freeAt?.getTime() ?? 0) > (own.freeAt?.getTime() ?? 0) ? all : own;
    const now = Math.min(own.now, all.now);
    return now > 0 ? { now } : { ...tight, now };
  }

  /** What was asked for singly goes first, and what is under way. */
  async function targetTaken({ _id, connectionId, targetKey }: ActionDocument, session: ClientSession) {
    const other = await actions.findOne(
      {
        connectionId,
        targetKey,
        _id: { $ne: _id },
        state: { $in: [...advanceable] },
        $or: [{ batchId: null as never }, { state: { $in: [...underway] } }, { leaseUntil: { $gt: clock.now() } }],
      },
      { session, projection: { _id: 1 } },
    );
    return other !== null;
  }

  const start: Batches['start'] = (actionId) =>
    inTransaction(client, async (session) => {
      const action = await actions.findOne({ _id: actionId }, { session });
      if (!action?.batchId || action.startedAt) return { started: true };
      const { connectionId } = action;
      if (await targetTaken(action, session))
        return { started: false, of: 'target', inMs: targetAgainMs, freeAt: inMs(targetAgainMs) };
      await budgets.updateOne(
        { _id: connectionId },
        { $inc: { starts: 1 }, $setOnInsert: { connectionId } },
        { session, upsert: true },
      );
      const batch = await batches.findOne({ _id: action.batchId }, { session });
      if (!batch) throw new Error(`action ${actionId} is of a batch that is not there`);
      const { now, freeAt, of = 'batch' } = await room(batch, session);
      if (now <= 0 && freeAt)
        return { started: false, freeAt, of, inMs: Math.max(freeAt.getTime() - clock.now().getTime(), 1) };
      await actions.updateOne({ _id: actionId }, { $set: { startedAt: clock.now() } }, { session });
      return { started: true };
    });

  return { room, start, ceilingOf };
}
