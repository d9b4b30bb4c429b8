import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';

// Names, signals, updates, queries and their types: the one file of this folder that the API imports.

export const taskQueues = { actions: 'actions', watch: 'watch', sweep: 'sweep', content: 'content' } as const;

export const workflowIdOf = (connectionId: string): string => `connection/${connectionId}`;

export const phases = [
  'connecting',
  'scanning',
  'watching',
  'paused',
  'needsCredentials',
  'duplicate',
  'disconnecting',
  'disconnected',
  'erasing',
  'erased',
] as const;
export type Phase = (typeof phases)[number];

export const stageNames = ['users', 'permissions', 'activities', 'files'] as const;
export type StageName = (typeof stageNames)[number];
export type Lane = 'sweep' | 'watch' | 'actions' | 'content';
/** `blind`: a permission is missing, so "none" cannot be told from "cannot see". */
export type Trust = 'trusted' | 'suspect' | 'blind';

/** What is wrong, whose turn it is and what to do; sentences for an operator. */
export interface Problem {
  kind: string;
  what: string;
  who: 'tenant-admin' | 'operator' | 'vendor' | 'nobody';
  remedy?: string;
  /** ISO 8601. */
  since: string;
}

export interface Counts {
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
  /** Items the vendor gave that could not be read, each counted and logged. */
  skipped: number;
  pages: number;
}
export const noCounts: Counts = { added: 0, changed: 0, unchanged: 0, removed: 0, skipped: 0, pages: 0 };

/** A durable wait as people see it: "throttled on okta/acme/users: 1 240 of about 8 000". */
export interface Wait {
  /** For a machine: `throttled`, `unavailable`, `schedule`, `credentials`, `pause`, `store`. */
  reason: string;
  why: string;
  bucket?: string;
  /** ISO 8601; absent where an event and not a time ends it. */
  until?: string;
}

export interface StageState {
  phase: 'waiting' | 'running' | 'done' | 'partial' | 'blind' | 'absent';
  parts: { total: number; done: number; failed: number };
  counts: Counts;
  /** How many records the app says there may be. */
  estimate?: number;
  trust?: Trust;
  problem?: Problem;
  wait?: Wait;
  startedAt?: string;
  finishedAt?: string;
  /** A failed part is tried again then. */
  retryAt?: string;
  /** When this stage is expected to end, where that can be told. */
  eta?: Eta;
}

/** An end at the pace of the last chunks, and the range in which nine of ten such ends lie. ISO 8601. */
export interface Eta {
  at: string;
  earliest: string;
  latest: string;
  /** What tells how much there is to read: how often earlier scans called, what the app says, or the parts read so far. */
  basis: 'previous scan' | 'app' | 'parts';
}

/**
 * The argument of continue-as-new, the answer to the one query and what `connections.state` holds. No record, no
 * secret, no position, no list of actions. A field is read one release before it is written.
 */
export interface ConnectionState {
  version: 1;
  phase: Phase;
  /** While `paused` or `needsCredentials` the phase that comes back. */
  problem?: Problem;
  /** The newest credential version that was refused; anything newer is worth a try. */
  refusedCredentialVersion?: number;
  scan: {
    number: number;
    startedAt?: string;
    finishedAt?: string;
    stage?: StageName | 'auth';
    /** It cannot end before the next one is due. */
    notice?: Problem;
  };
  nextScanAt?: string;
  /** How many of the rescans asked for by hand (`connections.rescanWanted`) were begun. */
  rescansServed: number;
  /** As the newest authentication found them; times in milliseconds. */
  settings?: ConnectionTiming;
  stages: Partial<Record<StageName, StageState>>;
  waits: Partial<Record<Lane, Wait>>;
  /** Stands still where nothing changes: looks that find nothing are Temporal's alone. */
  watch: { round: number; openedAt?: string; lastAt?: string; changes: number; everyMs?: number };
  actions: { taken: number; running: number };
  /** Files whose bytes are to be read, are known, and could not be read; once there were any. */
  content?: { waiting: number; done: number; failed: number };
  /** How often this connection rolled over into a new run. */
  runs: number;
}

export interface ConnectionTiming {
  scanEveryMs: number;
  /** Chunks of one stage at once. */
  parallel: number;
  watchMinMs: number;
  watchMaxMs: number;
  /** How long a lane waits before it starts the next chunk when our own side (store, worker) failed one. */
  troubleMs: number;
}

export interface ConnectionInput {
  connectionId: string;
  /** "Okta · acme.okta.com" */
  title: string;
  app: string;
  state?: ConnectionState;
}

/** Signals only wake; what is to be done is in the store, so a lost or doubled one changes nothing. */
export const requestAction = defineSignal<[actionId: string]>('requestAction');
export const changed = defineSignal('changed');
export const credentialsChanged = defineSignal('credentialsChanged');

/** Refused by their validators with the reason; the wish itself stands in `connections.wanted`. */
export const pause = defineUpdate<ConnectionState>('pause');
export const resume = defineUpdate<ConnectionState>('resume');
export const rescan = defineUpdate<ConnectionState>('rescan');
export const disconnect = defineUpdate<ConnectionState>('disconnect');

export const getState = defineQuery<ConnectionState>('state');

export const searchAttributes = {
  app: defineSearchAttributeKey('App', 'KEYWORD'),
  phase: defineSearchAttributeKey('ConnectionPhase', 'KEYWORD'),
  waitingFor: defineSearchAttributeKey('WaitingFor', 'KEYWORD'),
  waitingUntil: defineSearchAttributeKey('WaitingUntil', 'DATETIME'),
};

/** Verifies a credential without keeping a connection; the result is in the connection's document. */
export interface CheckInput {
  connectionId: string;
}
