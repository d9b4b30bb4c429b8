import type { Request, Router } from 'express';
import { z } from 'zod';
import { actionNames } from '../../connectors/actions.ts';
import type { BatchProgress } from '../../store/batches-interface.ts';
import type { BatchDocument } from '../../store/action-documents.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import { address } from '../address.ts';
import { demandRole, keyOf, mayKnow } from '../auth.ts';
import { batchTargets, digestOf, targetsBody } from '../batch-targets.ts';
import { connectionOf } from '../connection-of.ts';
import type { Deps } from '../deps.ts';
import { demandGovernable } from '../governable.ts';
import { holdBody, holdOf } from '../hold-input.ts';
import { idempotencyKeyOf, paging, parseBody, parseQuery } from '../input.ts';
import { HttpProblem, invalidField, notFound } from '../problems.ts';

const lifeMs = 24 * 3_600_000;
const perHourUnlessSet = 500;
const reason = z.string().trim().min(1).max(1_000);
const perHour = z.int().min(1).max(10_000);
const requestBody = z.strictObject({
  action: z.enum(actionNames),
  ...targetsBody,
  reason,
  ticket: z.string().trim().min(1).max(200).optional(),
  mode: z.enum(['plan', 'apply']),
  perHour: perHour.optional(),
  hold: holdBody.optional(),
});
const changeBody = z.strictObject({ perHour });
const undoBody = z.strictObject({ reason, accept: z.boolean().default(false) });
const nothing = z.strictObject({}).optional();
const listQuery = z.object(paging);
const none = z.object({});

