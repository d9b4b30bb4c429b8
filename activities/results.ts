import type { ConnectionState, ConnectionTiming, Counts, Eta, Problem, Trust, Wait } from '../workflows/messages.ts';

/** What the operator wants of a connection, read from the store by whoever has the document open anyway. */
export interface Wishes {
  wanted: 'running' | 'paused' | 'disconnected' | 'erased' | 'check';
  rescanWanted: number;
  credentialVersion: number;
}

/** A wait as a duration, so that no two clocks are compared. */
export type Delay = Omit<Wait, 'until'> & { ms: number };

export interface Unauthorized {
  credentialVersion: number;
  problem: Problem;
}

export type Authentication =
  | { outcome: 'verified'; credentialVersion: number; timing: ConnectionTiming }
  | { outcome: 'parked'; credentialVersion: number; problem: Problem }
  | { outcome: 'duplicate'; problem: Problem }
  | { outcome: 'wait'; delay: Delay; problem?: Problem };

export interface SweepResult {
  counts: Counts;
  parts: { total: number; done: number; failed: number; blind: number; open: number };
  estimate: number;
  trust: Trust;
  problem?: Problem;
  eta?: Eta;
  /** About the whole scan: it will not end inside its interval. */
  notice?: Problem;
  /** No part is left to read in this scan. */
  ended: boolean;
  /** The app cannot do this stage. */
  absent?: boolean;
  /** Nothing could be claimed: others hold what is open. */
  held?: boolean;
  delay?: Delay;
  /** A failed part is due again. */
  retryInMs?: number;
  /** Contents of files are due. */
  contentWaiting?: boolean;
  unauthorized?: Unauthorized;
  wishes: Wishes;
}

export interface WatchResult {
  changes: number;
  /** The round is not over. */
  more: boolean;
  delay?: Delay;
  actionsWaiting: boolean;
  contentWaiting?: boolean;
  unauthorized?: Unauthorized;
  wishes: Wishes;
}

export interface ContentResult {
  counts: NonNullable<ConnectionState['content']>;
  /** There is more to read, at once or after `delay`. */
  more: boolean;
  delay?: Delay;
  unauthorized?: Unauthorized;
  wishes: Wishes;
}

export type ActionStep = 'prepareAction' | 'applyAction' | 'checkAction' | 'undoAction';

export interface RunnableAction {
  actionId: string;
  /** "suspendUser 00u1…", for the Temporal UI. */
  title: string;
  step: ActionStep;
}

export interface StepResult {
  next?: ActionStep;
  delay?: Delay;
  unauthorized?: Unauthorized;
  /** Objects to be read again are in `pending`. */
  touched: boolean;
}
