import { MongoClient, type Db, type Document } from 'mongodb';
import { afterAll, beforeAll } from 'vitest';
import type { Part } from '../../connectors/pages.ts';
import type { AccountRecord, ActivityRecord, AnyRecord, FileRecord } from '../../connectors/records.ts';
import type { PositionDocument } from '../../store/documents.ts';
import { ensureIndexes } from '../../store/indexes.ts';
import { createPending } from '../../store/pending.ts';
import { createPositions } from '../../store/positions.ts';
import { createRecords } from '../../store/records.ts';
import type { Group, Lease, Positions } from '../../store/positions-interface.ts';
import type { Pending, Records } from '../../store/store.ts';
import { useDatabase } from './use-database.ts';

export interface OpenPositions {
  db: Db;
  client: MongoClient;
  uri: string;
  positions: Positions;
  records: Records;
  pending: Pending;
  /** A new connection of the app `okta`. */
  connect(): Promise<string>;
  /** Opens the stage of a scan and takes its one part. */
  take(connectionId: string, scan: number, holder?: string, stage?: PositionDocument['stage']): Promise<Lease>;
  row(kind: AnyRecord['kind'], connectionId: string, vendorId: string): Promise<Document | null>;
  position(lease: Lease): Promise<PositionDocument | null>;
}

let clock = Date.now() - 86_400_000;
/** Times that only go forward, a second at a call and in the past. */
export const later = (): Date => new Date((clock += 1_000));

export const account = (vendorId: string, more: Partial<AccountRecord> = {}): AccountRecord => ({
  kind: 'accounts',
  vendorId,
  login: `${vendorId}@example.com`,
  type: 'person',
  status: 'active',
  raw: { id: vendorId },
  ...more,
});

export const file = (vendorId: string, more: Partial<FileRecord> = {}): FileRecord => ({
  kind: 'files',
  vendorId,
  name: vendorId,
  path: `/${vendorId}`,
  type: 'file',
  ancestors: [],
  trashed: false,
  shares: [],
  raw: { id: vendorId },
  ...more,
});

export const activity = (vendorId: string, more: Partial<ActivityRecord> = {}): ActivityRecord => ({
  kind: 'activities',
  vendorId,
  receivedAt: new Date(0),
  source: 'log',
  event: { class_uid: 3002, type_uid: 300201, time: 1, class_name: 'Authentication' },
  raw: { id: vendorId },
  ...more,
});

export const page = (
  records: readonly AnyRecord[],
  observedAt = later(),
  removed: Group['pages'][number]['removed'] = [],
): Group['pages'][number] => ({ records, removed, observedAt });

export const group = (...pages: Group['pages'][number][]): Group => ({ pages, touched: [], skipped: 0 });

export const part = (id: string, more: Partial<Part> = {}): Part => ({ id, title: id, ...more });

/** Positions, records and pending on a database of their own. */
export function useOpenPositions(): OpenPositions {
  const { uri, name } = useDatabase();
  const client = new MongoClient(uri, {
    ignoreUndefined: true,
    writeConcern: { w: 'majority' },
    readConcern: { level: 'majority' },
  });
  const db = client.db(name);
  const now = { now: () => new Date() };
  const positions = createPositions(db, client, now);
  let connections = 0;
  beforeAll(async () => {
    await client.connect();
    await ensureIndexes(db);
  });
  afterAll(() => client.close());
  return {
    db,
    client,
    uri,
    positions,
    records: createRecords(db),
    pending: createPending(db, client, now),
    async connect() {
      const _id = `con_${(connections += 1)}`;
      await db.collection<Document & { _id: string }>('connections').insertOne({ _id, app: 'okta', wanted: 'running' });
      return _id;
    },
    async take(connectionId, scan, holder = 'worker', stage = 'users') {
      if (stage === 'pending') throw new Error('pending is no stage of a sweep');
      await positions.beginStage(connectionId, stage, scan, { listing: false });
      const claim = await positions.claim(connectionId, 'sweep', stage, scan, holder, 60_000);
      if (!claim.lease) throw new Error('nothing to claim');
      return claim.lease;
    },
    row: (kind, connectionId, vendorId) =>
      db.collection<Document & { _id: string }>(kind).findOne({ _id: `${connectionId}/${vendorId}` }),
    position: (lease) => db.collection<PositionDocument>('positions').findOne({ _id: lease.position._id }),
  };
}
