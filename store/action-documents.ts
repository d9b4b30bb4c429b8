import type { ActionName, ActionTarget } from '../connectors/actions.ts';
import type { LostAccess } from '../connectors/connector.ts';
import type { Ref } from '../connectors/pages.ts';
import type { Problem } from '../workflows/messages.ts';

export const actionStates = [
  'requested',
  'planned',
  'prepared',
  'applying',
  'pending',
  'done',
  'failed',
  'refused',
  'cancelled',
  'expired',
  'undoRequested',
  'undoing',
  'undoNeedsAcceptance',
  'undone',
  'undoFailed',
] as const;
export type ActionStateName = (typeof actionStates)[number];

export interface ActionDocument {
  /** `act_` and 20 letters and digits. */
  _id: string;
  connectionId: string;
  app: string;
  action: ActionName;
  target: ActionTarget;
  /** Same text, same target: such actions run strictly in order. */
  targetKey: string;
  /** `plan` stops once prepared; accepting the plan makes it `apply`. */
  mode: 'plan' | 'apply';
  state: ActionStateName;
  requestedBy: string;
  reason: string;
  ticket?: string;
  idempotencyKey?: string;
  createdAt: Date;
  expiresAt: Date;
  /** Stored once and for ever by prepare. */
  before?: Record<string, unknown>;
  plan?: string[];
  irreversible?: string[];
  /** What it acts upon, by the name that the records have for it. */
  objects?: (Ref & { name?: string })[];
  losesAccess?: LostAccess[];
  /** What applying it may take, as the connector reckons. */
  calls?: number;
  /** What it has taken of each quota so far, its plan included. */
  spent?: { bucket: string; calls: number }[];
  after?: Record<string, unknown>;
  /** The read-back shows the wished state. */
  verified?: boolean;
  /** The vendor's handle of work that goes on there. */
  pendingHandle?: string;
  undo?: {
    requestedBy: string;
    reason: string;
    requestedAt: Date;
    accepted: boolean;
    plan?: string[];
    /** The object is again as it was before the action; false with the state `undone`: in part. */
    verified?: boolean;
    /** What is not as it was, and why as far as the app told. */
    notRestored?: string[];
    /** How an undo that came back in part left the object: what differs from it somebody else changed. */
    left?: Record<string, unknown>;
  };
  problem?: Problem;
  /** Of a batch, and which of it. */
  batchId?: string;
  batchIndex?: number;
  /** When it took its place in the batch's budget. */
  startedAt?: Date;
  hold?: Hold;
  /** What the hold noticed, newest last. */
  reverted?: Reversion[];
  /** The action whose outcome somebody reverted and which this one does again. */
  repeats?: string;
  /** Newest last. */
  history: { at: Date; state: ActionStateName; note?: string }[];
  seq: number;
  holder: string | null;
  leaseUntil: Date | null;
  finishedAt?: Date;
}

/** For how long the outcome of an action is watched over, and what is done when it does not stand. */
export interface Hold {
  onRevert: 'report' | 'again';
  /** From when the action is done, or a fixed end. */
  forMs?: number;
  /** Set once the action is done. */
  until?: Date;
  /** The outcome is looked at then; at once when a change of the object was heard of. */
  checkAt?: Date;
  /** As it was last seen. */
  stands?: boolean;
  /** How often it was, and may be, done again. */
  repeated: number;
  mostRepeats: number;
  endedAt?: Date;
  /** Why, when not by its time: a newer action on the same target, the object is gone. */
  endedBy?: string;
}

export interface Reversion {
  at: Date;
  what: string;
  /** Who did it, from the app's audit trail, as soon as that tells. */
  by?: { id?: string; name?: string; activity: string };
  /** The action that does it again. */
  repeatedBy?: string;
}

/** One request for many targets; each is an action of its own with this `batchId`. */
export interface BatchDocument {
  /** `bat_` and 20 letters and digits. */
  _id: string;
  connectionId: string;
  app: string;
  action: ActionName;
  mode: 'plan' | 'apply';
  requestedBy: string;
  reason: string;
  ticket?: string;
  idempotencyKey?: string;
  /** A digest of what was asked, to know the same request again. */
  asked: string;
  /** As it was asked, where the targets were found by one. */
  filter?: Record<string, unknown>;
  total: number;
  /** How many of it may begin to be applied in any hour. */
  perHour: number;
  createdAt: Date;
  cancelledAt?: Date;
  cancelledBy?: string;
}
