import type { AnyRecord, RecordKind, StageName } from '../connectors/records.ts';
import type { Gone, Part, Ref, Verified } from '../connectors/connector.ts';
import type { ConnectionState, Counts, Trust } from '../workflows/messages.ts';
import type {
  ActionDocument,
  ApiKeyDocument,
  ConnectionDocument,
  CoverageDocument,
  PendingDocument,
  PositionDocument,
  PositionLane,
  ScanDocument,
  Stored,
  SubscriptionDocument,
  Wanted,
} from './documents.ts';

/** What the rest of the project sees of MongoDB. `openStore` in `open-store.ts` makes one. */
export interface Store {
  connections: Connections;
  positions: Positions;
  records: Records;
  pending: Pending;
  actions: Actions;
  quotas: Quotas;
  scans: Scans;
  coverage: Coverage;
  subscriptions: Subscriptions;
  apiKeys: ApiKeys;
  /** Our estimate of MongoDB's clock (offset measured at least once a minute). */
  now(): Date;
  /** Rejects within 3 s when MongoDB cannot be reached or has no primary. */
  ping(): Promise<void>;
  /** Creates collections and indexes; safe to run at any time, by several processes. */
  ensureIndexes(): Promise<void>;
  close(): Promise<void>;
}

export interface Paged<T> {
  items: T[];
  /** Opaque; absent on the last page. */
  next?: string;
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
  scanEveryMs: number;
  parallel: number;
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
    set: Partial<Pick<ConnectionDocument, 'name' | 'governance' | 'protected' | 'scanEveryMs' | 'parallel'>>,
  ): Promise<ConnectionDocument | null>;
  setWanted(id: string, wanted: Wanted): Promise<ConnectionDocument | null>;
  /** Adds one to `rescanWanted`. `acceptRemovals`: what suspect parts would remove is gone indeed, says the operator. */
  wantRescan(id: string, options?: { acceptRemovals?: boolean }): Promise<ConnectionDocument | null>;
  /** The scan that the acceptance was for is over. */
  endAcceptance(id: string): Promise<void>;
  /** Seals it as the next version. */
  recredential(id: string, credential: unknown, identity: Record<string, string>): Promise<ConnectionDocument | null>;
  /** Opens the seal. For activities only. */
  openCredential(connection: ConnectionDocument): unknown;
  openWebhookSecrets(connection: ConnectionDocument): string[];
  rotateWebhookSecret(id: string): Promise<ConnectionDocument | null>;
  /** Wraps every data key with the newest master key, so that the old ones can go; how many were changed. */
  rewrapSeals(progress?: () => void): Promise<number>;
  /** One tenant, one connection: the loser learns who has it. A connection keeps the tenant that it first had. */
  claimTenant(
    id: string,
    verified: Verified,
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

/** The right to work on one position. A new one after every write. */
export interface Lease {
  position: PositionDocument;
  holder: string;
}

/** What one transaction writes: everything of a few pages, and the position after the last of them. */
export interface Group {
  /** Each page with the time its request was sent, by MongoDB's clock. */
  pages: readonly { records: readonly AnyRecord[]; removed: readonly Gone[]; observedAt: Date }[];
  touched: readonly Ref[];
  skipped: number;
  /** Both replace what the position has; `null` clears. */
  cursor?: string | null;
  checkpoint?: string;
  estimate?: number;
  /** Activities: this interval is read now. */
  covered?: { from: Date; until: Date; latenessMs: number };
  /** Pending docs that this group settles, removed where the stamp is still the same. */
  settled?: readonly Pick<PendingDocument, '_id' | 'stamp'>[];
  /** Refs that the app says are gone, as of `observedAt`. */
  absent?: { refs: readonly Ref[]; observedAt: Date };
}

export type Claim =
  | { lease: Lease }
  /** Nothing to claim now. `open` parts are held by others or wait; the earliest of those may be tried in `inMs`. */
  | { lease: null; open: number; inMs?: number; waiting?: PositionDocument };

export interface PartsSummary {
  total: number;
  done: number;
  open: number;
  failed: number;
  blind: number;
  skipped: number;
  trust: Trust;
  counts: Counts;
  estimate: number;
  /** One failed or blind part, to show. */
  example?: PositionDocument;
}

/** Fenced by `seq` and `holder`: a write by a holder that lost its lease throws LeaseLost and changes nothing. */
export interface Positions {
  /**
   * Opens the stage for a scan: a `listing` position where the stage has parts, else the part ''. Repeating it for the
   * same scan changes nothing. `range` is for activities.
   */
  beginStage(
    connectionId: string,
    stage: StageName,
    scan: number,
    options: { listing: boolean; range?: { from: Date; until: Date } },
  ): Promise<void>;
  /** Adds parts found by a listing to the same lane (and, with `feeds`, a watch position each), and moves the listing. */
  addParts(lease: Lease, parts: readonly Part[], cursor: string | null, options: { feeds: boolean }): Promise<Lease>;
  /** The next open part of the stage (listing first), not held and due. */
  claim(
    connectionId: string,
    lane: 'sweep',
    stage: StageName,
    scan: number,
    holder: string,
    leaseMs: number,
  ): Promise<Claim>;
  /** Makes sure that a watch position is there, unopened (no checkpoint). */
  ensureFeed(connectionId: string, stage: StageName | 'pending', part: Part, role?: 'part' | 'listing'): Promise<void>;
  /** The feed of a part, or null. */
  feed(connectionId: string, stage: StageName, partId: string): Promise<PositionDocument | null>;
  /** A feed that has not yet worked for `round` (its `scan` is smaller), not held and due; or one given part's feed. */
  claimFeed(
    connectionId: string,
    round: number,
    holder: string,
    leaseMs: number,
    only?: { stage: StageName | 'pending'; partId: string },
  ): Promise<Claim>;
  /** Prolongs the lease; throws LeaseLost. */
  renew(lease: Lease, leaseMs: number): Promise<void>;
  /** Gives it up without other change, optionally not to be claimed again before `inMs`. */
  release(lease: Lease, inMs?: number): Promise<void>;
  commit(lease: Lease, group: Group): Promise<{ lease: Lease; counts: Counts }>;
  /**
   * The part was read to its end. Sweeps decide removal: candidates are the part's records not seen in this scan and
   * observed before its start; up to 1,000 are confirmed by `lookup` when given, others get `missingSince` and go when
   * the next complete sweep misses them too. Above `suspectShare` (of parts with more than 20 records) nothing is
   * marked and the part is `suspect`. Activities are never removed.
   */
  complete(
    lease: Lease,
    options: {
      kinds: readonly RecordKind[];
      suspectShare: number;
      lookup?: (
        refs: readonly Ref[],
      ) => Promise<{ records: readonly AnyRecord[]; absent: readonly Ref[]; observedAt: Date }>;
      /** The wish of an operator: accept what a suspect part would remove. */
      accept?: boolean;
    },
  ): Promise<{ removed: number; missing: number; suspect: boolean }>;
  /** This feed has done its round. */
  completeRound(lease: Lease, round: number): Promise<void>;
  /**
   * Ends the try: `open` again after `inMs`, or `failed`, `blind`, `skipped` for this scan (`failed` also due again at
   * `inMs`). One more in `failures`. With `begin` the position is gone: the cursor is cleared, and with `checkpoint`
   * the feed is to be opened anew.
   */
  fail(
    lease: Lease,
    outcome: 'open' | 'failed' | 'blind' | 'skipped',
    problem: PositionDocument['failure'],
    inMs?: number,
    begin?: 'cursor' | 'checkpoint',
  ): Promise<void>;
  summary(connectionId: string, lane: PositionLane, stage: StageName, scan: number): Promise<PartsSummary>;
  list(
    connectionId: string,
    query: {
      lane?: PositionLane;
      stage?: StageName;
      state?: PositionDocument['state'];
      limit: number;
      cursor?: string;
    },
  ): Promise<Paged<PositionDocument>>;
}

export type StoredRecord = AnyRecord & Stored;

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
  /** Not removed ones, by kind. */
  counts(connectionId: string): Promise<Record<RecordKind, number>>;
  /** Activities by `event.class_name`. */
  activityClasses(connectionId: string): Promise<{ classUid: number; className: string; count: number }[]>;
}

