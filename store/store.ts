import type { Paged } from './paging.ts';
import type { AnyRecord, FileRecord, RecordKind, Sharing, StageName } from '../connectors/records.ts';
import type { Recalled, Verified } from '../connectors/connector.ts';
import type { Ref } from '../connectors/pages.ts';
import type { ConnectionState } from '../workflows/messages.ts';
import type {
  ApiKeyDocument,
  ConnectionDocument,
  CoverageDocument,
  PaceSample,
  PendingDocument,
  PositionDocument,
  ScanDocument,
  Stored,
  SubscriptionDocument,
  Wanted,
} from './documents.ts';
import type { ContentFields } from './content-documents.ts';
import type { Contents } from './contents.ts';
import type { Positions } from './positions-interface.ts';
import type { Actions } from './actions-interface.ts';
import type { Holds } from './holds.ts';
import type { Batches } from './batches-interface.ts';
import type { QuotaUses } from './quota-uses.ts';
import type { Quotas } from './quotas-interface.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { RefusedCredential } from './secret-history.ts';

/** What the rest of the project sees of MongoDB. `openStore` in `open-store.ts` makes one. */
export interface Store {
  connections: Connections;
  positions: Positions;
  agenda: ReadAgenda;
  records: Records;
  spreads: Spreads;
  pending: Pending;
  contents: Contents;
  actions: Actions;
  batches: Batches;
  holds: Holds;
  quotas: Quotas;
  quotaUses: QuotaUses;
  scans: Scans;
  coverage: Coverage;
  subscriptions: Subscriptions;
  deliveries: Deliveries;
  apiKeys: ApiKeys;
  reconciliation: Reconciliation;
  /** Our estimate of MongoDB's clock (offset measured at least once a minute). */
  now(): Date;
  /** Rejects within 3 s when MongoDB cannot be reached or has no primary. */
  ping(): Promise<void>;
  /** Creates collections and indexes; safe to run at any time, by several processes. */
  ensureIndexes(): Promise<void>;
  close(): Promise<void>;
}

export interface NewConnection {
  app: string;
  name: string;
  label: string;
  settings: Record<string, unknown>;
  credential: unknown;
  identity: Record<string, string>;
  wanted: Wanted;
  governance: 'on' | 'off';
  protected: string[];
  content?: 'on' | 'off';
  contentMaxBytes?: number;
  scanEveryMs: number;
  parallel: number;
  batchPerHour?: number;
  createdBy: string;
  idempotencyKey?: string;
}

