import type { Ref } from '../connectors/connector.ts';
import type { ActionDocument } from './documents.ts';
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
