import type { Db } from 'mongodb';
import { expireOverdue } from './action-backlog.ts';
import { advanceable, cancellable, underway } from './action-states.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument } from './documents.ts';
import type { Actions } from './actions-interface.ts';

/** Which actions the lane may take next. */
export function createActionQueue(db: Db, clock: Clock): Pick<Actions, 'runnable' | 'waiting'> {
  const actions = db.collection<ActionDocument>('actions');

  async function next(connectionId: string, running: readonly string[], limit: number, now: Date): Promise<string[]> {
    const found = await actions
      .aggregate<{ next: string }>([
        {
          $match: {
            connectionId,
            state: { $in: [...advanceable] },
            $or: [{ state: { $nin: [...cancellable] } }, { expiresAt: { $gt: now } }],
          },
        },
        {
          $project: {
            targetKey: 1,
            at: { $ifNull: ['$undo.requestedAt', '$createdAt'] },
            // `null` sorts below every date, so an action that nobody holds is never busy.
            busy: { $or: [{ $gt: ['$leaseUntil', now] }, { $in: ['$_id', [...running]] }] },
            begun: { $in: ['$state', [...underway]] },
          },
        },
        // In one target: what somebody works on, then what has begun, then the oldest.
        { $sort: { busy: -1, begun: -1, at: 1, _id: 1 } },
        { $group: { _id: '$targetKey', next: { $first: '$_id' }, busy: { $first: '$busy' }, at: { $first: '$at' } } },
        { $match: { busy: false } },
        { $sort: { at: 1, next: 1 } },
        { $limit: limit },
      ])
      .toArray();
    return found.map((each) => each.next);
  }

  return {
    async runnable(connectionId, { running, limit }) {
      if (limit < 1) return [];
      const now = clock.now();
      await expireOverdue(actions, connectionId, now);
      const ids = await next(connectionId, running, limit, now);
      const docs = await actions.find({ _id: { $in: ids } }).toArray();
      const order = new Map(ids.map((id, at) => [id, at]));
      return docs.sort((a, b) => (order.get(a._id) ?? 0) - (order.get(b._id) ?? 0));
    },

    waiting: async (connectionId) => (await next(connectionId, [], 1, clock.now())).length > 0,
  };
}