export interface Connections {
  /** Seals the credential and a fresh webhook secret. The same idempotency key answers the first document. */
  create(input: NewConnection): Promise<ConnectionDocument>;
  get(id: string): Promise<ConnectionDocument | null>;
  list(query: {
    app?: string;
    phase?: string;
    ids?: readonly string[];
    limit: number;
    cursor?: string;
  }): Promise<Paged<ConnectionDocument>>;
  /** Name, options, governance, protected principals. */
  update(
    id: string,
    set: Partial<
      Pick<
        ConnectionDocument,
        | 'name'
        | 'governance'
        | 'protected'
        | 'content'
        | 'contentMaxBytes'
        | 'scanEveryMs'
        | 'parallel'
        | 'batchPerHour'
      >
    >,
  ): Promise<ConnectionDocument | null>;
  setWanted(id: string, wanted: Wanted): Promise<ConnectionDocument | null>;
  /** Adds one to `rescanWanted`. `acceptRemovals`: what suspect parts would remove is gone indeed, says the operator. */
  wantRescan(id: string, options?: { acceptRemovals?: boolean }): Promise<ConnectionDocument | null>;
  /** The scan that the acceptance was for is over. */
  endAcceptance(id: string): Promise<void>;
  /** Seals it as the next version. */
  recredential(id: string, credential: unknown, identity: Record<string, string>): Promise<ConnectionDocument | null>;
  /** Kept to be seen, until another one is taken. */
  noteRefusedCredential(id: string, refused: Omit<RefusedCredential, 'at'>): Promise<void>;
  /** Opens the seal. For activities only. */
  openCredential(connection: ConnectionDocument): unknown;
  openWebhookSecrets(connection: ConnectionDocument): string[];
  /** The one before is valid until `endWebhookOverlap` has set an end and that has passed. */
  rotateWebhookSecret(id: string): Promise<ConnectionDocument | null>;
  /** The vendor has the secret of so many rotations: what came before is taken for `forMs` more. */
  endWebhookOverlap(id: string, rotations: number, forMs: number): Promise<void>;
  /** Keys that the vendor made take the place of what there was; false when the connection was given up. */
  setWebhookSecrets(id: string, secrets: readonly string[]): Promise<boolean>;
  /**
   * Wraps every data key with the newest master key, so that the old ones can go; how many were changed. `progress` is
   * called after each connection with how many were looked at.
   */
  rewrapSeals(progress?: (looked: number) => void): Promise<number>;
  /** How many seals each master key has wrapped, by its id. */
  sealKeys(): Promise<Map<string, number>>;
  /** One tenant, one connection: the loser learns who has it. A connection keeps the tenant that it first had. */
  claimTenant(
    id: string,
    verified: Verified,
    /** The version of the credential that was verified. */
    credentialVersion?: number,
  ): Promise<
    { outcome: 'claimed' } | { outcome: 'duplicate'; of: string } | { outcome: 'otherTenant'; tenantId: string }
  >;
  /** Written by the workflow's local activity on every change. */
  writeState(id: string, state: ConnectionState): Promise<void>;
  /** Gives up the credential and the tenant's claim; records stay readable. */
  markDisconnected(id: string): Promise<void>;
  /**
   * Deletes positions first (which fences every worker off), waits for live leases to end or expire, deletes records,
   * counts again, writes the receipt and keeps the document with phase `erased`, without settings and credential.
   * Repeating it after a crash goes on. Batches, so that it can be interrupted; `progress` is called between them.
   */
  erase(id: string, progress: () => void): Promise<NonNullable<ConnectionDocument['receipt']>>;
  /** Only for `wanted: 'check'` documents. */
  deleteCheck(id: string): Promise<void>;
}

/** What the store works out of a file from what lies above it. */
export interface InheritedSharing {
  /** The most open of its own shares. */
  ownSharing: Sharing;
  /** The most open of its own shares and its ancestors'. */
  sharing: Sharing;
  /** The ancestor whose shares open it so far; absent where its own do. */
  sharedVia?: string;
}

export type StoredRecord = (Exclude<AnyRecord, FileRecord> | (FileRecord & InheritedSharing)) &
  Stored &
  Pick<ContentFields, 'content'>;

/** Equality on a listed field, or a range on a date; which fields a kind has is in `record-filters.ts`. */
export interface RecordQuery {
  where: Readonly<Record<string, string | number | boolean | { gte?: Date | number; lt?: Date | number }>>;
  /** Include what is gone. */
  removed?: boolean;
  limit: number;
  cursor?: string;
  /** Newest first where the kind has a time (activities); else by `_id`. */
  order?: 'newest' | 'id';
}

export interface Records {
  list(connectionId: string, kind: RecordKind, query: RecordQuery): Promise<Paged<StoredRecord>>;
  get(connectionId: string, kind: RecordKind, vendorId: string): Promise<StoredRecord | null>;
  /** By `vendorId`, those that are there. */
  recall(connectionId: string, kind: RecordKind, vendorIds: readonly string[]): Promise<Map<string, Recalled>>;
  /** Those of these logins that an account has, whose id is not at hand. */
  haveLogin(connectionId: string, logins: readonly string[]): Promise<Set<string>>;
  /** The ids alone of what a filter finds. */
  idsOf(
    connectionId: string,
    kind: RecordKind,
    query: Pick<RecordQuery, 'where' | 'limit'>,
  ): Promise<{ vendorId: string; groupId?: string; accountId?: string }[]>;
  /** Not removed ones, by kind. */
  counts(connectionId: string): Promise<Record<RecordKind, number>>;
  /** Activities by `event.class_name`. */
  activityClasses(connectionId: string): Promise<{ classUid: number; className: string; count: number }[]>;
  /** Activities of types that no mapping knows, and which types those are, most frequent first, at most 20. */
  unknownEvents(connectionId: string): Promise<{ count: number; types: { eventCode: string; count: number }[] }>;
}