export interface Pending {
  /** Merged with what waits already; acknowledged by a majority before it returns. */
  add(connectionId: string, refs: readonly Ref[]): Promise<void>;
  take(connectionId: string, limit: number): Promise<PendingDocument[]>;
  /** Could not be told now: again later, given up (and logged by the caller) after `maxTries`. */
  defer(docs: readonly PendingDocument[], inMs: number, maxTries: number): Promise<{ givenUp: PendingDocument[] }>;
  count(connectionId: string): Promise<number>;
}

export interface NewAction {
  connectionId: string;
  app: string;
  action: ActionDocument['action'];
  target: ActionDocument['target'];
  mode: ActionDocument['mode'];
  requestedBy: string;
  reason: string;
  ticket?: string;
  idempotencyKey?: string;
  expiresInMs: number;
}

/** What a step may set. */
export type ActionChange = Partial<
  Pick<
    ActionDocument,
    | 'state'
    | 'before'
    | 'plan'
    | 'irreversible'
    | 'calls'
    | 'after'
    | 'verified'
    | 'pendingHandle'
    | 'problem'
    | 'undo'
    | 'mode'
  >
> & { note?: string; /** Refs to read again, added to `pending` in the same transaction. */ touches?: readonly Ref[] };

export interface ActionLease {
  action: ActionDocument;
  holder: string;
}

