import type { ActionDocument } from '../store/action-documents.ts';

/** What an operator sees of an action: all but who works on it now, the vendor's own handle, and how an undo left it. */
export function actionView(action: ActionDocument) {
  const { left: _, ...undo } = action.undo ?? {};
  return {
    id: action._id,
    connectionId: action.connectionId,
    app: action.app,
    action: action.action,
    target: action.target,
    mode: action.mode,
    state: action.state,
    requestedBy: action.requestedBy,
    reason: action.reason,
    ticket: action.ticket,
    plan: action.plan,
    irreversible: action.irreversible,
    objects: action.objects,
    losesAccess: action.losesAccess,
    calls: action.calls,
    spent: action.spent,
    before: action.before,
    after: action.after,
    verified: action.verified,
    undo: action.undo && undo,
    problem: action.problem,
    batchId: action.batchId,
    startedAt: action.startedAt,
    hold: action.hold,
    reverted: action.reverted,
    repeats: action.repeats,
    history: action.history,
    createdAt: action.createdAt,
    expiresAt: action.expiresAt,
    finishedAt: action.finishedAt,
  };
}
