import type { Ref } from '../connectors/pages.ts';
import type { ActionDocument } from './action-documents.ts';
import type { Paged } from './paging.ts';

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
  hold?: ActionDocument['hold'];
  repeats?: string;
}

/** What waits in one connection for its lane to take it up. */
export interface ActionBacklog {
  connectionId: string;
  waiting: number;
  /** The one that waits longest, and since when. */
  oldest: string;
  since: Date;
  /** When an unfinished action of the connection last came on, and until when one is being worked on. */
  movedAt: Date;
  heldUntil: Date | null;
}

/** What a step may set. */
export type ActionChange = Partial<
  Pick<
    ActionDocument,
    | 'state'
    | 'before'
    | 'plan'
    | 'irreversible'
    | 'objects'
    | 'losesAccess'
    | 'calls'
    | 'spent'
    | 'hold'
    | 'reverted'
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
    batchId?: string;
    /** Whose hold noticed that the outcome did not stand. */
    reverted?: boolean;
    limit: number;
    cursor?: string;
  }): Promise<Paged<ActionDocument>>;
  /** Only before apply starts. Null: it is too late (or unknown). */
  cancel(id: string, by: string): Promise<ActionDocument | null>;
  /** `planned` → to be applied. */
  acceptPlan(id: string, by: string): Promise<ActionDocument | null>;
  /** What is `undoable` (or `undoNeedsAcceptance`, with `accept`) → `undoRequested`. */
  requestUndo(id: string, undo: { by: string; reason: string; accept: boolean }): Promise<ActionDocument | null>;
  /**
   * Work for the actions lane, oldest first: those that a step can advance now, at most one a target (the oldest
   * unfinished), none of `running`. Marks overdue ones `expired` on the way. With `held` also those that somebody else
   * has, or had when it died: a step waits for the end of the lease.
   */
  runnable(
    connectionId: string,
    options: { running: readonly string[]; limit: number; held?: boolean },
  ): Promise<ActionDocument[]>;
  /** Whether `runnable` would find any; cheap. */
  waiting(connectionId: string): Promise<boolean>;
  /** Of all connections that have actions which nobody works on and a step could advance. */
  backlog(): Promise<ActionBacklog[]>;
  /** Marks what is past its time `expired`, in every connection; how many in which. */
  expireOverdue(): Promise<{ connectionId: string; expired: number }[]>;
  /** Takes the document for one step; null when another live holder has it. */
  claim(id: string, holder: string, leaseMs: number): Promise<ActionLease | null>;
  renew(lease: ActionLease, leaseMs: number): Promise<void>;
  /** Fenced like positions; appends to `history` when the state changes. `before` is written only once. */
  write(lease: ActionLease, change: ActionChange): Promise<ActionLease>;
  release(lease: ActionLease): Promise<void>;
}
