import type { Db, Filter, MongoClient } from 'mongodb';
import { cancellable } from './action-states.ts';
import { createBatchBudget } from './batch-budget.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument, ActionStateName, BatchDocument } from './action-documents.ts';

/** Of the eight that a connection does at once the rest is for what was asked for singly. */
const mostOfBatches = 6;
/** Of those, how many may stand for what waits for a budget: their wait is what an operator sees, and what wakes. */
const mostWaiting = 2;

export interface Candidate {
  _id: string;
  batchId: string;
  /** It has no place in the budget yet and needs one. */
  needs: boolean;
}

const beforeBegun: readonly ActionStateName[] = ['requested', 'prepared'];
/** Waiting for a step, in a batch; what has begun in the app is not among them. */
const waitingStates: readonly ActionStateName[] = [...beforeBegun, 'undoRequested'];

/** Needs a place in the budget, as an expression of an aggregation. */
export const unplaced = {
  $and: [
    { $gt: ['$batchId', null] },
    { $eq: ['$mode', 'apply'] },
    { $in: ['$state', ['requested', 'prepared']] },
    { $not: [{ $gt: ['$startedAt', null] }] },
  ],
};

/** Which actions of batches the lane may take next, as the budgets allow. */
export function createBatchQueue(db: Db, client: MongoClient, clock: Clock) {
  const actions = db.collection<ActionDocument>('actions');
  const { room } = createBatchBudget(db, client, clock);

  /**
   * The first few of each batch: of those that need a place in the budget, and of those that need none. Each query is a
   * range of an index, so that one of 10,000 costs as much as one of ten.
   */
  async function heads(connectionId: string, running: readonly string[], n: number, now: Date) {
    const ids = await actions.distinct('batchId', {
      connectionId,
      // Any text: of a range an index skips to the next value, of a type it does not.
      batchId: { $gte: '' },
      state: { $in: [...waitingStates] },
    });
    const perBatch = await Promise.all(
      ids.map(async (batchId = '') => {
        const first = async (whose: Filter<ActionDocument>) =>
          actions
            .find(
              {
                ...whose,
                batchId: { $eq: batchId, $type: 'string' },
                _id: { $nin: [...running] },
                $and: [
                  { $or: [{ leaseUntil: null }, { leaseUntil: { $lte: now } }] },
                  { $or: [{ state: { $nin: [...cancellable] } }, { expiresAt: { $gt: now } }] },
                ],
              },
              { projection: { batchIndex: 1 } },
            )
            .sort({ batchIndex: 1 })
            .limit(n)
            .toArray();
        const unbegun = { $in: [...beforeBegun] };
        const [needing, ...others] = await Promise.all([
          first({ mode: 'apply', state: unbegun, startedAt: { $exists: false } }),
          first({ mode: 'apply', state: unbegun, startedAt: { $type: 'date' } }),
          first({ mode: 'plan', state: unbegun }),
          first({ mode: { $in: ['apply', 'plan'] }, state: 'undoRequested' }),
        ]);
        const free = others
          .flat()
          .sort((a, b) => a.batchIndex! - b.batchIndex!)
          .slice(0, n);
        const as = (found: typeof needing, needs: boolean) =>
          found.map(({ _id }): Candidate => ({ _id, batchId, needs }));
        return [...as(needing, true), ...as(free, false)];
      }),
    );
    return perBatch.flat();
  }

  return {
    /** At most as many of each batch as its budget allows; where it allows none, one that will wait for it. */
    async candidates(connectionId: string, running: readonly string[], limit: number, now: Date): Promise<Candidate[]> {
      const found = await heads(connectionId, running, limit, now);
      if (found.length === 0) return [];
      const ofBatches = await actions
        .find(
          { _id: { $in: [...running] }, batchId: { $type: 'string' } },
          { projection: { batchId: 1, startedAt: 1 } },
        )
        .toArray();
      const unstarted = ofBatches.filter(({ startedAt }) => startedAt === undefined);
      const picked = found.filter((each) => !each.needs);
      const ids = [...new Set(found.filter((each) => each.needs).map(({ batchId }) => batchId))];
      const batches = await db
        .collection<BatchDocument>('batches')
        .find({ _id: { $in: ids } })
        .sort({ createdAt: 1, _id: 1 })
        .toArray();
      let places = Number.POSITIVE_INFINITY;
      let waiting = unstarted.length;
      for (const batch of batches) {
        const mine = found.filter((each) => each.needs && each.batchId === batch._id);
        const underWay = unstarted.filter(({ batchId }) => batchId === batch._id).length;
        const free = Math.min((await room(batch)).now, places) - underWay;
        const taken = mine.slice(0, Math.max(free, 0));
        places -= taken.length;
        if (taken.length === 0 && underWay === 0 && waiting < mostWaiting) {
          waiting += 1;
          taken.push(...mine.slice(0, 1));
        }
        picked.push(...taken);
      }
      return picked.slice(0, Math.max(Math.min(mostOfBatches - ofBatches.length, limit), 0));
    },
  };
}
