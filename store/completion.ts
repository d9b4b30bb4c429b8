import type { Db, Filter, MongoClient } from 'mongodb';
import type { Ref } from '../connectors/pages.ts';
import { observedPart, type RecordKind } from '../connectors/records.ts';
import type { Clock } from './clock.ts';
import type { PositionDocument } from './documents.ts';
import { inFencedTransaction, writeFenced } from './fence.ts';
import { prepareGroup, writeGroup } from './group-write.ts';
import { mostUnread, type Commits } from './position-commit.ts';
import { addPending } from './pending-writes.ts';
import { noCursor } from './position-documents.ts';
import type { RecordRow } from './record-rows.ts';
import type { Lease, Positions } from './positions-interface.ts';
import { spreadRemoved } from './spread-tasks.ts';
import { positionsOfVanishedParts, vanishedParts } from './vanished-parts.ts';

type Options = Parameters<Positions['complete']>[1];
type Candidates = Map<RecordKind, Filter<RecordRow>>;

/** So many are asked for one by one; of more, the next complete sweep is the second opinion. */
const lookupMost = 1_000;
const lookupAtOnce = 100;
const markAtOnce = 1_000;
/** A share of fewer records says nothing. */
const suspectAbove = 20;

/** The end of a sweep: what is no longer there. */
export function createCompletion(db: Db, client: MongoClient, clock: Clock, commits: Commits): Positions['complete'] {
  const rowsOf = (kind: RecordKind) => db.collection<RecordRow>(kind);

  /** Not seen in this scan, where it could have been, and not by the watch lane since it began. Of a listing: in parts that it no longer has. */
  async function candidatesOf(position: PositionDocument, kinds: readonly RecordKind[]): Promise<Candidates> {
    const { connectionId, startedAt, scan, role, part, unread = [] } = position;
    if (startedAt === null) throw new Error(`${position._id} cannot be complete: no page of it was read`);
    const candidates: Candidates = new Map();
    if (unread.length >= mostUnread) return candidates;
    const blindTo = { $nin: unread.map(({ vendorId }) => vendorId) };
    for (const kind of kinds) {
      if (kind === 'activities') continue;
      const parts = role === 'listing' ? await vanishedParts(db, position, kind) : [part.id];
      if (parts.length === 0) continue;
      const unseen = {
        connectionId,
        part: { $in: parts },
        removedAt: { $exists: false },
        seenScan: { $lt: scan },
        observedAt: { $lt: startedAt },
        ...(unread.length > 0 && { vendorId: blindTo, ancestors: blindTo, groupId: blindTo }),
      };
      // Mostly there is none, and each further question about them would look at every record once more.
      if (await rowsOf(kind).findOne(unseen, { projection: { _id: 1 } })) candidates.set(kind, unseen);
    }
    return candidates;
  }

  /** Only what is missing for the first time counts: the rest was judged by the sweep before. */
  async function isSuspect(position: PositionDocument, candidates: Candidates, share: number): Promise<boolean> {
    const { connectionId, part, role } = position;
    for (const [kind, filter] of candidates) {
      const among = { connectionId, removedAt: { $exists: false }, ...(role === 'part' ? { part: part.id } : {}) };
      const total = await rowsOf(kind).countDocuments(among);
      if (total <= suspectAbove) continue;
      const fresh = await rowsOf(kind).countDocuments({ ...filter, missingSince: { $exists: false } });
      if (fresh > total * share) return true;
    }
    return role === 'part' && candidates.size > 0 && (await manyPartsAreEmpty(position, candidates, share));
  }

  /**
   * Of all that the parts judged so far in this scan had, too much is gone: many small parts that turn up empty together,
   * of which none has enough to tell anything by itself.
   */
  async function manyPartsAreEmpty(position: PositionDocument, candidates: Candidates, share: number) {
    const { _id, connectionId, lane, stage, scan, counts } = position;
    const judged = { connectionId, lane, stage, scan, state: 'complete' as const, role: 'part' as const };
    const sum = (name: string) => ({ $sum: `$counts.${name}` });
    const [others] = await db
      .collection<PositionDocument>('positions')
      .aggregate<{ removed: number; unchanged: number; changed: number }>([
        { $match: { ...judged, _id: { $ne: _id } } },
        { $group: { _id: null, removed: sum('removed'), unchanged: sum('unchanged'), changed: sum('changed') } },
      ])
      .toArray();
    if (!others) return false;
    let gone = others.removed;
    for (const [kind, filter] of candidates) gone += await rowsOf(kind).countDocuments(filter);
    const there = others.unchanged + others.changed + counts.unchanged + counts.changed;
    return gone > suspectAbove && gone > (gone + there) * share;
  }

  async function firstMissing(candidates: Candidates, most: number): Promise<Ref[]> {
    const refs: Ref[] = [];
    for (const [kind, filter] of candidates) {
      const found = await rowsOf(kind)
        .find({ ...filter, missingSince: { $exists: false } }, { projection: { vendorId: 1, part: 1 } })
        .sort({ _id: 1 })
        .limit(Math.max(1, most - refs.length))
        .toArray();
      refs.push(...found.map(({ vendorId, part }) => ({ kind, vendorId, part })));
      if (refs.length >= most) break;
    }
    return refs.slice(0, most);
  }

  /** Each answer is written at once, so an interruption asks only for the rest again. */
  async function lookUp(lease: Lease, refs: readonly Ref[], lookup: NonNullable<Options['lookup']>): Promise<Lease> {
    let held = lease;
    const place = await commits.placeOf(lease.position);
    for (let at = 0; at < refs.length; at += lookupAtOnce) {
      const pages = await lookup(refs.slice(at, at + lookupAtOnce));
      // A lookup that tells only that it is there, not where, must not invent a place for what was in a vanished part.
      const keepParts = lease.position.role === 'listing';
      const prepared = prepareGroup(place.connectionId, pages);
      const step = await inFencedTransaction(db, client, held, {}, async (session) => {
        const { again, written } = await writeGroup(db, session, { ...place, keepParts, past: true }, prepared);
        await addPending(db, session, place.connectionId, again, clock.now());
        return { ...written };
      });
      held = step.lease;
    }
    return held;
  }

  /** Marks all that match, in batches; the filter must no longer match what is marked. */
  async function mark(
    lease: Lease,
    kind: RecordKind,
    filter: Filter<RecordRow>,
    set: Partial<RecordRow>,
    removes: boolean,
  ): Promise<{ lease: Lease; marked: number }> {
    let held = lease;
    let marked = 0;
    for (;;) {
      const found = await rowsOf(kind)
        .find(filter, { projection: { _id: 1 } })
        .limit(markAtOnce)
        .toArray();
      if (found.length === 0) return { lease: held, marked };
      let modified = 0;
      const step = await inFencedTransaction(db, client, held, {}, async (session) => {
        const these = { ...filter, _id: { $in: found.map(({ _id }) => _id) } };
        const { connectionId } = held.position;
        if (removes) await spreadRemoved(db, session, connectionId, kind, these, set.observedAt ?? clock.now());
        const result = await rowsOf(kind).updateMany(
          these,
          { $set: set, ...(removes ? { $unset: { missingSince: true } } : {}) },
          { session },
        );
        modified = result.modifiedCount;
        return removes ? { removed: modified } : {};
      });
      held = step.lease;
      marked += modified;
    }
  }

  /** What only events tell of is not looked for; it ends by itself. */
  async function endObserved(lease: Lease): Promise<Lease> {
    const now = clock.now();
    const { connectionId } = lease.position;
    const ended = { connectionId, part: observedPart, removedAt: { $exists: false }, expiresAt: { $lte: now } };
    return (await mark(lease, 'appPermissions', ended, { removedAt: now, observedAt: now }, true)).lease;
  }

  return async function complete(lease, { kinds, suspectShare, lookup, accept = false }) {
    const removedBefore = lease.position.counts.removed;
    const startedAt = lease.position.startedAt ?? clock.now();
    const candidates = await candidatesOf(lease.position, kinds);
    const suspect = !accept && (await isSuspect(lease.position, candidates, suspectShare));
    let held = lease;
    let missing = 0;

    if (!suspect && candidates.size > 0) {
      const now = clock.now();
      const refs = lookup ? await firstMissing(candidates, lookupMost) : [];
      if (lookup && refs.length > 0) {
        held = await lookUp((await writeFenced(db, held, { $set: { ended: true } })).lease, refs, lookup);
      }
      for (const [kind, filter] of candidates) {
        // Missing since an earlier sweep began: this is the second that misses it. Completed again, it stays the first.
        const again = accept ? filter : { ...filter, missingSince: { $lt: startedAt } };
        const gone = await mark(held, kind, again, { removedAt: now, observedAt: startedAt }, true);
        const first = await mark(
          gone.lease,
          kind,
          { ...filter, missingSince: { $exists: false } },
          { missingSince: startedAt },
          false,
        );
        held = first.lease;
        missing += first.marked;
      }
    }
    if (kinds.includes('appPermissions')) held = await endObserved(held);
    if (!suspect && lease.position.role === 'listing' && lease.position.lane === 'sweep')
      held = await positionsOfVanishedParts(db, client, held, clock.now());

    const { position } = (
      await writeFenced(db, held, {
        $set: {
          state: 'complete',
          trust: suspect ? 'suspect' : 'trusted',
          finishedAt: clock.now(),
          holder: null,
          leaseUntil: null,
          notBefore: null,
          failures: 0,
        },
        $unset: { ...noCursor, ended: true, failure: true },
      })
    ).lease;
    return { removed: position.counts.removed - removedBefore, missing, suspect };
  };
}