/** One request for many targets, each an action of its own; how many begin in an hour is bounded. */
export function batchRoutes(router: Router, deps: Deps): void {
  const { store, signals } = deps;

  async function batchOf(request: Request): Promise<BatchDocument> {
    const id = String(request.params['id']);
    const batch = /^bat_[A-Za-z0-9]{1,40}$/.test(id) ? await store.batches.get(id) : null;
    if (!batch || !mayKnow(request, batch.connectionId)) throw notFound('this batch');
    return batch;
  }

  async function governable(batch: BatchDocument) {
    const connection = await store.connections.get(batch.connectionId);
    if (!connection) throw new HttpProblem('connection-ended', 'the connection of this batch is gone');
    return demandGovernable(deps, connection, batch.action);
  }

  function budgetOf(connection: ConnectionDocument, wanted: number | undefined): number {
    const ceiling = connection.batchPerHour ?? perHourUnlessSet;
    if (wanted !== undefined && wanted > ceiling)
      throw invalidField(
        '/perHour',
        `is above the ${ceiling} an hour that all batches of this connection have together`,
        'ask for less, or raise it: PATCH /v1/connections/{id} {"batchPerHour": …} with a governor key',
      );
    return wanted ?? ceiling;
  }

  const shown = async (batch: BatchDocument) => {
    const progress = await store.batches.progress(batch);
    return { ...batchView(batch), ...progressView(progress) };
  };
  const wake = (batch: BatchDocument) => signals.requestAction(batch.connectionId, batch._id);

  address(router, '/connections/:id/batches', {
    get: [
      'viewer',
      async (request, response) => {
        const query = parseQuery(listQuery, request);
        const connection = await connectionOf(deps, request);
        const { items, next } = await store.batches.list({ connectionId: connection._id, ...query });
        response.json({ items: await Promise.all(items.map(shown)), next });
      },
    ],
    post: [
      'operator',
      async (request, response) => {
        parseQuery(none, request);
        const body = parseBody(requestBody, request.body);
        if (body.mode === 'apply') demandRole(request, 'governor', 'applying a batch');
        const connection = await connectionOf(deps, request);
        const { action } = demandGovernable(deps, connection, body.action);
        const hold = holdOf(body.hold, action, store.now());
        const idempotencyKey = idempotencyKeyOf(request);
        const { batch, created } = await store.batches.request({
          connectionId: connection._id,
          app: connection.app,
          action: body.action,
          mode: body.mode,
          targets: await batchTargets(store, connection._id, body),
          requestedBy: keyOf(request).name,
          reason: body.reason,
          asked: digestOf(body),
          perHour: budgetOf(connection, body.perHour),
          lifeMs,
          ...(body.filter && { filter: body.filter }),
          ...(hold && { hold }),
          ...(body.ticket !== undefined && { ticket: body.ticket }),
          ...(idempotencyKey !== undefined && { idempotencyKey }),
        });
        if (!created && batch.asked !== digestOf(body))
          throw new HttpProblem('idempotency-mismatch', 'this Idempotency-Key requested another batch', {
            more: { batchId: batch._id },
          });
        wake(batch);
        response
          .status(created ? 202 : 200)
          .location(`/v1/batches/${batch._id}`)
          .json(await shown(batch));
      },
    ],
  });

  address(router, '/batches/:id', {
    get: [
      'viewer',
      async (request, response) => {
        parseQuery(none, request);
        response.json(await shown(await batchOf(request)));
      },
    ],
    patch: [
      'governor',
      async (request, response) => {
        const body = parseBody(changeBody, request.body);
        const batch = await batchOf(request);
        const connection = await store.connections.get(batch.connectionId);
        if (!connection) throw new HttpProblem('connection-ended', 'the connection of this batch is gone');
        const changed = await store.batches.setBudget(batch._id, budgetOf(connection, body.perHour));
        wake(batch);
        response.json(await shown(changed ?? batch));
      },
    ],
  });

  const answer = async (batch: BatchDocument, moved: number) => ({
    moved,
    ...(await shown((await store.batches.get(batch._id)) ?? batch)),
  });

  address(router, '/batches/:id/cancel', {
    post: [
      'operator',
      async (request, response) => {
        parseBody(nothing, request.body);
        const batch = await batchOf(request);
        const cancelled = await store.batches.cancel(batch._id, keyOf(request).name);
        response.json(await answer(batch, cancelled));
      },
    ],
  });

  address(router, '/batches/:id/apply', {
    post: [
      'governor',
      async (request, response) => {
        parseBody(nothing, request.body);
        const batch = await batchOf(request);
        await governable(batch);
        const accepted = await store.batches.acceptPlans(batch._id, keyOf(request).name);
        if (accepted === 0)
          throw new HttpProblem('wrong-state', 'no action of this batch has a plan that waits to be accepted');
        wake(batch);
        response.status(202).json(await answer(batch, accepted));
      },
    ],
  });

  address(router, '/batches/:id/undo', {
    post: [
      'governor',
      async (request, response) => {
        const body = parseBody(undoBody, request.body);
        const batch = await batchOf(request);
        const { connector, action } = await governable(batch);
        if (!action.undo)
          throw new HttpProblem('not-supported', `${batch.action} cannot be undone in ${connector.title}`);
        const asked = await store.batches.requestUndo(batch._id, { by: keyOf(request).name, ...body });
        if (asked === 0)
          throw new HttpProblem('wrong-state', 'no action of this batch is done, or was undone in part', {
            remedy: 'cancel what has not begun; send {"accept": true} where an undo waits for its plan to be accepted',
          });
        wake(batch);
        response.status(202).json(await answer(batch, asked));
      },
    ],
  });
}

const batchView = ({ _id, idempotencyKey: _key, asked: _asked, ...batch }: BatchDocument) => ({ id: _id, ...batch });

function progressView({ counts, waiting, startedLastHour, budgetFreeAt, budgetOf, etaAt }: BatchProgress) {
  const held = budgetFreeAt && waiting > 0;
  const whose = budgetOf === 'connection' ? 'the budget of all batches of the connection' : 'the budget of the batch';
  return {
    counts,
    waiting,
    startedLastHour,
    etaAt,
    ...(held && { waitsUntil: budgetFreeAt, waits: `waiting for ${whose} until ${budgetFreeAt.toISOString()}` }),
  };
}