export interface Actions {
  /** The same idempotency key (per connection) answers the first one. */
  request(input: NewAction): Promise<{ action: ActionDocument; created: boolean }>;
  get(id: string): Promise<ActionDocument | null>;
  list(query: {
    connectionId?: string;
    connectionIds?: readonly string[];
    state?: string;
    action?: string;
    limit: number;
    cursor?: string;
  }): Promise<Paged<ActionDocument>>;
  /** Only before apply starts. Null: it is too late (or unknown). */
  cancel(id: string, by: string): Promise<ActionDocument | null>;
  /** `planned` → to be applied. */
  acceptPlan(id: string, by: string): Promise<ActionDocument | null>;
  /** `done` (or `undoNeedsAcceptance`, with `accept`) → `undoRequested`. */
  requestUndo(id: string, undo: { by: string; reason: string; accept: boolean }): Promise<ActionDocument | null>;
  /**
   * Work for the actions lane, oldest first: those that a step can advance now, at most one a target (the oldest
   * unfinished), none of `running`. Marks overdue ones `expired` on the way.
   */
  runnable(connectionId: string, options: { running: readonly string[]; limit: number }): Promise<ActionDocument[]>;
  /** Whether `runnable` would find any; cheap. */
  waiting(connectionId: string): Promise<boolean>;
  /** Takes the document for one step; null when another live holder has it. */
  claim(id: string, holder: string, leaseMs: number): Promise<ActionLease | null>;
  renew(lease: ActionLease, leaseMs: number): Promise<void>;
  /** Fenced like positions; appends to `history` when the state changes. `before` is written only once. */
  write(lease: ActionLease, change: ActionChange): Promise<ActionLease>;
  release(lease: ActionLease): Promise<void>;
}

/** Primitives of the governor; all times are durations, told apart from MongoDB's `$$NOW`. */
/** Calls that may be sent, each at a time of its own; all in milliseconds from when the answer came. */
export interface QuotaGrant {
  /** Calls. */
  granted: number;
  /** The first call's time, negative when it is past; the others follow every `everyMs`. */
  startsInMs: number;
  everyMs: number;
  /** A call that was not sent this long after its time must not be sent any more. */
  expiresInMs: number;
  /** The one call that tries whether the vendor answers again: handed to `observe` with what came of it. */
  probe?: string;
  /** Taken from what is kept for actions; handed to `giveBackRate`. */
  reserve?: boolean;
}
export type QuotaAnswer = QuotaGrant | { granted: 0; inMs: number; why: string };

/** What is asked of a rate or a budget. */
export interface QuotaWant {
  limit: number;
  windowMs: number;
  share: number;
  cost: number;
  urgency: 'actions' | 'watch' | 'sweep';
  /** How many calls can be used now; one unless told. */
  calls?: number;
  /** Actions: how far ahead a call may be booked; 20 s unless told. */
  withinMs?: number;
}

export interface QuotaObservation {
  limit?: number;
  remaining?: number;
  resetInMs?: number;
  throttledForMs?: number;
  ok?: boolean;
  /** Calls of this process that were not answered yet. */
  inFlight?: number;
  /** Of the grant that this is about. */
  probe?: string;
  /** Units that the call cost more (or less) than was charged. */
  costMore?: number;
}

export interface Quotas {
  /** GCRA on one document: grants at least one call and at most 250 ms of permits, or says how long to wait. */
  takeRate(bucket: string, want: QuotaWant & { learn: boolean }): Promise<QuotaAnswer>;
  /** Units: calls times their cost. */
  giveBackRate(bucket: string, units: number, grant?: { probe?: string; reserve?: boolean }): Promise<void>;
  /** As `takeRate`, spread evenly over what remains of the window. */
  takeBudget(bucket: string, want: QuotaWant): Promise<QuotaAnswer>;
  giveBackBudget(bucket: string, units: number, grant?: { probe?: string }): Promise<void>;
  takeSlot(
    bucket: string,
    want: { limit: number; holder: string; urgency: 'actions' | 'watch' | 'sweep'; leaseMs: number },
  ): Promise<{ slot: string } | { slot: null; inMs: number; why: string }>;
  renewSlots(bucket: string, slots: readonly string[], leaseMs: number): Promise<void>;
  giveBackSlot(bucket: string, slot: string): Promise<void>;
  /**
   * Corrects downward at once, upward at a reset; with `throttledForMs` stops the bucket for everybody; a throttle
   * with `limit: 0` is one of concurrency and halves the slots for a minute. `changed`: permits at hand are void.
   */
  observe(bucket: string, reading: QuotaObservation): Promise<{ changed: boolean }>;
  list(prefix?: string): Promise<Record<string, unknown>[]>;
}

export interface Scans {
  start(connectionId: string, number: number): Promise<void>;
  finish(connectionId: string, number: number, stages: ConnectionState['stages']): Promise<void>;
  list(connectionId: string, limit: number): Promise<ScanDocument[]>;
}

export interface Coverage {
  /** The intervals, merged, and the holes between the first and the last. */
  get(connectionId: string): Promise<(CoverageDocument & { holes: { from: Date; until: Date }[] })[]>;
}

export interface Subscriptions {
  put(doc: SubscriptionDocument): Promise<void>;
  get(connectionId: string): Promise<SubscriptionDocument | null>;
  remove(connectionId: string): Promise<void>;
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
