import { isDeepStrictEqual } from 'node:util';
import type { Request, Router } from 'express';
import { z } from 'zod';
import { actionNames, actionTargets, type ActionTarget } from '../../connectors/actions.ts';
import { actionStates, type ActionDocument, type Hold } from '../../store/action-documents.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import { protectedAmong } from '../../store/protected-principals.ts';
import { actionView } from '../action-view.ts';
import { address } from '../address.ts';
import { demandRole, keyOf, mayKnow } from '../auth.ts';
import { connectionOf } from '../connection-of.ts';
import type { Deps } from '../deps.ts';
import { demandGovernable } from '../governable.ts';
import { holdBody, holdOf } from '../hold-input.ts';
import { flag, idempotencyKeyOf, paging, parseBody, parseQuery } from '../input.ts';
import { HttpProblem, notFound } from '../problems.ts';

const lifeMs = 24 * 3_600_000;
const reason = z.string().trim().min(1).max(1_000);
const requestBody = z.strictObject({
  action: z.enum(actionNames),
  target: z.unknown().refine((target) => target !== undefined, 'is needed'),
  reason,
  ticket: z.string().trim().min(1).max(200).optional(),
  mode: z.enum(['plan', 'apply']),
  hold: holdBody.optional(),
});
const undoBody = z.strictObject({ reason, accept: z.boolean().default(false) });
const nothing = z.strictObject({}).optional();
const listQuery = z.object({
  ...paging,
  state: z.enum(actionStates).optional(),
  action: z.enum(actionNames).optional(),
  batchId: z.string().min(1).max(60).optional(),
  reverted: flag.optional(),
});
const none = z.object({});

