import type { ClientSession, Db, Filter, IndexDescription, MongoClient } from 'mongodb';
import { cancellable, undoable, undoAskedFor } from './action-states.ts';
import { targetKeyOf } from './actions.ts';
import { createBatchBudget, hourMs } from './batch-budget.ts';
import type { Batches, NewBatch } from './batches-interface.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument, ActionStateName, BatchDocument } from './action-documents.ts';
import { newId } from './ids.ts';
import { inTransaction } from './in-transaction.ts';
import { afterCursor, newestFirst, pageOf } from './paging.ts';

export const batchIndexes: IndexDescription[] = [
  {
    name: 'idempotency',
    key: { connectionId: 1, idempotencyKey: 1 },
    unique: true,
    partialFilterExpression: { idempotencyKey: { $type: 'string' } },
  },
  { name: 'newestOfConnection', key: { connectionId: 1, ...newestFirst } },
];

const insertedAtOnce = 1_000;
const unbegun = { startedAt: { $exists: false }, mode: 'apply' } as const;

export function createBatches(db: Db, client: MongoClient, clock: Clock): Batches {
  const batches = db.collection<BatchDocument>('batches');
  const actions = db.collection<ActionDocument>('actions');
  const { room, start, ceilingOf } = createBatchBudget(db, client, clock);
  const waitingOf = (whose: Filter<ActionDocument>): Filter<ActionDocument> => ({
    ...whose,
    state: { $in: ['requested', 'prepared'] },
    ...unbegun,
  });

  /** When the last of so many will have had its turn, and then as long as any action may wait. */
  async function expiry(
    batch: Pick<BatchDocument, 'connectionId' | 'perHour'>,
    total: number,
    lifeMs: number,
    session?: ClientSession,
  ): Promise<Date> {
    const { connectionId, perHour } = batch;
    const ceiling = await ceilingOf(connectionId, session);
    // Those of other batches go before it.
    const ahead = await actions.countDocuments(waitingOf({ connectionId, batchId: { $type: 'string' } }), { session });
    const hours = total / Math.min(perHour, ceiling) + ahead / ceiling;
    return new Date(clock.now().getTime() + lifeMs + hours * hourMs);
  }

  async function insert(input: NewBatch, session: ClientSession): Promise<BatchDocument> {
    const { targets, lifeMs, hold, idempotencyKey, ...given } = input;
    const { filter, asked, perHour, ...ofActions } = given;
    const now = clock.now();
    const byKey = new Map(targets.map((target) => [targetKeyOf(target), target]));
    const batch: BatchDocument = {
      _id: newId('bat'),
      ...ofActions,
      asked,
      perHour,
      total: byKey.size,
      createdAt: now,
      ...(filter && { filter }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
    const expiresAt = await expiry(batch, batch.total, lifeMs, session);
    await batches.insertOne(batch, { session });
    const documents = [...byKey].map(([targetKey, target], batchIndex): ActionDocument => ({
      _id: newId('act'),
      ...ofActions,
      target,
      targetKey,
      state: 'requested',
      batchId: batch._id,
      batchIndex,
      createdAt: now,
      expiresAt,
      history: [{ at: now, state: 'requested' }],
      seq: 0,
      holder: null,
      leaseUntil: null,
      ...(hold && { hold }),
    }));
    for (let at = 0; at < documents.length; at += insertedAtOnce)
      await actions.insertMany(documents.slice(at, at + insertedAtOnce), { session, ordered: false });
    return batch;
  }

  /** A move of a person on many at once: fences off whoever works on one. */
  async function moveAll(
    filter: Filter<ActionDocument>,
    state: ActionStateName,
    note: string,
    set: Partial<ActionDocument> & { [field: `undo.${string}`]: unknown },
    unset: { finishedAt?: true; problem?: true; 'undo.plan'?: true } = {},
  ): Promise<number> {
    const { modifiedCount } = await actions.updateMany(filter, {
      $set: { ...set, state, holder: null, leaseUntil: null },
      $unset: unset,
      $inc: { seq: 1 },
      $push: { history: { at: clock.now(), state, note } },
    });
    return modifiedCount;
  }

  return {
    async request(input) {
      const { connectionId, idempotencyKey } = input;
      return inTransaction(client, async (session) => {
        const first =
          idempotencyKey === undefined
            ? null
            : await batches.findOne(
                { connectionId: { $eq: connectionId }, idempotencyKey: { $eq: idempotencyKey } },
                { session },
              );
        return first ? { batch: first, created: false } : { batch: await insert(input, session), created: true };
      });
    },

    get: (id) => batches.findOne({ _id: { $eq: id } }),

    async list({ connectionId, limit, cursor }) {
      const found = await batches
        .find({ $and: [{ connectionId: { $eq: connectionId } }, ...afterCursor<BatchDocument>(cursor)] })
        .sort(newestFirst)
        .limit(limit + 1)
        .toArray();
      return pageOf(found, limit);
    },

    async progress(batch) {
      const now = clock.now();
      const [rows, waiting, startedLastHour, { now: free, freeAt, of }, ceiling] = await Promise.all([
        actions
          .aggregate<{ _id: ActionStateName; count: number }>([
            { $match: { batchId: batch._id } },
            { $group: { _id: '$state', count: { $sum: 1 } } },
          ])
          .toArray(),
        actions.countDocuments(waitingOf({ batchId: batch._id })),
        actions.countDocuments({ batchId: batch._id, startedAt: { $gt: new Date(now.getTime() - hourMs) } }),
        room(batch),
        ceilingOf(batch.connectionId),
      ]);
      const counts = Object.fromEntries(rows.map(({ _id, count }) => [_id, count]));
      if (waiting === 0) return { counts, waiting, startedLastHour };
      const hours = Math.floor(Math.max(waiting - Math.max(free, 0) - 1, 0) / Math.min(batch.perHour, ceiling));
      const beyond = waiting > free;
      const next = freeAt ?? new Date(now.getTime() + (beyond ? hourMs : 0));
      const etaAt = new Date(next.getTime() + hours * hourMs);
      return { counts, waiting, startedLastHour, etaAt, ...(freeAt && { budgetFreeAt: freeAt, budgetOf: of }) };
    },

    async setBudget(id, perHour) {
      const batch = await batches.findOneAndUpdate(
        { _id: { $eq: id } },
        { $set: { perHour } },
        { returnDocument: 'after' },
      );
      if (!batch) return null;
      const left = await actions.countDocuments(waitingOf({ batchId: batch._id }));
      const until = await expiry(batch, left, 24 * hourMs);
      await actions.updateMany(waitingOf({ batchId: batch._id }), { $max: { expiresAt: until } });
      return batch;
    },

    async cancel(id, by) {
      const now = clock.now();
      const cancelled = await moveAll(
        { batchId: { $eq: id }, state: { $in: [...cancellable] } },
        'cancelled',
        `batch cancelled by ${by}`,
        { finishedAt: now },
      );
      await batches.updateOne({ _id: { $eq: id } }, { $set: { cancelledAt: now, cancelledBy: by } });
      return cancelled;
    },

    async acceptPlans(id, by) {
      const batch = await batches.findOne({ _id: { $eq: id } });
      if (!batch) return 0;
      const now = clock.now();
      const planned = { batchId: batch._id, state: 'planned' as const, expiresAt: { $gt: now } };
      const expiresAt = await expiry(batch, await actions.countDocuments(planned), 24 * hourMs);
      await batches.updateOne({ _id: batch._id }, { $set: { mode: 'apply' } });
      return moveAll(planned, 'prepared', `plan of the batch accepted by ${by}`, { mode: 'apply', expiresAt });
    },

    async requestUndo(id, undo) {
      const { by, accept } = undo;
      const { set, unset } = undoAskedFor(undo, clock.now());
      const asked = await moveAll(
        { batchId: { $eq: id }, ...undoable },
        'undoRequested',
        `undo of the batch asked for by ${by}`,
        set,
        unset,
      );
      if (!accept) return asked;
      const accepted = await moveAll(
        { batchId: { $eq: id }, state: 'undoNeedsAcceptance' },
        'undoRequested',
        `undo plan accepted by ${by}`,
        { 'undo.accepted': true },
      );
      return asked + accepted;
    },

    start,
  };
}
