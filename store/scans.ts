import type { Db, IndexDescription } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ScanDocument } from './documents.ts';
import type { Scans } from './store.ts';

export const scanIndexes: IndexDescription[] = [{ name: 'byNumber', key: { connectionId: 1, number: -1 } }];

/** Old ones say little of the pace now. */
const samplesMost = 40;

export function createScans(db: Db, clock: Clock): Scans {
  const scans = db.collection<ScanDocument>('scans');
  const idOf = (connectionId: string, number: number): string => `${connectionId}/${number}`;

  return {
    /** Repeating it keeps the first start. */
    async start(connectionId, number) {
      await scans.updateOne(
        { _id: idOf(connectionId, number) },
        { $setOnInsert: { connectionId, number, startedAt: clock.now(), stages: {} } },
        { upsert: true },
      );
    },

    /** Never an upsert: after an erase nothing may come back. */
    async finish(connectionId, number, stages) {
      await scans.updateOne(
        { _id: idOf(connectionId, number) },
        { $set: { finishedAt: clock.now(), stages }, $unset: { pace: true } },
      );
    },

    addPace: (connectionId, number, stage, sample) =>
      scans.findOneAndUpdate(
        { _id: idOf(connectionId, number), finishedAt: { $exists: false } },
        { $push: { [`pace.${stage}`]: { $each: [sample], $slice: -samplesMost } } },
        { returnDocument: 'after' },
      ),

    list: (connectionId, limit) =>
      scans
        .find({ connectionId: { $eq: connectionId } })
        .sort({ number: -1 })
        .limit(limit)
        .toArray(),
  };
}
