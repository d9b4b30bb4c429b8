import type { ConnectionState, StageName } from '../workflows/messages.ts';
import type {
  Authentication,
  ContentResult,
  RunnableAction,
  StepResult,
  SweepResult,
  WatchResult,
  Wishes,
} from './results.ts';

interface Of {
  connectionId: string;
}

/** What the workflows see of the activities. Every input is an id or a number: no record, no secret, no position. */
export interface Activities {
  readWishes(input: Of): Promise<Wishes>;
  /** Proves the newest credential, names the tenant, claims it. */
  authenticate(input: Of): Promise<Authentication>;
  beginScan(input: Of & { scan: number }): Promise<void>;
  finishScan(input: Of & { scan: number; stages: ConnectionState['stages'] }): Promise<void>;
  /** Reads parts of the stage for 60 s; for 5 s once they were listed, so that more readers can join. */
  sweepChunk(input: Of & { stage: StageName; scan: number }): Promise<SweepResult>;
  /** One round over the feeds and over what is pending; `pending` alone when somebody waits for it. */
  watchChunk(input: Of & { round: number; scope: 'all' | 'pending' }): Promise<WatchResult>;
  /**
   * Round after round for as long as each finds nothing new, at most for some hours. Between two it is in Temporal's
   * hands, as a retry: after `everyMs`, and half as long again each time, up to `maxMs`. `known` are the wishes that are
   * no news. Its rounds come after `afterRound` and before the next.
   */
  watchQuietly(input: Of & { afterRound: number; everyMs: number; maxMs: number; known: Wishes }): Promise<WatchResult>;
  /** Reads contents of files for 60 s, or until none is due. */
  contentChunk(input: Of): Promise<ContentResult>;
  nextActions(input: Of & { running: readonly string[]; limit: number }): Promise<RunnableAction[]>;
  prepareAction(input: Of & { actionId: string }): Promise<StepResult>;
  applyAction(input: Of & { actionId: string }): Promise<StepResult>;
  checkAction(input: Of & { actionId: string }): Promise<StepResult>;
  undoAction(input: Of & { actionId: string }): Promise<StepResult>;
  /** Removes subscriptions at the vendor, then the credential; records stay. */
  disconnect(input: Of): Promise<void>;
  /** The same, and the records too. */
  erase(input: Of): Promise<void>;
  /** `connections.state`: local, quick, idempotent. */
  writeState(input: Of & { state: ConnectionState }): Promise<void>;
  /** For `?check=true`: verifies and tells, keeps nothing. */
  checkCredential(input: Of): Promise<Authentication>;
}
