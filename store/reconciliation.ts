import type { Db } from 'mongodb';
import type { Clock } from './clock.ts';
import type { ConnectionDocument, PositionDocument } from './documents.ts';
import { isDuplicateKey } from './duplicate-key.ts';

export const mismatchCases = [
  'workflowMissing',
  'workflowStuck',
  'workflowOrphaned',
  'wishNotObeyed',
  'rescanNotBegun',
  'credentialNotTried',
  'actionNotTakenUp',
  'actionOverdue',
] as const;
export type MismatchCase = (typeof mismatchCases)[number];

/** Something that store and Temporal disagree on, and what was done about it. */
export interface ReconciliationFinding {
  case: MismatchCase;
  connectionId?: string;
  workflowId?: string;
  what: string;
  /** When it was first seen, and in how many runs in a row. */
  since: Date;
  times: number;
  mended: boolean;
  did?: string;
  /** For people, where it was not mended. */
  remedy?: string;
}

export interface ReconciliationReport {
  startedAt: Date;
  finishedAt: Date;
  looked: { connections: number; workflows: number };
  found: number;
  mended: number;
  unmended: number;
  /** What was not mended, at most 200. */
  findings: ReconciliationFinding[];
  /** Why the run came to no end, such as Temporal being away. */
  failure?: string;
}

interface ReconciliationDocument {
  _id: 'reconciliation';
  /** The process that has the turn. */
  holder: string | null;
  leaseUntil: Date | null;
  /** No turn begins before. */
  nextAt: Date;
  last?: ReconciliationReport;
  /** Mended of late, newest first. */
  recent?: (ReconciliationFinding & { at: Date })[];
}

export type ConnectionOutline = Pick<
  ConnectionDocument,
  | '_id'
  | 'wanted'
  | 'wantedAt'
  | 'rescanWanted'
  | 'rescanWantedAt'
  | 'credentialVersion'
  | 'credentialAt'
  | 'provedCredentialVersion'
  | 'createdAt'
  | 'updatedAt'
  | 'receipt'
  | 'state'
>;

/** One turn at a time in the whole installation, and what the turns found. */
export interface Reconciliation {
  /** True: the turn is ours until the lease ends. False: somebody has it, or it is too early. */
  claim(holder: string, times: { leaseMs: number; everyMs: number }): Promise<boolean>;
  /** False: another process took over. */
  renew(holder: string, leaseMs: number): Promise<boolean>;
  /** Gives the turn back with its report, if it is still ours. */
  finish(holder: string, report: ReconciliationReport, mended: readonly ReconciliationFinding[]): Promise<void>;
  read(): Promise<Pick<ReconciliationDocument, 'last' | 'recent' | 'holder' | 'nextAt'> | null>;
  /** Every connection, checks left out, of its state only what a comparison needs. */
  outlines(): Promise<ConnectionOutline[]>;
  /** When the newest look for changes of these connections ended; those without one are left out. */
  lookedAt(connectionIds: readonly string[]): Promise<Map<string, Date>>;
}

const kept = { unmended: 200, recent: 100 } as const;
const stateFields = ['phase', 'scan', 'nextScanAt', 'settings', 'rescansServed', 'refusedCredentialVersion', 'waits'];

export function createReconciliation(db: Db, clock: Clock): Reconciliation {
  const turns = db.collection<ReconciliationDocument>('reconciliation');
  const connections = db.collection<ConnectionDocument>('connections');
  const positions = db.collection<PositionDocument>('positions');
  const _id = 'reconciliation';

  return {
    async claim(holder, { leaseMs, everyMs }) {
      const now = clock.now();
      const later = (ms: number): Date => new Date(now.getTime() + ms);
      try {
        const { matchedCount, upsertedCount } = await turns.updateOne(
          { _id, nextAt: { $lte: now }, $or: [{ holder: null }, { leaseUntil: { $lte: now } }] },
          { $set: { holder, leaseUntil: later(leaseMs), nextAt: later(everyMs) } },
          { upsert: true },
        );
        return matchedCount + upsertedCount > 0;
      } catch (error) {
        // The document is there and does not match: not our turn.
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },

    async renew(holder, leaseMs) {
      const leaseUntil = new Date(clock.now().getTime() + leaseMs);
      const { matchedCount } = await turns.updateOne({ _id, holder }, { $set: { leaseUntil } });
      return matchedCount > 0;
    },

    async finish(holder, report, mended) {
      const last = { ...report, findings: report.findings.slice(0, kept.unmended) };
      const recent = mended.slice(0, kept.recent).map((each) => ({ ...each, at: report.finishedAt }));
      await turns.updateOne(
        { _id, holder },
        {
          $set: { holder: null, leaseUntil: null, last },
          $push: { recent: { $each: recent, $position: 0, $slice: kept.recent } },
        },
      );
    },

    read: () => turns.findOne({ _id }),

    outlines() {
      const projection: Record<string, 1> = Object.fromEntries(stateFields.map((field) => [`state.${field}`, 1]));
      for (const field of [
        ...(['wanted', 'wantedAt', 'rescanWanted', 'rescanWantedAt', 'credentialVersion', 'credentialAt'] as const),
        ...(['provedCredentialVersion', 'createdAt', 'updatedAt', 'receipt'] as const),
      ])
        projection[field] = 1;
      return connections.find<ConnectionOutline>({ wanted: { $ne: 'check' } }, { projection }).toArray();
    },

    async lookedAt(connectionIds) {
      const found = await positions
        .aggregate<{ _id: string; at: Date }>([
          { $match: { connectionId: { $in: connectionIds }, lane: 'watch', finishedAt: { $ne: null } } },
          { $group: { _id: '$connectionId', at: { $max: '$finishedAt' } } },
        ])
        .toArray();
      return new Map(found.map(({ _id, at }) => [_id, at]));
    },
  };
}
