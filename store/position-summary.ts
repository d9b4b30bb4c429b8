import type { Db, Document, Filter } from 'mongodb';
import { noCounts, type Counts } from '../workflows/messages.ts';
import type { PositionDocument } from './documents.ts';
import { fromCursor, toCursor } from './paging.ts';
import type { PartsSummary, Positions } from './positions-interface.ts';

const countOf = (condition: Document): Document => ({ $sum: { $cond: [condition, 1, 0] } });
const inState = (state: string): Document => countOf({ $eq: ['$state', state] });
const isOpen = { $eq: ['$state', 'open'] };
const isListing = { $eq: ['$role', 'listing'] };
/** Of complete parts only: averages leave out what is no number. */
const pagesOfComplete = {
  $cond: [{ $and: [{ $eq: ['$state', 'complete'] }, { $not: isListing }] }, '$counts.pages', null],
};
const seen = { $add: ['$counts.added', '$counts.changed', '$counts.unchanged'] };

export function createPositionSummary(db: Db): Pick<Positions, 'summary' | 'list' | 'lookedAt'> {
  const positions = db.collection<PositionDocument>('positions');

  return {
    /** A listing counts as a part until it is complete. The scan is the sweep's; feeds are taken as they are. */
    async summary(connectionId, lane, stage, scan) {
      const among: Filter<PositionDocument> = { connectionId, lane, stage, ...(lane === 'sweep' ? { scan } : {}) };
      const group: Document = {
        _id: null,
        total: countOf({ $or: [{ $eq: ['$role', 'part'] }, { $ne: ['$state', 'complete'] }] }),
        done: countOf({ $and: [{ $eq: ['$role', 'part'] }, { $eq: ['$state', 'complete'] }] }),
        open: inState('open'),
        failed: inState('failed'),
        blind: inState('blind'),
        skipped: inState('skipped'),
        blindTrust: countOf({ $eq: ['$trust', 'blind'] }),
        suspectTrust: countOf({ $eq: ['$trust', 'suspect'] }),
        estimated: countOf({ $gt: ['$estimate', null] }),
        estimate: {
          $sum: { $cond: [{ $eq: ['$state', 'complete'] }, seen, { $max: [{ $ifNull: ['$estimate', 0] }, seen] }] },
        },
        listing: countOf({ $and: [isListing, isOpen] }),
        unestimated: countOf({ $and: [isOpen, { $not: { $gt: ['$estimate', null] } }] }),
        openPages: { $sum: { $cond: [isOpen, '$counts.pages', 0] } },
        mean: { $avg: pagesOfComplete },
        deviation: { $stdDevSamp: pagesOfComplete },
      };
      // A part may be skipped, and a row of a part: two figures of one name.
      for (const name of Object.keys(noCounts)) group[`rows_${name}`] = { $sum: `$counts.${name}` };
      const [row] = await positions.aggregate<Document>([{ $match: among }, { $group: group }]).toArray();
      const first = (states: PositionDocument['state'][]) =>
        positions.findOne({ ...among, state: { $in: states } }, { sort: { state: -1, _id: 1 } });
      const example = (await first(['failed', 'blind'])) ?? (await first(['skipped']));
      const counts = { ...noCounts };
      for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] = Number(row?.[`rows_${name}`] ?? 0);
      const tell = (name: string): number => Number(row?.[name] ?? 0);
      const summary: PartsSummary = {
        total: tell('total'),
        done: tell('done'),
        open: tell('open'),
        failed: tell('failed'),
        blind: tell('blind'),
        skipped: tell('skipped'),
        trust: tell('blindTrust') > 0 ? 'blind' : tell('suspectTrust') > 0 ? 'suspect' : 'trusted',
        counts,
        estimate: tell('estimated') > 0 ? tell('estimate') : 0,
        sizes: {
          listing: tell('listing') > 0,
          unestimated: tell('unestimated'),
          openPages: tell('openPages'),
          complete: tell('done'),
          mean: tell('mean'),
          deviation: tell('deviation'),
        },
      };
      return example ? { ...summary, example } : summary;
    },

    async lookedAt(connectionId) {
      const newest = await positions.findOne(
        { connectionId, lane: 'watch', finishedAt: { $ne: null } },
        { sort: { finishedAt: -1 }, projection: { finishedAt: 1 } },
      );
      return newest?.finishedAt ?? null;
    },

    async list(connectionId, { lane, stage, state, limit, cursor }) {
      const after = cursor === undefined ? undefined : String(fromCursor(cursor, ['string'])[0]);
      const found = await positions
        .find({
          connectionId: { $eq: connectionId },
          ...(lane && { lane: { $eq: lane } }),
          ...(stage && { stage: { $eq: stage } }),
          ...(state && { state: { $eq: state } }),
          ...(after !== undefined && { _id: { $gt: after } }),
        })
        .sort({ _id: 1 })
        .limit(limit + 1)
        .toArray();
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return found.length > limit && last ? { items, next: toCursor([last._id]) } : { items };
    },
  };
}
