import { MongoServerError, type Db, type Document, type Filter, type Sort } from 'mongodb';
import type { Clock } from './clock.ts';
import type { PositionDocument } from './documents.ts';
import { free, lost, writeFenced } from './fence.ts';
import { LeaseLost } from './lease-lost.ts';
import { positionId, roundDone } from './position-documents.ts';
import type { Claim, Positions } from './positions-interface.ts';
import { toStorable } from './vendor-keys.ts';

/** A holder that was frozen inside a transaction keeps its position locked; who waits for it could do another part. */
const claimMs = 1_000;
const lockedMost = 3;
const lockedAgainMs = 5_000;
const maxTimeExpired = 50;

/** Not held and due, by MongoDB's clock. What is not open is due only where a time was set. */
export const claimable = {
  $and: [
    { $lte: ['$leaseUntil', '$$NOW'] },
    { $lte: ['$notBefore', '$$NOW'] },
    { $or: [{ $eq: ['$state', 'open'] }, { $ne: ['$notBefore', null] }] },
  ],
};

const inMilliseconds = (ms: number): Document => ({ $add: ['$$NOW', ms] });

export function createPositionClaims(
  db: Db,
  clock: Clock,
): Pick<Positions, 'claim' | 'claimFeed' | 'renew' | 'release' | 'completeRound' | 'fail'> {
  const positions = db.collection<PositionDocument>('positions');

  /** What a frozen transaction locks is left out, and the next one taken. */
  async function take(
    among: Filter<PositionDocument>,
    sort: Sort,
    holder: string,
    leaseMs: number,
    none: (among: Filter<PositionDocument>, locked: readonly string[]) => Promise<Claim> = nothing,
  ): Promise<Claim> {
    const locked: string[] = [];
    for (;;) {
      const free: Filter<PositionDocument> = locked.length === 0 ? {} : { $and: [{ _id: { $nin: locked } }] };
      const filter = { ...among, ...free, $expr: claimable };
      try {
        const position = await takeOne(filter, sort, holder, leaseMs);
        return position ? { lease: { position, holder } } : await none(among, locked);
      } catch (error) {
        if (!(error instanceof MongoServerError && error.code === maxTimeExpired)) throw error;
      }
      const first = await positions.findOne(filter, { sort, projection: { _id: 1 } });
      if (!first || locked.push(first._id) > lockedMost) return none(among, locked);
    }
  }

  const takeOne = (
    filter: Filter<PositionDocument>,
    sort: Sort,
    holder: string,
    leaseMs: number,
  ): Promise<PositionDocument | null> =>
    positions.findOneAndUpdate(
      filter,
      [
        {
          $set: {
            seq: { $add: ['$seq', 1] },
            holder: { $literal: holder },
            leaseUntil: inMilliseconds(leaseMs),
            notBefore: null,
            state: 'open',
            // A listing has no pages with a time of their own. Earlier than the first request is on the safe side.
            startedAt: {
              $cond: [{ $eq: ['$role', 'listing'] }, { $ifNull: ['$startedAt', '$$NOW'] }, '$startedAt'],
            },
          },
        },
      ],
      { sort, returnDocument: 'after', maxTimeMS: claimMs },
    );

  /** Where nobody waits for the others. */
  const untold = async (): Promise<Claim> => ({ lease: null, open: 0 });

  async function nothing(among: Filter<PositionDocument>, locked: readonly string[]): Promise<Claim> {
    const open = await positions.countDocuments({ ...among, state: 'open' });
    const [first] = await positions
      .aggregate<{ waiting: PositionDocument; inMs: number }>([
        { $match: { ...among, $or: [{ state: 'open' }, { notBefore: { $ne: null } }] } },
        { $project: { waiting: '$$ROOT', due: { $max: ['$leaseUntil', '$notBefore'] } } },
        { $sort: { due: 1, _id: 1 } },
        { $limit: 1 },
        { $project: { waiting: 1, inMs: { $max: [0, { $subtract: ['$due', '$$NOW'] }] } } },
      ])
      .toArray();
    if (!first) return { lease: null, open };
    // A locked one looks due; asking again at once would only wait again.
    const inMs = Math.max(Number(first.inMs ?? 0), locked.length > 0 ? lockedAgainMs : 0);
    return { lease: null, open, inMs, waiting: first.waiting };
  }

  return {
    claim: (connectionId, lane, stage, scan, holder, leaseMs) =>
      take(
        { connectionId, lane, stage, scan, state: { $in: ['open', 'failed'] } },
        { role: 1, 'part.weight': -1, _id: 1 },
        holder,
        leaseMs,
      ),

    claimFeed(connectionId, round, holder, leaseMs, only) {
      if (only) {
        const ids = (['part', 'listing'] as const).map((role) =>
          positionId(connectionId, 'watch', only.stage, role, only.partId),
        );
        return take({ _id: { $in: ids } }, { _id: 1 }, holder, leaseMs);
      }
      const left: Filter<PositionDocument> = { connectionId, lane: 'watch', scan: { $lt: round } };
      return take({ ...left, stage: { $ne: 'pending' } }, { scan: 1, _id: 1 }, holder, leaseMs, untold);
    },

    /** By holder alone, not by `seq`: it runs beside the writes of the same holder. */
    async renew(lease, leaseMs) {
      const { _id, seq } = lease.position;
      const { matchedCount } = await positions.updateOne({ _id, holder: lease.holder, seq: { $gte: seq } }, [
        { $set: { leaseUntil: inMilliseconds(leaseMs) } },
      ]);
      if (matchedCount === 0) throw lost(lease);
    },

    async release(lease, inMs) {
      await settle(lease, inMs, {});
    },

    async completeRound(lease, round) {
      await writeFenced(db, lease, {
        $set: roundDone(round, clock.now()),
        $unset: { failure: true },
      });
    },

    async fail(lease, outcome, problem, inMs, begin) {
      await settle(lease, inMs, {
        state: outcome,
        failures: lease.position.failures + 1,
        failure: problem ? { $literal: toStorable(problem) } : '$$REMOVE',
        ...(outcome === 'blind' ? { trust: 'blind' } : {}),
        ...(begin ? beginning(lease.position, begin) : {}),
      });
    },
  };

  /** Gives the position up, for a while where `inMs` tells one. */
  async function settle(
    { position, holder }: { position: PositionDocument; holder: string },
    inMs: number | undefined,
    set: Document,
  ): Promise<void> {
    const { matchedCount } = await positions.updateOne({ _id: position._id, seq: position.seq, holder }, [
      {
        $set: {
          ...free,
          seq: { $add: ['$seq', 1] },
          notBefore: inMs === undefined ? null : inMilliseconds(inMs),
          ...set,
        },
      },
    ]);
    if (matchedCount === 0) throw new LeaseLost(`${holder} no longer holds ${position._id} at ${position.seq}`);
  }
}

/** The feed's start stays while its checkpoint does: it tells from when on the app was followed without a hole. */
function beginning({ lane }: PositionDocument, begin: 'cursor' | 'checkpoint'): Document {
  const checkpoint = begin === 'checkpoint';
  return {
    loopMarker: '$$REMOVE',
    cursor: '$$REMOVE',
    ended: '$$REMOVE',
    ...(checkpoint && { checkpoint: '$$REMOVE' }),
    ...((checkpoint || lane === 'sweep') && { startedAt: null }),
  };
}
