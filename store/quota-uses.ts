import type { Collection, Db, IndexDescription } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ConnectionDocument } from './documents.ts';
import type { QuotaDocument } from './quota-document.ts';
import { paceOf } from './quota-readings.ts';
import { fromCursor, toCursor, type Paged } from './paging.ts';

/** What one connection spent of one bucket in one minute. */
interface UseDocument {
  _id: string;
  connectionId: string;
  bucket: string;
  minute: Date;
  units: number;
}

export interface QuotaSpending {
  connectionId: string;
  bucket: string;
  /** Calls times their cost. */
  units: number;
}

/** A bucket as an operator sees it. Times are ISO text. */
export interface QuotaView {
  bucket: string;
  kind: QuotaDocument['kind'];
  /** As the connector says: units a window, or calls at once. */
  limit?: number;
  windowMs?: number;
  /** The part of it that is ours to use. */
  share?: number;
  /** What replaces the limit: the vendor's headers told it, or its refusals (or their absence) taught it. */
  learned?: { limit: number; from: 'headers' | 'throttles' };
  /** The vendor asked to be left alone until then. */
  stoppedUntil?: string;
  /** Others use it too: slower until then. */
  slowedUntil?: string;
  /** Of a budget. */
  spent?: number;
  windowEndsAt?: string;
  /** Calls under way at once, of all connections. */
  atOnce?: number;
  /** The last minutes that saw use, newest first: what this connection spent, and all of ours together. */
  use: { minute: string; units: number; ofAll: number }[];
}

export interface QuotaUses {
  /** Added to the present minute. */
  add(spendings: readonly QuotaSpending[]): Promise<void>;
  /** The buckets that a connection used in the last hour, by name. */
  list(connectionId: string, page: { limit: number; cursor?: string }): Promise<Paged<QuotaView>>;
}

const keptS = 3_600;
const shownMs = 10 * 60_000;
export const quotaUseIndexes: IndexDescription[] = [
  { name: 'byConnection', key: { connectionId: 1, bucket: 1 } },
  { name: 'byBucket', key: { bucket: 1, minute: -1 } },
  { name: 'forgotten', key: { minute: 1 }, expireAfterSeconds: keptS },
];

/** Counted beside the buckets and a few seconds late: it is for people to see, and no call waits for it. */
export function createQuotaUses(db: Db, clock: Pick<Clock, 'now'>): QuotaUses {
  const uses: Collection<UseDocument> = db.collection('quotaUses');
  const quotas: Collection<QuotaDocument> = db.collection('quotas');
  const connections: Collection<ConnectionDocument> = db.collection('connections');

  return {
    async add(spendings) {
      // A worker that slept through an erase still wants to tell what it had spent.
      const ids = [...new Set(spendings.map(({ connectionId }) => connectionId))];
      const given = await connections.distinct('_id', { _id: { $in: ids }, wanted: 'erased' });
      const counted = spendings.filter(({ connectionId }) => !given.includes(connectionId));
      if (counted.length === 0) return;
      const minute = new Date(Math.floor(clock.now().getTime() / 60_000) * 60_000);
      await uses.bulkWrite(
        counted.map(({ connectionId, bucket, units }) => ({
          updateOne: {
            filter: { _id: `${connectionId}/${minute.getTime()}/${bucket}` },
            update: { $inc: { units }, $setOnInsert: { connectionId, bucket, minute } },
            upsert: true,
          },
        })),
        { ordered: false },
      );
    },

    async list(connectionId, { limit, cursor }) {
      const after = cursor === undefined ? '' : (fromCursor(cursor, ['string'])[0] as string);
      const found = await uses
        .aggregate<{ _id: string }>([
          { $match: { connectionId, bucket: { $gt: after } } },
          { $group: { _id: '$bucket' } },
          { $sort: { _id: 1 } },
          { $limit: limit + 1 },
        ])
        .toArray();
      const names = found.slice(0, limit).map(({ _id }) => _id);
      const since = new Date(clock.now().getTime() - shownMs);
      const [documents, spent] = await Promise.all([
        quotas.find({ _id: { $in: names } }).toArray(),
        uses
          .find({ bucket: { $in: names }, minute: { $gte: since } })
          .sort({ minute: -1 })
          .toArray(),
      ]);
      const items = names.flatMap((name): QuotaView[] => {
        const document = documents.find(({ _id }) => _id === name);
        if (!document) return [];
        return [{ ...viewOf(document, clock.now().getTime()), use: useOf(spent, name, connectionId) }];
      });
      return found.length > limit ? { items, next: toCursor([names.at(-1)!]) } : { items };
    },
  };
}

function viewOf(document: QuotaDocument, at: number): Omit<QuotaView, 'use'> {
  const { _id, kind, limit, windowMs, share, learned, learnedFrom, stop, squeeze, spent, windowEndsAt, slots } =
    document;
  const even = paceOf(learned ?? limit ?? 0, share ?? 1) / (windowMs ?? 1);
  const ahead = (until: number | undefined) => (until && until > at ? new Date(until).toISOString() : undefined);
  return {
    bucket: _id,
    kind,
    limit,
    windowMs,
    share,
    learned: learned === undefined ? undefined : { limit: learned, from: learnedFrom ?? 'headers' },
    stoppedUntil: ahead(stop && Math.max(stop.until, stop.vendorUntil)),
    slowedUntil: squeeze && squeeze.perMs < even ? ahead(squeeze.until) : undefined,
    spent,
    windowEndsAt: ahead(windowEndsAt),
    atOnce: slots?.filter(({ until }) => until > at).length,
  };
}

function useOf(spent: readonly UseDocument[], bucket: string, connectionId: string): QuotaView['use'] {
  const minutes = new Map<string, { units: number; ofAll: number }>();
  for (const one of spent) {
    if (one.bucket !== bucket) continue;
    const minute = one.minute.toISOString();
    const { units, ofAll } = minutes.get(minute) ?? { units: 0, ofAll: 0 };
    const own = one.connectionId === connectionId ? one.units : 0;
    minutes.set(minute, { units: units + own, ofAll: ofAll + one.units });
  }
  return [...minutes].map(([minute, figures]) => ({ minute, ...figures }));
}