/** Below a folder whose shares or place changed, place and sharing are worked out anew, in groups. */
export interface Spreads {
  /** Tasks that wait, and since when the oldest does: until then what lies below is settling. */
  waiting(connectionId: string): Promise<{ count: number; since?: Date }>;
  /** Of these files the ids of those that a waiting task may change. */
  unsettled(
    connectionId: string,
    files: readonly { vendorId: string; ancestors: readonly string[] }[],
  ): Promise<Set<string>>;
  /** Works until nothing waits or `goOn` says no: then true. One worker a connection, others return at once. */
  work(connectionId: string, options: { holder: string; leaseMs: number; goOn: () => boolean }): Promise<boolean>;
}

/** What a round over the feeds of a connection finds to do. */
export interface Agenda {
  /** By stage that has feeds, and `pending`: how many of them could be claimed for this round. */
  feedsLeft: ReadonlyMap<PositionDocument['stage'], number>;
  /** Refs are due to be looked at again. */
  pending: boolean;
  /** Outcomes of actions are due to be looked at. */
  holds: boolean;
  /** Below folders something is to be worked out anew. */
  spreads: boolean;
  /** Steps of actions are to be done; which of them now, `actions.waiting` tells. */
  actions: boolean;
  subscription: SubscriptionDocument | null;
}

export type ReadAgenda = (connectionId: string, round: number) => Promise<Agenda>;

export interface Pending {
  /** Merged with what waits already; acknowledged by a majority before it returns. */
  add(connectionId: string, refs: readonly Ref[]): Promise<void>;
  take(connectionId: string, limit: number): Promise<PendingDocument[]>;
  /** Could not be told now: again later, given up (and logged by the caller) after `maxTries`. */
  defer(
    docs: readonly PendingDocument[],
    inMs: (doc: PendingDocument) => number,
    maxTries: number,
  ): Promise<{ givenUp: PendingDocument[] }>;
  count(connectionId: string): Promise<number>;
}

export interface Scans {
  start(connectionId: string, number: number): Promise<void>;
  finish(connectionId: string, number: number, stages: ConnectionState['stages']): Promise<void>;
  /** Notes how far a stage of the running scan has come; null when there is no such scan, or it is over. */
  addPace(connectionId: string, number: number, stage: StageName, sample: PaceSample): Promise<ScanDocument | null>;
  list(connectionId: string, limit: number): Promise<ScanDocument[]>;
}

export interface Coverage {
  /** The intervals, merged, and the holes between the first and the last. */
  get(connectionId: string): Promise<(CoverageDocument & { holes: { from: Date; until: Date }[] })[]>;
}

export interface Subscriptions {
  /**
   * As it is stored then: `lapsed` if the vendor ended some of it since `doc` was read, so that it is looked through once
   * more. Null when the connection is erased: then nothing is.
   */
  put(doc: SubscriptionDocument): Promise<SubscriptionDocument | null>;
  get(connectionId: string): Promise<SubscriptionDocument | null>;
  /** The vendor ended it, or some of it: it is to be made again at once, from the beginning. */
  lapse(connectionId: string): Promise<void>;
  remove(connectionId: string): Promise<void>;
}

/** What apps sent and sent again, for as long as one that is sent once more would be believed. */
export interface Deliveries {
  taken(connectionId: string, id: string): Promise<boolean>;
  /** Once all that it names is stored; a delivery that failed here may then come again. */
  note(connectionId: string, id: string): Promise<void>;
}

export interface ApiKeys {
  /** The secret is in the answer and nowhere else. */
  create(input: {
    name: string;
    role: ApiKeyDocument['role'];
    connectionIds?: string[];
    expiresAt?: Date;
  }): Promise<{ key: ApiKeyDocument; secret: string }>;
  list(): Promise<ApiKeyDocument[]>;
  revoke(id: string): Promise<boolean>;
  /** Constant-time; null when unknown, revoked or expired. */
  verify(secret: string): Promise<ApiKeyDocument | null>;
}
