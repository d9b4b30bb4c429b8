import type { Capability, Probe } from '../connectors/connector.ts';
import type { Part } from '../connectors/pages.ts';
import type { RecordKind, StageName } from '../connectors/records.ts';
import type { ConnectionState, Counts, Problem, Trust } from '../workflows/messages.ts';
import type { SecretHistory } from './secret-history.ts';

/** AES-256-GCM under the connection's data key, which is wrapped by `CASTELLAN_KEY`. Base64 members. */
export interface Sealed {
  v: 1;
  /** Which master key wrapped the data key: the first 8 hex digits of its SHA-256. */
  keyId: string;
  wrapped: string;
  iv: string;
  data: string;
  tag: string;
}

export type Wanted = 'running' | 'paused' | 'disconnected' | 'erased' | 'check';

export interface ConnectionDocument extends SecretHistory {
  /** `con_` and 20 letters and digits. */
  _id: string;
  app: string;
  name: string;
  /** "acme.okta.com"; the tenant's own name once verified. */
  label: string;
  settings: Record<string, unknown>;
  credential: Sealed | null;
  /** 1 and up; each re-credential is one more. */
  credentialVersion: number;
  /** The public part: its form, a client id. */
  identity: Record<string, string>;
  /** Newest first; sealed in a field of their own that the API may open. */
  webhookSecrets: Sealed[];
  /** Claimed by verify; unique together with `app`. */
  tenantId?: string;
  tenantName?: string;
  principal?: { id: string; name: string };
  granted?: string[];
  probes?: Partial<Record<Capability, Probe>>;
  credentialExpiresAt?: Date;
  verifiedAt?: Date;
  /** With phase `duplicate`: the connection that has the tenant. */
  duplicateOf?: string;
  governance: 'on' | 'off';
  /** Accounts that no action may touch, besides our own. */
  protected: string[];
  /** Actions that all batches together may begin in any hour; 500 unless set. */
  batchPerHour?: number;
  /** Whether the bytes of files are read, and of how long ones at most (100 MB unless set); off unless set. */
  content?: 'on' | 'off';
  contentMaxBytes?: number;
  /** Milliseconds between scans; 12 h unless set. */
  scanEveryMs: number;
  /** Chunks at once. */
  parallel: number;
  wanted: Wanted;
  wantedAt?: Date;
  /** Scans asked for by hand; a scan starts when it is above the number in the state. */
  rescanWanted: number;
  rescanWantedAt?: Date;
  /** The operator takes what a suspect part would remove for true; holds for the next scan. */
  acceptRemovals?: boolean;
  state: ConnectionState | null;
  createdAt: Date;
  createdBy: string;
  updatedAt: Date;
  idempotencyKey?: string;
  /** What an erase has done so far, so that one which was interrupted goes on. */
  erasing?: { leasesUntil?: Date; deleted: Record<string, number> };
  /** Left by an erase: what was deleted, and when. */
  receipt?: { erasedAt: Date; deleted: Record<string, number> };
}

/** What this sweep could not read, and what lies below it: not taken for gone. */
export interface Unread {
  vendorId: string;
  why: string;
}

export type PositionLane = 'sweep' | 'watch';

/** One a part and lane. `_id` is `connectionId/lane/stage/role/part`. */
/** Of Brent's cycle detection over the cursors of a list: the cursor to compare with, and when another takes its place. */
export interface LoopMarker {
  hash: string;
  /** After so many pages the mark moves on. */
  power: number;
  /** Pages since the marked cursor. */
  count: number;
  /** How often the list was found to go round. */
  loops: number;
}

