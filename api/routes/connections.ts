import { isDeepStrictEqual } from 'node:util';
import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import type { ConnectionDocument } from '../../store/documents.ts';
import { recordKinds } from '../../connectors/records.ts';
import { phases } from '../../workflows/messages.ts';
import { address } from '../address.ts';
import { demandRole, keyOf, mayKnow } from '../auth.ts';
import { checkConnection } from '../check-connection.ts';
import { connectionBody, contentOf, credentialBody, parseForConnector } from '../connection-input.ts';
import { connectionOf, connectorFor, demandAlive } from '../connection-of.ts';
import { connectionLine, connectionView, withProgress } from '../connection-view.ts';
import type { Deps } from '../deps.ts';
import { flag, idempotencyKeyOf, paging, parseBody, parseQuery } from '../input.ts';
import { invalidField, HttpProblem } from '../problems.ts';
import { replaceCredential } from '../replace-credential.ts';
import { rotateWebhookSecret } from '../rotate-webhook-secret.ts';
import { isObeyed, obey } from '../wish.ts';

const listQuery = z.object({ ...paging, app: z.string().min(1).max(40).optional(), phase: z.enum(phases).optional() });
const readQuery = z.object({ counts: flag.default(false) });
const createQuery = z.object({ check: flag.default(false) });
const deleteQuery = z.object({ erase: flag.default(false) });
const nothing = z.strictObject({}).optional();
const rescanBody = z.strictObject({ acceptRemovals: z.boolean().optional() }).optional();

const changeBody = connectionBody
  .pick({
    name: true,
    governance: true,
    protected: true,
    scanEveryMinutes: true,
    parallel: true,
    batchPerHour: true,
    content: true,
    contentMaxMegabytes: true,
  })
  .partial();

