import type { AnyRecord, AppPermissionRecord, RecordKind, StageName } from '../connectors/records.ts';
import type { Gone, Kept, Part, Ref, Touched } from '../connectors/pages.ts';
import type { Counts, Trust } from '../workflows/messages.ts';
import type { LoopMarker, PendingDocument, PositionDocument, PositionLane, Unread } from './documents.ts';
import type { Paged } from './paging.ts';

/** The right to work on one position. A new one after every write. */
export interface Lease {
  position: PositionDocument;
  holder: string;
}

export interface Settled extends Pick<PendingDocument, '_id' | 'stamp'> {
  /** Of a folder that is being listed: where the rest begins. */
  next?: string;
}

/** What one transaction writes: everything of a few pages, and the position after the last of them. */
export interface Group {
  /** Each page with the time its request was sent, by MongoDB's clock. */
  pages: readonly {
    records: readonly AnyRecord[];
    kept?: readonly Kept[];
    observed?: readonly AppPermissionRecord[];
    removed: readonly Gone[];
    observedAt: Date;
    /** Where its records are swept, when that is sure and not told by the position. */
    part?: string;
  }[];
  touched: readonly Touched[];
  skipped: number;
  /** Of what was skipped that which has a name. */
  unread?: readonly Unread[];
  /** Both replace what the position has; `null` clears. */
  cursor?: string | null;
  checkpoint?: string;
  /** Goes with a new cursor. */
  loopMarker?: LoopMarker;
  estimate?: number;
  /** Activities: this interval is read now. */
  covered?: { from: Date; until: Date; latenessMs: number };
  /** Pending docs that this group settles, removed where the stamp is still the same. */
  settled?: readonly Settled[];
  /** Refs that the app says are gone, as of `observedAt`. */
  absent?: { refs: readonly Ref[]; observedAt: Date };
  /** A feed is at its end: it has done this round, and the lease is given up with the write. */
  round?: number;
}

export type Claim =
  | { lease: Lease }
  /** Nothing to claim now. `open` parts are held by others or wait; the earliest of those may be tried in `inMs`. */
  | { lease: null; open: number; inMs?: number; waiting?: PositionDocument };

/** What the parts read so far tell of those that are left. */
export interface PartSizes {
  /** Parts are still being found. */
  listing: boolean;
  /** Open parts of which the app has not said how large they are. */
  unestimated: number;
  /** Pages of the open parts so far. */
  openPages: number;
  /** Pages of a complete part. */
  complete: number;
  mean: number;
  deviation: number;
}

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
  sizes: PartSizes;
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
  addParts(
    lease: Lease,
    parts: readonly Part[],
    cursor: string | null,
    options: { feeds: boolean; loopMarker?: LoopMarker },
  ): Promise<Lease>;
  /** The next open part of the stage (listing first), not held and due. */
  claim(
    connectionId: string,
    lane: 'sweep',
    stage: StageName | 'pending',
    scan: number,
    holder: string,
    leaseMs: number,
  ): Promise<Claim>;
  /** Makes sure that a watch position is there, unopened (no checkpoint). */
  ensureFeed(connectionId: string, stage: StageName | 'pending', part: Part, role?: 'part' | 'listing'): Promise<void>;
  /** The feed of a part, or null. */
  feed(connectionId: string, stage: StageName, partId: string): Promise<PositionDocument | null>;
  /**
   * A feed of the app that has not yet worked for `round` (its `scan` is smaller), not held and due; or one given part's
   * feed, which may be `pending`. Of the former it is not told how many others are open.
   */
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
   * the next complete sweep misses them too. Above `suspectShare` (of more than 20 records) of the part, or of all
   * parts that this scan has judged so far, nothing is marked and the part is `suspect`. Activities are never removed.
   */
  complete(
    lease: Lease,
    options: {
      kinds: readonly RecordKind[];
      suspectShare: number;
      lookup?: (refs: readonly Ref[]) => Promise<Group['pages']>;
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
  /** When a round of looks for changes last ended at one of its feeds; null before the first. */
  lookedAt(connectionId: string): Promise<Date | null>;
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