export interface PositionDocument {
  _id: string;
  connectionId: string;
  lane: PositionLane;
  /** `pending` is the watch lane's drain of `pending`. */
  stage: StageName | 'pending';
  /** `listing` pages through the stage's parts. */
  role: 'part' | 'listing';
  part: Part;
  /** The scan (sweep) or the round (watch) it last worked for. */
  scan: number;
  /**
   * `open` to be read · `complete` read to its end · `failed` given up for now, tried again at `notBefore` ·
   * `skipped` the app says this part cannot be read · `blind` a permission is missing.
   */
  state: 'open' | 'complete' | 'failed' | 'skipped' | 'blind';
  cursor?: string;
  /** Written and cleared with the cursor. */
  loopMarker?: LoopMarker;
  checkpoint?: string;
  /** Activities: the interval of this sweep. */
  from?: Date;
  until?: Date;
  /** Fencing: every write needs both, and adds one to `seq`. */
  seq: number;
  holder: string | null;
  leaseUntil: Date | null;
  /** Not claimed before. */
  notBefore: Date | null;
  /** Failed tries in a row. */
  failures: number;
  failure?: Problem & { evidence?: Record<string, unknown> };
  trust: Trust;
  counts: Counts;
  estimate?: number;
  /** Of this sweep. */
  unread?: Unread[];
  /** When the part's first page of this scan was asked for; removal looks at what was observed before. */
  startedAt: Date | null;
  /** Of a feed: when its newest round ended. */
  finishedAt: Date | null;
  /** Read to its end and being completed: after an interruption there is nothing left to read, only `complete`. */
  ended?: boolean;
  /** Counts those who waited here until a transaction that had begun was over. */
  barriers?: number;
  /** The last write, by which its writer knows it again when it never heard that it was committed. */
  write?: string;
  /** A listing that was read to its end no longer had this part. */
  absentSince?: Date;
}

/** What the store adds to a record. `_id` is `connectionId/vendorId`. */
export interface Stored {
  _id: string;
  connectionId: string;
  app: string;
  part: string;
  hash: string;
  /** When the request that showed it was sent, by MongoDB's clock: nothing older replaces anything newer. */
  observedAt: Date;
  seenScan: number;
  missingSince?: Date;
  removedAt?: Date;
}

export interface PendingDocument {
  /** `connectionId/kind/vendorId`, or `connectionId/children/vendorId` */
  _id: string;
  connectionId: string;
  kind: RecordKind;
  vendorId: string;
  part?: string;
  /** What lies in this folder is to be listed, from `cursor` on. */
  children?: true;
  fromTrash?: true;
  cursor?: string;
  since: Date;
  /** Changes whenever the ref is added again, so that a drain removes only what it has seen. */
  stamp: string;
  tries: number;
  notBefore: Date | null;
}

export interface SubscriptionDocument {
  /** `connectionId/stage/part` */
  _id: string;
  connectionId: string;
  vendorId: string;
  /** Which all of it was given, and which it was tried to give it. */
  url: string;
  triedUrl?: string;
  /** Where the making of it stands. */
  next?: string;
  /** The vendor ended it, or some of it; and how often it has: what is noted during a pass is not written over by that. */
  lapsed?: boolean;
  lapses?: number;
  /** Of the webhook secret, when the vendor was given it, and when that was last tried. */
  rotations?: number;
  triedRotations?: number;
  createdAt: Date;
  expiresAt?: Date;
  renewAt?: Date;
}

/** Closed intervals of activities that were read, per source. */
export interface CoverageDocument {
  /** `connectionId/part` */
  _id: string;
  connectionId: string;
  part: string;
  latenessMs: number;
  intervals: { from: Date; until: Date }[];
}

/** How far a stage had come when a chunk of it ended. */
export interface PaceSample {
  at: Date;
  pages: number;
  /** Records, new and known. */
  read: number;
  /** The wait that followed. */
  waitMs: number;
}

export interface ScanDocument {
  /** `connectionId/number` */
  _id: string;
  connectionId: string;
  number: number;
  startedAt: Date;
  finishedAt?: Date;
  stages: ConnectionState['stages'];
  /** Newest last; while the scan runs. */
  pace?: Partial<Record<StageName, PaceSample[]>>;
}

export const roles = ['viewer', 'operator', 'governor'] as const;
export type Role = (typeof roles)[number];

export interface ApiKeyDocument {
  /** The key's public id, `key_...`. */
  _id: string;
  name: string;
  /** SHA-256 of the secret half, hex. */
  hash: string;
  role: Role;
  /** Absent: all connections. */
  connectionIds?: string[];
  createdAt: Date;
  expiresAt?: Date;
  lastUsedAt?: Date;
  revokedAt?: Date;
}
