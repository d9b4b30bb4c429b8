import { isDeepStrictEqual } from 'node:util';
import type { ClientSession, Db, Filter, MongoClient, UpdateFilter } from 'mongodb';
import { advanceable, cancellable, finished, mayStep, needsBefore } from './action-states.ts';
import type { Clock } from './clock.ts';
import type { ActionDocument } from './action-documents.ts';
import { inTransaction } from './in-transaction.ts';
import { LeaseLost } from './lease-lost.ts';
import { addPending } from './pending-writes.ts';
import type { ActionChange, ActionLease, Actions } from './actions-interface.ts';

/** What prepare stored is what the operator saw and what undo restores: it never changes. */
const onlyOnce = ['before', 'plan', 'irreversible', 'losesAccess'] as const;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Work on one action under a lease, fenced by `seq` and `holder`. */
export function createActionSteps(
  db: Db,
  client: MongoClient,
  clock: Clock,
): Pick<Actions, 'claim' | 'renew' | 'write' | 'release'> {
  const actions = db.collection<ActionDocument>('actions');
  const lost = ({ action, holder }: ActionLease): LeaseLost =>
    new LeaseLost(`${holder} no longer holds the action ${action._id}`);

  /** The change as MongoDB gets it. Throws on what no step may do: that is a mistake in the engine. */
  function updateOf(
    action: ActionDocument,
    { note, touches: _touches, ...change }: ActionChange,
  ): UpdateFilter<ActionDocument> {
    const state = change.state ?? action.state;
    if (!mayStep(action.state, state))
      throw new Error(`action ${action._id} cannot go from ${action.state} to ${state}`);
    const set: Partial<ActionDocument> = { ...change };
    for (const field of onlyOnce) {
      if (change[field] === undefined || action[field] === undefined) continue;
      if (!isDeepStrictEqual(plain(change[field]), plain(action[field]))) {
        throw new Error(`action ${action._id} has its \`${field}\` stored already, and it is another one`);
      }
      delete set[field];
    }
    if (needsBefore.includes(state) && !action.before && !change.before) {
      throw new Error(`action ${action._id} cannot become ${state} without a stored \`before\``);
    }
    const now = clock.now();
    if (state !== action.state && finished.includes(state)) set.finishedAt = now;
    return {
      $set: set,
      $inc: { seq: 1 },
      ...((state !== action.state || note !== undefined) && {
        $push: { history: { at: now, state, ...(note !== undefined && { note }) } },
      }),
    };
  }

  return {
    /** The same holder may take it again: its activity was retried. An overdue one is for `runnable` to mark. */
    async claim(id, holder, leaseMs) {
      const now = clock.now();
      const action = await actions.findOneAndUpdate(
        {
          _id: id,
          state: { $in: [...advanceable] },
          $and: [
            { $or: [{ state: { $nin: [...cancellable] } }, { expiresAt: { $gt: now } }] },
            { $or: [{ holder: null }, { holder }, { leaseUntil: { $lte: now } }] },
          ],
        },
        { $set: { holder, leaseUntil: new Date(now.getTime() + leaseMs) }, $inc: { seq: 1 } },
        { returnDocument: 'after' },
      );
      return action && { action, holder };
    },

    /** A heartbeat may still have the lease of before the last write, which is no loss. */
    async renew(lease, leaseMs) {
      const { matchedCount } = await actions.updateOne(
        { _id: lease.action._id, holder: lease.holder, seq: { $gte: lease.action.seq } },
        { $set: { leaseUntil: new Date(clock.now().getTime() + leaseMs) } },
      );
      if (matchedCount === 0) throw lost(lease);
    },

    async write(lease, change) {
      const { action, holder } = lease;
      const { _id, seq, state } = action;
      const update = updateOf(action, change);
      const held: Filter<ActionDocument> = { _id, seq, holder, state };

      async function attempt(session: ClientSession, first: boolean): Promise<ActionDocument> {
        const written = await actions.findOneAndUpdate(held, update, { session, returnDocument: 'after' });
        if (written) {
          await addPending(db, session, action.connectionId, change.touches ?? [], clock.now());
          return written;
        }
        // Run again because the commit's outcome was unknown: if it did go through, this is what it left.
        const ours = first ? null : await actions.findOne({ _id, seq: seq + 1, holder }, { session });
        if (!ours) throw lost(lease);
        return ours;
      }

      if (!change.touches?.length) {
        const written = await actions.findOneAndUpdate(held, update, { returnDocument: 'after' });
        if (!written) throw lost(lease);
        return { action: written, holder };
      }
      let tries = 0;
      return { action: await inTransaction(client, (session) => attempt(session, ++tries === 1)), holder };
    },

    /** What is lost already needs no giving up. */
    async release({ action, holder }) {
      await actions.updateOne(
        { _id: action._id, holder, seq: action.seq },
        { $set: { holder: null, leaseUntil: null }, $inc: { seq: 1 } },
      );
    },
  };
}
