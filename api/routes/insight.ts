import type { Router } from 'express';
import { z } from 'zod';
import { stageNames } from '../../connectors/records.ts';
import type { PositionDocument } from '../../store/documents.ts';
import { address } from '../address.ts';
import { connectionOf, connectorFor } from '../connection-of.ts';
import type { Deps } from '../deps.ts';
import { paging, parseQuery } from '../input.ts';

const none = z.object({});
const scansQuery = z.object({ limit: paging.limit });
const quotasQuery = z.object(paging);
const positionsQuery = z.object({
  ...paging,
  lane: z.enum(['sweep', 'watch']).optional(),
  stage: z.enum(stageNames).optional(),
  state: z.enum(['open', 'complete', 'failed', 'skipped', 'blind']).optional(),
});

/** How far the reading of a connection is, and how far it may be trusted. */
export function insightRoutes(router: Router, deps: Deps): void {
  const { store } = deps;

  address(router, '/connections/:id/scans', {
    get: [
      'viewer',
      async (request, response) => {
        const { limit } = parseQuery(scansQuery, request);
        const connection = await connectionOf(deps, request);
        const scans = await store.scans.list(connection._id, limit);
        response.json({
          items: scans.map(({ number, startedAt, finishedAt, stages }) => ({ number, startedAt, finishedAt, stages })),
        });
      },
    ],
  });

  address(router, '/connections/:id/positions', {
    get: [
      'viewer',
      async (request, response) => {
        const query = parseQuery(positionsQuery, request);
        const connection = await connectionOf(deps, request);
        const { items, next } = await store.positions.list(connection._id, query);
        response.json({ items: items.map(positionView), next });
      },
    ],
  });

  address(router, '/connections/:id/coverage', {
    get: [
      'viewer',
      async (request, response) => {
        parseQuery(none, request);
        const connection = await connectionOf(deps, request);
        const sources = await store.coverage.get(connection._id);
        response.json({
          items: sources.map(({ part, latenessMs, intervals, holes }) => ({ part, latenessMs, intervals, holes })),
        });
      },
    ],
  });

  address(router, '/connections/:id/quotas', {
    get: [
      'viewer',
      async (request, response) => {
        const page = parseQuery(quotasQuery, request);
        const connection = await connectionOf(deps, request);
        response.json(await store.quotaUses.list(connection._id, page));
      },
    ],
  });

  address(router, '/connections/:id/permissions', {
    get: [
      'viewer',
      async (request, response) => {
        parseQuery(none, request);
        const connection = await connectionOf(deps, request);
        const { principal, identity, granted, probes, verifiedAt, credentialExpiresAt } = connection;
        const { absent } = connectorFor(deps, connection.app);
        response.json({
          verifiedAt,
          principal,
          identity,
          credentialExpiresAt,
          granted: granted ?? [],
          probes: probes ?? {},
          absent,
        });
      },
    ],
  });
}

/** Without the place itself (only the connector reads it) and without who holds it. */
const unreadShown = 20;

function positionView(position: PositionDocument) {
  const { lane, stage, role, part, scan, state, trust, counts, estimate, unread } = position;
  const { failures, failure, notBefore, from, until, startedAt, finishedAt } = position;
  return {
    lane,
    stage,
    role,
    part,
    scan,
    state,
    trust,
    counts,
    estimate,
    unread: unread?.slice(0, unreadShown),
    failures,
    failure,
    retryAt: notBefore ?? undefined,
    from,
    until,
    startedAt,
    finishedAt,
  };
}
