import type { Router } from 'express';
import { z } from 'zod';
import type { Connector } from '../../connectors/connector.ts';
import { recordKinds, stageOf, type RecordKind } from '../../connectors/records.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import type { StoredRecord } from '../../store/store.ts';
import { address } from '../address.ts';
import { connectionOf, connectorFor, phaseOf } from '../connection-of.ts';
import type { Deps } from '../deps.ts';
import { parseQuery } from '../input.ts';
import { notFound } from '../problems.ts';
import { recordQueryOf } from '../record-query.ts';

const none = z.object({});

/** Mount last: the kinds share their place in the address with the connection's other parts. */
export function recordRoutes(router: Router, deps: Deps): void {
  const { store } = deps;

  for (const kind of recordKinds) {
    address(router, `/connections/:id/${kind}`, {
      get: [
        'viewer',
        async (request, response) => {
          const { query, raw } = recordQueryOf(request, kind);
          const connection = await connectionOf(deps, request);
          const { items, next } = await store.records.list(connection._id, kind, query);
          const settling = await unsettled(deps, connection._id, items);
          response.json({
            items: items.map((record) => recordView(record, raw, settling)),
            next,
            ...reliance(connection, connectorFor(deps, connection.app), kind),
          });
        },
      ],
    });

    address(router, `/connections/:id/${kind}/:vendorId`, {
      get: [
        'viewer',
        async (request, response) => {
          parseQuery(none, request);
          const vendorId = String(request.params['vendorId']);
          const connection = await connectionOf(deps, request);
          const record = await store.records.get(connection._id, kind, vendorId);
          if (!record) throw notFound(`this record of ${kind}`);
          response.json(recordView(record, true, await unsettled(deps, connection._id, [record])));
        },
      ],
    });
  }
}

/** Without what is only the store's. The vendor's own object is up to 16 KB, so lists have it only when asked for. */
function recordView(record: StoredRecord, withRaw: boolean, settling: ReadonlySet<string>): Record<string, unknown> {
  const { _id, connectionId: _connectionId, hash: _hash, seenScan: _seenScan, raw, ...rest } = record;
  return {
    ...rest,
    ...(settling.has(record.vendorId) ? { settling: true } : {}),
    ...(withRaw ? { raw } : {}),
  };
}

/** Files below a folder whose change has not been carried to them yet. */
const unsettled = ({ store }: Deps, connectionId: string, records: readonly StoredRecord[]) =>
  store.spreads.unsettled(
    connectionId,
    records.flatMap((record) => (record.kind === 'files' ? [record] : [])),
  );

/** How far a list may be trusted: an empty one may mean "none", "not read yet", "not allowed to see" or "no such thing". */
function reliance(connection: ConnectionDocument, connector: Connector, kind: RecordKind) {
  const stage = stageOf[kind];
  if (phaseOf(connection) === 'erased') return { stage: 'erased', why: 'the connection was erased' };
  if (!connector.stages[stage]) return { stage: 'absent', why: connector.absent[stage] };
  const state = connection.state?.stages[stage];
  return { stage: state?.phase ?? 'waiting', trust: state?.trust, problem: state?.problem };
}
