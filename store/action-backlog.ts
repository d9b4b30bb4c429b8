import type { Collection, Db } from 'mongodb';
import { advanceable, cancellable, underway } from './action-states.ts';
import type { ActionBacklog, Actions } from './actions-interface.ts';
import { unplaced } from './batch-queue.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument, ActionStateName } from './action-documents.ts';

type Grouped = Omit<ActionBacklog, 'connectionId' | 'since' | 'oldest'> & {
  _id: string;
  first: Pick<ActionBacklog, 'since' | 'oldest'>;
};

/** A lane takes these up; what is underway it has in hand already, unless who had it died and nobody took it over. */
const waitingStates: readonly ActionStateName[] = ['requested', 'prepared', 'undoRequested'];
const forsakenAfterMs = 60_000;

/** Raises `seq`, so that a step which was about to apply it finds itself fenced off. */
export async function expireOverdue(
  actions: Collection<ActionDocument>,
  connectionId: string,
  now: Date,
): Promise<number> {
  const { modifiedCount } = await actions.updateMany(
    { connectionId, state: { $in: [...cancellable] }, expiresAt: { $lte: now } },
    {
      $set: { state: 'expired', holder: null, leaseUntil: null, finishedAt: now },
      $inc: { seq: 1 },
      $push: { history: { at: now, state: 'expired', note: 'nobody could apply it in time' } },
    },
  );
  return modifiedCount;
}

/** Unfinished actions of all connections, for who looks after lanes that should work on them. */
export function createActionBacklog(db: Db, clock: Clock): Pick<Actions, 'backlog' | 'expireOverdue'> {
  const actions = db.collection<ActionDocument>('actions');

  return {
    async backlog() {
      const now = clock.now();
      const forsakenBefore = new Date(now.getTime() - forsakenAfterMs);
      const forsaken = {
        $and: [
          { $in: ['$state', [...underway]] },
          { $gt: ['$leaseUntil', null] },
          { $lt: ['$leaseUntil', forsakenBefore] },
        ],
      };
      const found = await actions
        .aggregate<Grouped>([
          { $match: { state: { $in: [...advanceable] } } },
          {
            $project: {
              connectionId: 1,
              leaseUntil: 1,
              at: { $last: '$history.at' },
              waits: {
                $and: [
                  { $or: [{ $in: ['$state', [...waitingStates]] }, forsaken] },
                  // What waits for its batch's budget is where it should be.
                  { $not: [unplaced] },
                  // `null` sorts below every date.
                  { $lte: ['$leaseUntil', now] },
                  { $or: [{ $not: [{ $in: ['$state', [...cancellable]] }] }, { $gt: ['$expiresAt', now] }] },
                ],
              },
            },
          },
          {
            $group: {
              _id: '$connectionId',
              waiting: { $sum: { $cond: ['$waits', 1, 0] } },
              first: { $min: { $cond: ['$waits', { since: '$at', oldest: '$_id' }, null] } },
              movedAt: { $max: '$at' },
              heldUntil: { $max: '$leaseUntil' },
            },
          },
          { $match: { waiting: { $gt: 0 } } },
        ])
        .toArray();
      return found.map(({ _id, first, ...rest }) => ({ connectionId: _id, ...first, ...rest }));
    },

    async expireOverdue() {
      const now = clock.now();
      const overdue = { state: { $in: [...cancellable] }, expiresAt: { $lte: now } };
      const done = [];
      for (const connectionId of await actions.distinct('connectionId', overdue)) {
        const expired = await expireOverdue(actions, connectionId, now);
        if (expired > 0) done.push({ connectionId, expired });
      }
      return done;
    },
  };
}
