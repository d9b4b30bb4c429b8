import type { Filter } from 'mongodb';
import type { ActionDocument, ActionStateName } from './action-documents.ts';

/** The operator may still call it off: nothing was written in the app. */
export const cancellable: readonly ActionStateName[] = ['requested', 'planned', 'prepared'];

/** A step can advance it. `planned` and `undoNeedsAcceptance` wait for people. */
export const advanceable: readonly ActionStateName[] = [
  'requested',
  'prepared',
  'applying',
  'pending',
  'undoRequested',
  'undoing',
];

/** Writing in the app has begun, so it comes before whatever else is asked for the same target. */
export const underway: readonly ActionStateName[] = ['applying', 'pending', 'undoing'];

export const finished: readonly ActionStateName[] = [
  'done',
  'failed',
  'refused',
  'cancelled',
  'expired',
  'undone',
  'undoFailed',
];

/** An undo may be asked for: also once more, where it failed or gave back only a part. */
export const undoable: Filter<ActionDocument> = {
  $or: [{ state: { $in: ['done', 'undoFailed'] } }, { state: 'undone', 'undo.verified': false }],
};

/** Who asks for an undo, as an update: what an earlier one gave back, and left, stays until this one tells. */
export const undoAskedFor = (undo: { by: string; reason: string; accept: boolean }, at: Date) => ({
  set: {
    'undo.requestedBy': undo.by,
    'undo.reason': undo.reason,
    'undo.requestedAt': at,
    'undo.accepted': undo.accept,
  },
  unset: { finishedAt: true, problem: true, 'undo.plan': true } as const,
});

/** These say that the app was, or may have been, changed, which must not happen without a stored `before`. */
export const needsBefore: readonly ActionStateName[] = ['applying', 'pending', 'done', 'undoing', 'undone'];

/** What a step may make of a state; staying is always allowed. People's moves are in `actions.ts`. */
const steps: Readonly<Record<ActionStateName, readonly ActionStateName[]>> = {
  requested: ['planned', 'prepared', 'done', 'failed', 'refused', 'cancelled', 'expired'],
  planned: [],
  prepared: ['applying', 'pending', 'done', 'failed', 'refused', 'cancelled', 'expired'],
  applying: ['pending', 'done', 'failed', 'refused'],
  pending: ['applying', 'done', 'failed', 'refused'],
  done: [],
  failed: [],
  refused: [],
  cancelled: [],
  expired: [],
  undoRequested: ['undoing', 'undoNeedsAcceptance', 'undone', 'undoFailed'],
  undoing: ['undoRequested', 'undoNeedsAcceptance', 'undone', 'undoFailed'],
  undoNeedsAcceptance: [],
  undone: [],
  undoFailed: [],
};

export const mayStep = (from: ActionStateName, to: ActionStateName): boolean => from === to || steps[from].includes(to);
