import type { Db, Filter, MongoClient } from 'mongodb';
import { expireOverdue } from './action-backlog.ts';
import { advanceable, cancellable, underway } from './action-states.ts';
import { createBatchQueue, unplaced } from './batch-queue.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument } from './action-documents.ts';
import type { Actions } from './actions-interface.ts';

/**
 * Of what is asked for singly and has not begun so many are compared, the oldest: to take one of 12,000 costs as much as
 * one of these. What is younger than all of them waits, since something older on its target may not be among them.
 */
const oldestCompared = 500;

const advancing = advanceable.filter((state) => state !== 'requested');

/** Which actions the lane may take next. */
export function createActionQueue(db: Db, client: MongoClient, clock: Clock): Pick<Actions, 'runnable' | 'waiting'> {
  const actions = db.collection<ActionDocument>('actions');
  const batches = createBatchQueue(db, client, clock);

  const oldestSingles = (connectionId: string, now: Date) =>
    actions
      .find(
        { connectionId, batchId: null as never, state: 'requested', expiresAt: { $gt: now } },
        { projection: { createdAt: 1 } },
      )
      .sort({ createdAt: 1 })
      .limit(oldestCompared)
      .toArray();

  /**
   * What is asked for singly and somebody began with, what has begun in the app, what somebody works on; of what waits in
   * batches only the candidates, since there may be 10,000: an action that waits for its batch's turn holds nothing else
   * on its target up.
   */
  function compared(connectionId: string, named: readonly string[], now: Date): Filter<ActionDocument>[] {
    return [
      { connectionId, batchId: null as never, state: { $in: [...advancing] } },
      { connectionId, batchId: { $ne: null as never }, state: { $in: [...underway] } },
      { connectionId, leaseUntil: { $gt: now, $type: 'date' } },
      { _id: { $in: [...named] } },
    ];
  }

  async function next(
    connectionId: string,
    { running, limit, held = false }: Parameters<Actions['runnable']>[1],
    now: Date,
  ): Promise<string[]> {
    const [candidates, singles] = await Promise.all([
      batches.candidates(connectionId, running, limit, now),
      oldestSingles(connectionId, now),
    ]);
    const horizon = singles.length < oldestCompared ? undefined : singles.at(-1)!.createdAt;
    const named = [...running, ...[...candidates, ...singles].map(({ _id }) => _id)];
    const found = await actions
      .aggregate<{ _id: string }>([
        { $match: { $or: compared(connectionId, named, now) } },
        {
          $project: {
            targetKey: 1,
            batched: { $gt: ['$batchId', null] },
            batchIndex: 1,
            at: { $ifNull: ['$undo.requestedAt', '$createdAt'] },
            // `null` sorts below every date, so an action that nobody holds is never busy. Of a batch it also is not while
            // it waits for its place in the budget.
            busy: {
              $or: [{ $gt: ['$leaseUntil', now] }, { $and: [{ $in: ['$_id', [...running]] }, { $not: [unplaced] }] }],
            },
            unplaced,
            begun: { $in: ['$state', [...underway]] },
            // Worked out here, where it cannot lead MongoDB to an index by state or by expiry, of all that wait.
            live: {
              $and: [
                { $in: ['$state', [...advanceable]] },
                { $or: [{ $not: [{ $in: ['$state', [...cancellable]] }] }, { $gt: ['$expiresAt', now] }] },
              ],
            },
          },
        },
        { $match: { live: true } },
        ...(horizon ? [{ $match: { $or: [{ at: { $lte: horizon } }, { busy: true }, { begun: true }] } }] : []),
        // In one target: what somebody works on, then what has begun, then the oldest; what needs a place last.
        { $sort: { busy: -1, begun: -1, unplaced: 1, at: 1, batchIndex: 1, _id: 1 } },
        { $group: { _id: '$targetKey', first: { $first: '$$ROOT' } } },
        { $replaceRoot: { newRoot: '$first' } },
        { $match: { ...(!held && { busy: false }), _id: { $nin: [...running] } } },
        // Nobody waits behind a batch who asked for one thing.
        { $sort: { batched: 1, at: 1, batchIndex: 1, _id: 1 } },
        { $limit: limit },
      ])
      .toArray();
    return found.map((each) => each._id);
  }

  return {
    async runnable(connectionId, options) {
      if (options.limit < 1) return [];
      const now = clock.now();
      await expireOverdue(actions, connectionId, now);
      const ids = await next(connectionId, options, now);
      const docs = await actions.find({ _id: { $in: ids } }).toArray();
      const order = new Map(ids.map((id, at) => [id, at]));
      return docs.sort((a, b) => (order.get(a._id) ?? 0) - (order.get(b._id) ?? 0));
    },

    waiting: async (connectionId) => (await next(connectionId, { running: [], limit: 1 }, clock.now())).length > 0,
  };
}
