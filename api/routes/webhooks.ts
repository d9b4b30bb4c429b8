import express, { type Application, type Request, type Response } from 'express';
import type { PushAnswer, PushRequest } from '../../connectors/push-request.ts';
import type { Connector } from '../../connectors/connector.ts';
import { Failure } from '../../connectors/kit/failures.ts';
import type { Deps } from '../deps.ts';
import { phaseOf } from '../connection-of.ts';
import { HttpProblem, notFound } from '../problems.ts';

const bodyLimit = '1mb';
const unknown = () => notFound('this address');

/**
 * What apps send. The sender has no API key: its connector tells from the address whose it is and from the raw body
 * whether it is the app's. Answered 2xx only once what it names is in `pending` by majority; what was taken before is
 * answered so and leads to nothing.
 */
export function webhookRoutes(app: Application, deps: Deps): void {
  app.use('/webhooks', express.raw({ type: () => true, limit: bodyLimit }));
  app.all('/webhooks/:app{/*path}', async (request: Request, response: Response) => {
    const connector = deps.connectors.find(({ id }) => id === request.params['app']);
    if (!connector?.push) throw unknown();
    const pushed = pushRequestOf(request);
    const routed = guarded(() => connector.push!.route(pushed));
    if ('answer' in routed) {
      send(response, routed.answer);
      return;
    }
    send(response, await receive(deps, connector, routed.connectionIds, pushed));
  });
}

async function receive(
  deps: Deps,
  connector: Connector,
  connectionIds: readonly string[],
  pushed: PushRequest,
): Promise<PushAnswer> {
  const { store, signals, logger } = deps;
  let known = false;
  let answer: PushAnswer | undefined;
  for (const id of new Set(connectionIds.slice(0, 20))) {
    const connection = /^con_[A-Za-z0-9]{1,40}$/.test(id) ? await store.connections.get(id) : null;
    if (!connection || connection.app !== connector.id) continue;
    if (!['running', 'paused'].includes(connection.wanted) || phaseOf(connection) === 'duplicate') continue;
    known = true;
    let received;
    try {
      received = connector.push!.receive(pushed, store.connections.openWebhookSecrets(connection));
    } catch (error) {
      if (!Failure.is(error, 'unauthorized')) throw asProblem(error);
      logger.warn({ connectionId: id, app: connector.id, why: error.message }, 'webhook refused');
      continue;
    }
    answer ??= received.answer ?? { status: 204 };
    if (received.id !== undefined && (await store.deliveries.taken(id, received.id))) continue;
    if (received.touched.length > 0) await store.pending.add(id, received.touched);
    if (received.lapsed) await store.subscriptions.lapse(id);
    if (received.id !== undefined) await store.deliveries.note(id, received.id);
    if (received.touched.length > 0 || received.parts.length > 0 || received.lapsed) signals.changed(id);
  }
  if (!known) throw unknown();
  if (!answer) throw new HttpProblem('forged', 'the message does not carry the proof that this app sent it');
  return answer;
}

function pushRequestOf(request: Request): PushRequest {
  const path = request.params['path'] as unknown as string[] | undefined;
  const flat = (values: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => {
        const first: unknown = Array.isArray(value) ? value[0] : value;
        return typeof first === 'string' ? [[name, first] as const] : [];
      }),
    );
  return {
    method: request.method,
    path: path ?? [],
    headers: flat(request.headers),
    query: flat(request.query),
    body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
  };
}

function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asProblem(error);
  }
}

function asProblem(error: unknown): unknown {
  if (Failure.is(error, 'unauthorized', 'forbidden')) return new HttpProblem('forged', 'the sender is not proved');
  if (Failure.is(error, 'notFound')) return unknown();
  if (Failure.is(error)) return new HttpProblem('invalid-input', 'the message is not one that this app sends');
  return error;
}

function send(response: Response, { status, contentType, body }: PushAnswer): void {
  response.status(status);
  if (body === undefined) response.end();
  else response.type(contentType ?? 'text/plain').send(body);
}
