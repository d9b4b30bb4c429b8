import type { Db, Filter, IndexDescription, MongoClient } from 'mongodb';
import { createActionBacklog } from './action-backlog.ts';
import { createActionQueue } from './action-queue.ts';
import { createActionSteps } from './action-steps.ts';
import { cancellable, undoable, undoAskedFor } from './action-states.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument, ActionStateName } from './action-documents.ts';
import { isDuplicateKey } from './duplicate-key.ts';
import { newId } from './ids.ts';
import { afterCursor, newestFirst, pageOf } from './paging.ts';
import type { Actions } from './actions-interface.ts';

const ifThere = (field: string, $type: string) => ({ [field]: { $type } });

export const actionIndexes: IndexDescription[] = [
  {
    name: 'idempotency',
    key: { connectionId: 1, idempotencyKey: 1 },
    unique: true,
    partialFilterExpression: { idempotencyKey: { $type: 'string' } },
  },
  { name: 'newest', key: newestFirst },
  { name: 'newestOfConnection', key: { connectionId: 1, ...newestFirst } },
  /** The lane looks for what is of no batch apart from what is of one, of which there may be 10,000. */
  { name: 'byBatchAndState', key: { connectionId: 1, batchId: 1, state: 1, createdAt: 1 } },
  { name: 'byTarget', key: { connectionId: 1, targetKey: 1 } },
  { name: 'inLease', key: { connectionId: 1, leaseUntil: 1 }, partialFilterExpression: ifThere('leaseUntil', 'date') },
  {
    name: 'ofBatch',
    key: { batchId: 1, state: 1, startedAt: 1 },
    partialFilterExpression: ifThere('batchId', 'string'),
  },
  {
    name: 'headsOfBatch',
    key: { batchId: 1, mode: 1, state: 1, batchIndex: 1 },
    partialFilterExpression: ifThere('batchId', 'string'),
  },
  ...['batchId', 'connectionId'].map((whose) => ({
    name: `startsOf_${whose}`,
    key: { [whose]: 1, startedAt: -1 } as const,
    partialFilterExpression: ifThere('startedAt', 'date'),
  })),
  {
    name: 'expiring',
    key: { connectionId: 1, expiresAt: 1 },
    partialFilterExpression: { state: { $in: [...cancellable] } },
  },
  { name: 'unfinished', key: { state: 1, expiresAt: 1 } },
];

/** The same text for the same target whatever the order of its members. */
export const targetKeyOf = (target: ActionDocument['target']): string =>
  JSON.stringify(Object.entries(target).sort(([a], [b]) => (a < b ? -1 : 1)));

export function createActions(db: Db, client: MongoClient, clock: Clock): Actions {
  const actions = db.collection<ActionDocument>('actions');
  const after = { returnDocument: 'after' } as const;

  /** A move of a person: fences off whoever works on it. */
  const move = (
    filter: Filter<ActionDocument>,
    state: ActionStateName,
    note: string,
    set: Partial<ActionDocument> & { [field: `undo.${string}`]: unknown },
    unset: { finishedAt?: true; problem?: true; 'undo.plan'?: true } = {},
  ): Promise<ActionDocument | null> =>
    actions.findOneAndUpdate(
      filter,
      {
        $set: { ...set, state, holder: null, leaseUntil: null },
        $unset: unset,
        $inc: { seq: 1 },
        $push: { history: { at: clock.now(), state, note } },
      },
      after,
    );

  return {
    async request({ expiresInMs, idempotencyKey, ...input }) {
      const now = clock.now();
      const action: ActionDocument = {
        _id: newId('act'),
        ...input,
        targetKey: targetKeyOf(input.target),
        state: 'requested',
        ...(idempotencyKey !== undefined && { idempotencyKey }),
        createdAt: now,
        expiresAt: new Date(now.getTime() + expiresInMs),
        history: [{ at: now, state: 'requested' }],
        seq: 0,
        holder: null,
        leaseUntil: null,
      };
      try {
        await actions.insertOne(action);
        return { action, created: true };
      } catch (error) {
        if (idempotencyKey === undefined || !isDuplicateKey(error)) throw error;
        const first = await actions.findOne({
          connectionId: { $eq: input.connectionId },
          idempotencyKey: { $eq: idempotencyKey },
        });
        if (!first) throw error;
        return { action: first, created: false };
      }
    },

    get: (id) => actions.findOne({ _id: { $eq: id } }),

    /** Newest first. */
    async list({ connectionId, connectionIds, state, action, batchId, reverted, limit, cursor }) {
      const found = await actions
        .find({
          $and: [
            {},
            ...(connectionId === undefined ? [] : [{ connectionId: { $eq: connectionId } }]),
            ...(connectionIds === undefined ? [] : [{ connectionId: { $in: [...connectionIds] } }]),
            ...(state === undefined ? [] : [{ state: { $eq: state } }]),
            ...(action === undefined ? [] : [{ action: { $eq: action } }]),
            ...(batchId === undefined ? [] : [{ batchId: { $eq: batchId } }]),
            ...(reverted === undefined ? [] : [{ reverted: { $exists: reverted } }]),
            ...afterCursor<ActionDocument>(cursor),
          ] as Filter<ActionDocument>[],
        })
        .sort(newestFirst)
        .limit(limit + 1)
        .toArray();
      return pageOf(found, limit);
    },

    cancel: (id, by) =>
      move({ _id: { $eq: id }, state: { $in: [...cancellable] } }, 'cancelled', `cancelled by ${by}`, {
        finishedAt: clock.now(),
      }),

    acceptPlan: (id, by) =>
      move(
        { _id: { $eq: id }, state: 'planned', before: { $exists: true }, expiresAt: { $gt: clock.now() } },
        'prepared',
        `plan accepted by ${by}`,
        { mode: 'apply' },
      ),

    async requestUndo(id, undo) {
      const { by, accept } = undo;
      const { set, unset } = undoAskedFor(undo, clock.now());
      const asked = await move(
        { _id: { $eq: id }, ...undoable },
        'undoRequested',
        `undo asked for by ${by}`,
        set,
        unset,
      );
      if (asked || !accept) return asked;
      // The plan stays beside its acceptance: it is what was agreed to.
      return move({ _id: { $eq: id }, state: 'undoNeedsAcceptance' }, 'undoRequested', `undo plan accepted by ${by}`, {
        'undo.accepted': true,
      });
    },

    ...createActionQueue(db, client, clock),
    ...createActionBacklog(db, clock),
    ...createActionSteps(db, client, clock),
  };
}
