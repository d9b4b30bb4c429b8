import type { Db, Document } from 'mongodb';
import { advanceable } from './action-states.ts';
import type { Clock } from './clock.ts';
import type { PositionDocument, SubscriptionDocument } from './documents.ts';
import { dueHold } from './holds.ts';
import { duePending } from './pending.ts';
import { claimable } from './position-claims.ts';
import type { ReadAgenda } from './store.ts';

type Found = 'pending' | 'holds' | 'spreads' | 'actions';
type Row =
  { stage: PositionDocument['stage']; left: number } | { found: Found } | { subscription: SubscriptionDocument };

const any = (coll: string, found: Found, match: Document): Document => ({
  $unionWith: {
    coll,
    pipeline: [{ $match: match }, { $limit: 1 }, { $project: { _id: 0, found: { $literal: found } } }],
  },
});

/** One read for all of it: most rounds find nothing, and would otherwise ask seven times to learn that. */
export function createAgenda(db: Db, clock: Clock): ReadAgenda {
  const positions = db.collection<PositionDocument>('positions');

  return async (connectionId, round) => {
    const rows = await positions
      .aggregate<Row>([
        { $match: { connectionId, lane: 'watch' } },
        {
          $group: {
            _id: '$stage',
            left: { $sum: { $cond: [{ $and: [{ $lt: ['$scan', round] }, claimable] }, 1, 0] } },
          },
        },
        { $project: { _id: 0, stage: '$_id', left: 1 } },
        any('pending', 'pending', duePending(connectionId, clock.now())),
        any('actions', 'holds', dueHold(connectionId, clock.now())),
        any('actions', 'actions', { connectionId, state: { $in: [...advanceable] } }),
        any('spreads', 'spreads', { connectionId }),
        {
          $unionWith: {
            coll: 'subscriptions',
            pipeline: [
              { $match: { connectionId } },
              { $sort: { createdAt: -1 } },
              { $limit: 1 },
              { $project: { _id: 0, subscription: '$$ROOT' } },
            ],
          },
        },
      ])
      .toArray();
    const found = new Set(rows.flatMap((row) => ('found' in row ? [row.found] : [])));
    return {
      feedsLeft: new Map(rows.flatMap((row) => ('stage' in row ? [[row.stage, row.left]] : []))),
      pending: found.has('pending'),
      holds: found.has('holds'),
      spreads: found.has('spreads'),
      actions: found.has('actions'),
      subscription: rows.flatMap((row) => ('subscription' in row ? [row.subscription] : []))[0] ?? null,
    };
  };
}