export function actionRoutes(router: Router, deps: Deps): void {
  const { store, signals } = deps;

  async function demandUnprotected(connection: ConnectionDocument, target: ActionTarget) {
    if (!('accountId' in target)) return;
    const names = new Set([target.accountId]);
    const account = await store.records.get(connection._id, 'accounts', target.accountId);
    if (account?.kind === 'accounts') for (const name of [account.login, account.email]) if (name) names.add(name);
    const listed = [...connection.protected, ...(connection.principal ? [connection.principal.id] : [])];
    if (protectedAmong(listed, [...names]) !== undefined)
      throw new HttpProblem('protected-principal', `${target.accountId} is protected from actions`);
  }

  async function actionOf(request: Request): Promise<ActionDocument> {
    const id = String(request.params['id']);
    const action = /^act_[A-Za-z0-9]{1,40}$/.test(id) ? await store.actions.get(id) : null;
    if (!action || !mayKnow(request, action.connectionId)) throw notFound('this action');
    return action;
  }

  async function connectionFor(action: ActionDocument): Promise<ConnectionDocument> {
    const connection = await store.connections.get(action.connectionId);
    if (!connection) throw new HttpProblem('connection-ended', 'the connection of this action is gone');
    return connection;
  }

  const tooLate = (action: ActionDocument, what: string, remedy: string) =>
    new HttpProblem('wrong-state', `the action is ${action.state}: it cannot be ${what}`, {
      remedy,
      more: { state: action.state },
    });

  address(router, '/connections/:id/actions', {
    get: [
      'viewer',
      async (request, response) => {
        const query = parseQuery(listQuery, request);
        const connection = await connectionOf(deps, request);
        const { items, next } = await store.actions.list({ connectionId: connection._id, ...query });
        response.json({ items: items.map(actionView), next });
      },
    ],
    post: [
      'operator',
      async (request, response) => {
        parseQuery(none, request);
        const body = parseBody(requestBody, request.body);
        if (body.mode === 'apply') demandRole(request, 'governor', 'applying an action');
        const target = parseBody(actionTargets[body.action], body.target, ['target']);
        const connection = await connectionOf(deps, request);
        const { action: known } = demandGovernable(deps, connection, body.action);
        const hold = holdOf(body.hold, known, store.now());
        await demandUnprotected(connection, target);
        const idempotencyKey = idempotencyKeyOf(request);
        const { action, created } = await store.actions.request({
          connectionId: connection._id,
          app: connection.app,
          action: body.action,
          target,
          mode: body.mode,
          requestedBy: keyOf(request).name,
          reason: body.reason,
          expiresInMs: lifeMs,
          ...(hold && { hold }),
          ...(body.ticket === undefined ? {} : { ticket: body.ticket }),
          ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        });
        const heldFor = (given: Hold | undefined) => given && [given.onRevert, given.forMs, given.mostRepeats];
        const asked = [body.action, target, body.reason, body.ticket, heldFor(hold)];
        const had = [action.action, action.target, action.reason, action.ticket, heldFor(action.hold)];
        // A plan that was accepted since is of mode apply; the other way round nobody may believe that it is applied.
        const weaker = action.mode === 'plan' && body.mode === 'apply';
        if (!created && (weaker || !isDeepStrictEqual(had, asked)))
          throw new HttpProblem('idempotency-mismatch', 'this Idempotency-Key requested another action', {
            more: { actionId: action._id },
          });
        signals.requestAction(connection._id, action._id);
        response
          .status(created ? 202 : 200)
          .location(`/v1/actions/${action._id}`)
          .json(actionView(action));
      },
    ],
  });

  address(router, '/actions', {
    get: [
      'viewer',
      async (request, response) => {
        const query = parseQuery(listQuery, request);
        const connectionIds = keyOf(request).connectionIds;
        const { items, next } = await store.actions.list({ ...query, ...(connectionIds ? { connectionIds } : {}) });
        response.json({ items: items.map(actionView), next });
      },
    ],
  });

  address(router, '/actions/:id', {
    get: [
      'viewer',
      async (request, response) => {
        parseQuery(none, request);
        response.json(actionView(await actionOf(request)));
      },
    ],
  });

  address(router, '/actions/:id/cancel', {
    post: [
      'operator',
      async (request, response) => {
        parseBody(nothing, request.body);
        const action = await actionOf(request);
        const cancelled = await store.actions.cancel(action._id, keyOf(request).name);
        if (!cancelled)
          throw tooLate(action, 'cancelled', 'an action can be cancelled until its apply begins; undo it');
        response.json(actionView(cancelled));
      },
    ],
  });

  address(router, '/actions/:id/apply', {
    post: [
      'governor',
      async (request, response) => {
        parseBody(nothing, request.body);
        const action = await actionOf(request);
        const connection = await connectionFor(action);
        demandGovernable(deps, connection, action.action);
        await demandUnprotected(connection, action.target);
        const accepted = await store.actions.acceptPlan(action._id, keyOf(request).name);
        if (!accepted) throw tooLate(action, 'applied', 'only an action in the state planned has a plan to accept');
        signals.requestAction(connection._id, action._id);
        response.status(202).json(actionView(accepted));
      },
    ],
  });

  address(router, '/actions/:id/undo', {
    post: [
      'governor',
      async (request, response) => {
        const body = parseBody(undoBody, request.body);
        const action = await actionOf(request);
        const connection = await connectionFor(action);
        const { connector, action: known } = demandGovernable(deps, connection, action.action);
        if (!known.undo)
          throw new HttpProblem('not-supported', `${action.action} cannot be undone in ${connector.title}`);
        const undo = await store.actions.requestUndo(action._id, { by: keyOf(request).name, ...body });
        if (!undo)
          throw tooLate(
            action,
            'undone',
            action.state === 'undoNeedsAcceptance'
              ? 'read its undo plan and send {"accept": true}'
              : 'only an action that is done, or whose undo failed or came back in part, can be undone',
          );
        signals.requestAction(connection._id, action._id);
        response.status(202).json(actionView(undo));
      },
    ],
  });
}
