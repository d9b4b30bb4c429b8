import type { ActionStateName } from './action-documents.ts';

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
