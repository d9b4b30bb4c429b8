import { randomUUID } from 'node:crypto';
import type { Db, Document, Filter, IndexDescription } from 'mongodb';
import type { FileRecord } from '../connectors/records.ts';
import type { Clock } from './clock.ts';
import type { ContentFields, ContentProgress, FileContent } from './content-documents.ts';
import type { Stored } from './documents.ts';
import { LeaseLost } from './lease-lost.ts';
import type { RecordRow } from './record-rows.ts';
import { fromStorable } from './vendor-keys.ts';

/** The right to read the content of one file. */
export interface ContentLease {
  _id: string;
  holder: string;
  file: FileRecord & Pick<Stored, 'part'>;
  failures: number;
  progress?: ContentProgress;
  /** As it was before, so that what is handed over keeps its place in the line. */
  dueAt: Date;
}

export interface ContentCounts {
  /** To be read, now or when a wait is over. */
  waiting: number;
  /** Known by their bytes; of files that are gone too. */
  done: number;
  /** Not read, for the reason in their records. */
  failed: number;
}

/** The queue of contents to be read, which is the marked rows of files. Fenced by `holder`, never an insert. */
export interface Contents {
  /** The next that is due, held for `leaseMs`; null when none is. */
  claim(connectionId: string, leaseMs: number): Promise<ContentLease | null>;
  /** Prolongs the lease. Throws LeaseLost, as all that follow, when somebody else holds it or the file is another. */
  keep(lease: ContentLease, leaseMs: number, progress: ContentProgress | undefined): Promise<void>;
  /** Gives it up, with how far it came; as a failed try with `inMs` until the next. */
  release(lease: ContentLease, progress: ContentProgress | undefined, failed?: { inMs: number }): Promise<void>;
  finish(lease: ContentLease, content: FileContent): Promise<void>;
  /** Whether one is due now. */
  waiting(connectionId: string): Promise<boolean>;
  /** Milliseconds until the next is due; undefined without any. */
  nextInMs(connectionId: string): Promise<number | undefined>;
  counts(connectionId: string): Promise<ContentCounts>;
}

const among = (name: string, field: string): IndexDescription => ({
  name,
  key: { connectionId: 1, [field]: 1 },
  partialFilterExpression: { [field]: { $exists: true } },
});
/** Of files. Rows whose content nobody asks for are in none of them. */
export const contentIndexes: IndexDescription[] = [
  among('contentDue', 'contentDue'),
  among('bySha256', 'content.sha256'),
  among('byTrueMediaType', 'content.mediaType'),
  among('bySkippedContent', 'content.skipped'),
];

/** A frozen process may hold the row in a transaction; who waits for it is tried again. */
const claimMs = 5_000;

type FileRow = RecordRow & ContentFields;

export function createContents(db: Db, clock: Clock): Contents {
  const files = db.collection<FileRow>('files');
  const inMilliseconds = (ms: number): Document => ({ $add: ['$$NOW', ms] });

  async function fenced(lease: ContentLease, change: Document | Document[]): Promise<void> {
    const { _id, holder } = lease;
    const { matchedCount } = await files.updateOne({ _id, 'contentWork.holder': holder } as Filter<FileRow>, change);
    if (matchedCount === 0) throw new LeaseLost(`${holder} no longer holds the content of ${_id}`);
  }

  return {
    async claim(connectionId, leaseMs) {
      for (;;) {
        const holder = randomUUID();
        const row = await files.findOneAndUpdate(
          { connectionId, contentDue: { $lte: clock.now() } },
          [{ $set: { contentDue: inMilliseconds(leaseMs), 'contentWork.holder': holder } }],
          { sort: { contentDue: 1 }, returnDocument: 'before', maxTimeMS: claimMs },
        );
        if (!row) return null;
        const { _id, contentDue, contentWork, ...file } = row;
        const { failures = 0, progress } = contentWork ?? {};
        const lease = { _id, holder, failures, dueAt: contentDue!, ...(progress && { progress }) };
        if (!row.removedAt) return { ...lease, file: fromStorable(file) as ContentLease['file'] };
        // It went while it waited. Seen again, it is marked again.
        await fenced(
          { ...lease, file: row as unknown as ContentLease['file'] },
          { $unset: { contentDue: true, contentWork: true } },
        );
      }
    },

    keep: (lease, leaseMs, progress) =>
      fenced(lease, [
        {
          $set: {
            contentDue: inMilliseconds(leaseMs),
            ...(progress && { 'contentWork.progress': { $literal: progress } }),
          },
        },
      ]),

    release: (lease, progress, failed) =>
      fenced(lease, [
        {
          $set: {
            contentDue: failed ? inMilliseconds(failed.inMs) : lease.dueAt,
            contentWork: { $literal: { failures: lease.failures + (failed ? 1 : 0), ...(progress && { progress }) } },
          },
        },
      ]),

    finish: (lease, content) => fenced(lease, { $set: { content }, $unset: { contentDue: true, contentWork: true } }),

    async waiting(connectionId) {
      const due = { connectionId, contentDue: { $lte: clock.now() } };
      return (await files.findOne(due, { projection: { _id: 1 } })) !== null;
    },

    async nextInMs(connectionId) {
      const next = await files.findOne(
        { connectionId, contentDue: { $exists: true } },
        { sort: { contentDue: 1 }, projection: { contentDue: 1 } },
      );
      return next?.contentDue && Math.max(0, next.contentDue.getTime() - clock.now().getTime());
    },

    async counts(connectionId) {
      const [waiting, done, failed] = await Promise.all(
        ['contentDue', 'content.sha256', 'content.skipped'].map((field) =>
          files.countDocuments({ connectionId, [field]: { $exists: true } } as Filter<FileRow>),
        ),
      );
      return { waiting: waiting!, done: done!, failed: failed! };
    },
  };
}
