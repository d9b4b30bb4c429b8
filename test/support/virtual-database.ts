import type { Db } from 'mongodb';
import { evaluateUpdate, type Fields } from './evaluate-update.ts';
import type { VirtualTime } from './virtual-time.ts';

/**
 * What the quotas need of MongoDB, in virtual time: single documents changed by pipelines, one after the other, by the
 * clock of the database. That it computes as MongoDB does is a test of its own.
 */
export class VirtualDatabase {
  readonly documents = new Map<string, Fields>();
  /** How often it was asked. */
  commands = 0;
  private readonly time: VirtualTime;
  /** By its clock it began then, in milliseconds since 1970. */
  private readonly startedAt: number;

  constructor(time: VirtualTime, startedAt = 1_700_000_000_000) {
    this.time = time;
    this.startedAt = startedAt;
  }

  /** As a process sees it whose commands travel so many milliseconds, each way. */
  seenFrom(travelMs: () => number): Db {
    const command = async <T>(work: () => T): Promise<T> => {
      await this.time.sleep(travelMs());
      this.commands += 1;
      const result = work();
      await this.time.sleep(travelMs());
      return result;
    };
    const update = (_id: string, pipeline: Record<string, unknown>[], upsert: boolean): Fields | null => {
      const before = this.documents.get(_id) ?? (upsert ? { _id } : undefined);
      if (!before) return null;
      const now = new Date(Math.floor(this.startedAt + this.time.now));
      const after = evaluateUpdate(before, pipeline, now);
      this.documents.set(_id, after);
      return after;
    };
    const collection = {
      findOneAndUpdate: (
        { _id }: { _id: string },
        pipeline: Record<string, unknown>[],
        { upsert }: { upsert: boolean },
      ) => command(() => update(_id, pipeline, upsert)),
      updateOne: ({ _id }: { _id: string }, pipeline: Record<string, unknown>[]) =>
        command(() => void update(_id, pipeline, false)),
    };
    return { collection: () => collection } as unknown as Db;
  }
}