export function connectionRoutes(router: Router, deps: Deps): void {
  const { store } = deps;
  const view = (request: Request, connection: ConnectionDocument) =>
    connectionView(connection, (id) => mayKnow(request, id));
  const again = async (connection: ConnectionDocument) => (await store.connections.get(connection._id)) ?? connection;

  async function create(request: Request, response: Response) {
    const { check } = parseQuery(createQuery, request);
    const body = parseBody(connectionBody, request.body);
    if (body.batchPerHour) demandRole(request, 'governor', 'setting the budget of batches');
    if (body.governance === 'on') demandRole(request, 'governor', 'switching governance on');
    if (keyOf(request).connectionIds)
      throw new HttpProblem('role-missing', 'a key that is limited to some connections cannot make others');
    const connector = deps.connectors.find(({ id }) => id === body.app);
    if (!connector) {
      const known = deps.connectors.map(({ id }) => id).join(', ');
      throw invalidField('/app', 'is not an app that can be connected', `known here: ${known}`);
    }
    const checked = parseForConnector(connector, body, deps.config.allowLocalOrigins);
    const { scanEveryMinutes, credential, settings } = body;
    const idempotencyKey = check ? undefined : idempotencyKeyOf(request);
    const input = {
      app: body.app,
      name: body.name ?? checked.label,
      label: checked.label,
      settings,
      credential,
      identity: checked.identity,
      wanted: check ? ('check' as const) : ('running' as const),
      governance: body.governance ?? ('off' as const),
      protected: body.protected ?? [],
      scanEveryMs: (scanEveryMinutes ?? 720) * 60_000,
      parallel: body.parallel ?? 4,
      ...contentOf(body, connector),
      createdBy: keyOf(request).name,
      ...(body.batchPerHour === undefined ? {} : { batchPerHour: body.batchPerHour }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
    const connection = await store.connections.create(input);
    if (check) {
      response.json(await checkConnection(deps, connection, (id) => mayKnow(request, id)));
      return;
    }
    if (connection.app !== input.app || !isDeepStrictEqual(connection.settings, settings))
      throw new HttpProblem('idempotency-mismatch', 'this Idempotency-Key made another connection');
    // When Temporal is away the connection stands, and the starter brings it up later.
    const started = connection.state !== null || (await deps.starter.start(connection));
    response
      .status(201)
      .location(`/v1/connections/${connection._id}`)
      .json({
        ...view(request, connection),
        ...(started ? {} : { notice: 'Temporal cannot be reached; the connection starts by itself when it can' }),
      });
  }

  address(router, '/connections', {
    get: [
      'viewer',
      async (request, response) => {
        const query = parseQuery(listQuery, request);
        const ids = keyOf(request).connectionIds;
        const { items, next } = await store.connections.list({ ...query, ...(ids ? { ids } : {}) });
        const mine = (id: string) => mayKnow(request, id);
        response.json({ items: items.map((connection) => connectionLine(connection, mine)), next });
      },
    ],
    post: ['operator', create],
  });

  address(router, '/connections/:id', {
    get: [
      'viewer',
      async (request, response) => {
        const { counts } = parseQuery(readQuery, request);
        const connection = await connectionOf(deps, request);
        const records = counts ? { records: await store.records.counts(connection._id) } : {};
        // Folders whose change has not reached all that is below them.
        const { count: folders, since } = await store.spreads.waiting(connection._id);
        const settling = folders > 0 ? { settling: { folders, since } } : {};
        response.json({ ...view(request, await withProgress(store, connection)), ...settling, ...records });
      },
    ],
    patch: [
      'operator',
      async (request, response) => {
        const { scanEveryMinutes, content, contentMaxMegabytes, ...change } = parseBody(changeBody, request.body);
        if (Object.keys(request.body as object).length === 0) throw invalidField('', 'names nothing to change');
        if (change.governance === 'on') demandRole(request, 'governor', 'switching governance on');
        if (change.batchPerHour) demandRole(request, 'governor', 'changing the budget of batches');
        if (change.protected) demandRole(request, 'governor', 'changing who is protected');
        const connection = await connectionOf(deps, request);
        demandAlive(connection);
        const reading = contentOf({ content, contentMaxMegabytes }, connectorFor(deps, connection.app));
        const changed = await store.connections.update(connection._id, {
          ...change,
          ...reading,
          ...(scanEveryMinutes === undefined ? {} : { scanEveryMs: scanEveryMinutes * 60_000 }),
        });
        if (changed?.content === 'on' && Object.keys(reading).length > 0) {
          // A scan marks what is to be read of what is known already.
          await store.connections.wantRescan(connection._id);
          deps.signals.changed(connection._id);
        }
        response.json(view(request, changed ?? connection));
      },
    ],
    delete: [
      'operator',
      async (request, response) => {
        const { erase } = parseQuery(deleteQuery, request);
        await wish(request, response, erase ? 'erase' : 'disconnect');
      },
    ],
  });

  async function wish(request: Request, response: Response, name: Parameters<typeof obey>[2]) {
    const options = name === 'rescan' ? (parseBody(rescanBody, request.body) ?? {}) : {};
    if (name !== 'rescan') parseBody(nothing, request.body);
    if (options.acceptRemovals) demandRole(request, 'governor', 'accepting removals');
    if (name === 'erase') demandRole(request, 'governor', 'erasing a connection');
    const connection = await connectionOf(deps, request);
    const done = await obey(deps, connection, name, idempotencyKeyOf(request), options);
    const now = await again(connection);
    response.status(done === 'done' && isObeyed(now, name) ? 200 : 202).json(view(request, now));
  }
  for (const name of ['pause', 'resume', 'rescan', 'disconnect', 'erase'] as const)
    address(router, `/connections/:id/${name}`, {
      post: [
        'operator',
        (request, response) => {
          parseQuery(z.object({}), request);
          return wish(request, response, name);
        },
      ],
    });

  address(router, '/connections/:id/credential', {
    put: [
      'operator',
      async (request, response) => {
        const { credential } = parseBody(credentialBody, request.body);
        const connection = await connectionOf(deps, request);
        demandAlive(connection);
        const connector = connectorFor(deps, connection.app);
        const { settings } = connection;
        const { identity } = parseForConnector(connector, { settings, credential }, deps.config.allowLocalOrigins);
        const given = { credential, identity, by: keyOf(request).name };
        const changed = await replaceCredential(deps, connection, given, (id) => mayKnow(request, id));
        response.status(202).json(view(request, changed));
      },
    ],
  });

  address(router, '/connections/:id/webhook-secret/rotate', {
    post: [
      'operator',
      async (request, response) => {
        parseQuery(z.object({}), request);
        parseBody(nothing, request.body);
        const connection = await connectionOf(deps, request);
        response.status(202).json(view(request, await rotateWebhookSecret(deps, connection)));
      },
    ],
  });

  address(router, '/connections/:id/summary', {
    get: [
      'viewer',
      async (request, response) => {
        parseQuery(z.object({}), request);
        const connection = await connectionOf(deps, request);
        const [counts, activityClasses, unknownEvents, holds] = await Promise.all([
          store.records.counts(connection._id),
          store.records.activityClasses(connection._id),
          store.records.unknownEvents(connection._id),
          store.holds.counts(connection._id),
        ]);
        const records = Object.fromEntries(recordKinds.map((kind) => [kind, counts[kind]]));
        response.json({ records, activityClasses, unknownEvents, holds, trust: view(request, connection).trust });
      },
    ],
  });
}
