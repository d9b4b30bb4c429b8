import type { ActionStateName, BatchDocument } from './action-documents.ts';
import type { NewAction } from './actions-interface.ts';
import type { Paged } from './paging.ts';

export interface NewBatch extends Pick<
  NewAction,
  'connectionId' | 'app' | 'action' | 'mode' | 'requestedBy' | 'reason' | 'ticket' | 'idempotencyKey' | 'hold'
> {
  /** At most 10,000; the same target twice is one. */
  targets: readonly NewAction['target'][];
  filter?: Record<string, unknown>;
  /** A digest of what was asked. */
  asked: string;
  perHour: number;
  /** For how long an action may wait beyond its turn by the budget. */
  lifeMs: number;
}

export interface BatchProgress {
  counts: Partial<Record<ActionStateName, number>>;
  /** To be applied and not begun. */
  waiting: number;
  startedLastHour: number;
  /** When the next one may begin, where the budget is what it waits for. */
  budgetFreeAt?: Date;
  /** Whose budget that is: the batch's own, or that of all batches of the connection. */
  budgetOf?: BudgetOf;
  /** When the last one may begin, by the budget alone. */
  etaAt?: Date;
}

export type BudgetOf = 'batch' | 'connection';

/** `target`: something else is under way there, which goes first. */
export type Place = { started: true } | { started: false; inMs: number; freeAt: Date; of: BudgetOf | 'target' };

/** How many may begin now; where none, when the next may. */
export interface Room {
  now: number;
  freeAt?: Date;
  of?: BudgetOf;
}

export interface Batches {
  /**
   * The batch and all its actions, or nothing, in one transaction. The same idempotency key (per connection) answers the
   * first one.
   */
  request(input: NewBatch): Promise<{ batch: BatchDocument; created: boolean }>;
  get(id: string): Promise<BatchDocument | null>;
  list(query: { connectionId: string; limit: number; cursor?: string }): Promise<Paged<BatchDocument>>;
  progress(batch: BatchDocument): Promise<BatchProgress>;
  /** Those that wait get time according to the new budget. */
  setBudget(id: string, perHour: number): Promise<BatchDocument | null>;
  /** What has not begun; how many. */
  cancel(id: string, by: string): Promise<number>;
  /** Every plan of it is to be applied; how many. */
  acceptPlans(id: string, by: string): Promise<number>;
  /** Of all that were done; with `accept` also of what changed since. How many. */
  requestUndo(id: string, undo: { by: string; reason: string; accept: boolean }): Promise<number>;
  /** A place in the budget for one action, taken once and for ever; else how long until there may be one. */
  start(actionId: string): Promise<Place>;
}
