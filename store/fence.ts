import { randomUUID } from 'node:crypto';
import type { ClientSession, Db, MongoClient, UpdateFilter } from 'mongodb';
import { noCounts, type Counts } from '../workflows/messages.ts';
import type { PositionDocument, Unread } from './documents.ts';
import { inTransaction } from './in-transaction.ts';
import { LeaseLost } from './lease-lost.ts';
import type { Lease } from './positions-interface.ts';

export interface PositionChange {
  $set?: Partial<PositionDocument>;
  $unset?: Partial<Record<keyof PositionDocument, true>>;
  $push?: { unread: { $each: Unread[]; $slice: number } };
}

/** Held by nobody. */
export const free = { holder: null, leaseUntil: null } as const;

export type CountChange = Partial<Counts>;

export const lost = ({ position, holder }: Lease): LeaseLost =>
  new LeaseLost(`${holder} no longer holds ${position._id} at ${position.seq}`);

const heldBy = ({ position, holder }: Lease) => ({ _id: position._id, seq: position.seq, holder });

const moved = (change: PositionChange, write: string, counts: CountChange = {}): UpdateFilter<PositionDocument> => ({
  ...change,
  $set: { ...change.$set, write },
  $inc: { seq: 1, ...counted(counts) },
});

const counted = (counts: CountChange): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).flatMap(([name, by]) => (by === 0 ? [] : [[`counts.${name}`, by]])));

/** A write of ours that is known to have been committed: no other has its name. */
const isOurs = (now: PositionDocument | null, lease: Lease, write: string): now is PositionDocument =>
  now?.seq === lease.position.seq + 1 && now.write === write;

/** One write of the position alone; `write` as of `inFencedTransaction`. */
export async function writeFenced(
  db: Db,
  lease: Lease,
  change: PositionChange,
  counts: CountChange = {},
  write: string = randomUUID(),
): Promise<{ lease: Lease; counts: Counts }> {
  const positions = db.collection<PositionDocument>('positions');
  let position = await positions.findOneAndUpdate(heldBy(lease), moved(change, write, counts), {
    returnDocument: 'after',
  });
  if (!position) {
    const now = await positions.findOne({ _id: lease.position._id });
    if (!isOurs(now, lease, write)) throw lost(lease);
    position = now;
  }
  return { lease: { position, holder: lease.holder }, counts: difference(position.counts, lease.position.counts) };
}

/**
 * Writes the position and whatever `body` writes, or nothing. The position comes first: who lost it learns so before
 * anything else, and a renewal waits for the commit instead of making it fail.
 * @param write names this write, so that a repetition finds out that it was committed before
 */
export async function inFencedTransaction(
  db: Db,
  client: MongoClient,
  lease: Lease,
  change: PositionChange,
  body: (session: ClientSession) => Promise<CountChange>,
  write: string = randomUUID(),
): Promise<{ lease: Lease; counts: Counts }> {
  const positions = db.collection<PositionDocument>('positions');
  const position = await inTransaction(client, async (session) => {
    const mine = await positions.findOneAndUpdate(heldBy(lease), moved(change, write), {
      session,
      returnDocument: 'after',
    });
    if (!mine) {
      const now = await positions.findOne({ _id: lease.position._id }, { session });
      if (!isOurs(now, lease, write)) throw lost(lease);
      return now;
    }
    const counts = counted(await body(session));
    if (Object.keys(counts).length === 0) return mine;
    const after = await positions.findOneAndUpdate(
      { _id: mine._id },
      { $inc: counts },
      { session, returnDocument: 'after' },
    );
    if (!after) throw lost(lease);
    return after;
  });
  return { lease: { position, holder: lease.holder }, counts: difference(position.counts, lease.position.counts) };
}

function difference(after: Counts, before: Counts): Counts {
  const counts = { ...noCounts };
  for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] = after[name] - before[name];
  return counts;
}
