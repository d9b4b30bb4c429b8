import type { Request } from 'express';
import type { Connector } from '../connectors/connector.ts';
import type { ConnectionDocument } from '../store/documents.ts';
import { mayKnow } from './auth.ts';
import type { Deps } from './deps.ts';
import { HttpProblem, notFound } from './problems.ts';

/** The connection that the address names, as far as the key may know of it. */
export async function connectionOf({ store }: Pick<Deps, 'store'>, request: Request): Promise<ConnectionDocument> {
  const id = String(request.params['id']);
  const unknown = notFound('this connection');
  if (!/^con_[A-Za-z0-9]{1,40}$/.test(id) || !mayKnow(request, id)) throw unknown;
  const connection = await store.connections.get(id);
  // A check is nobody's connection: it lives for seconds, for the request that made it.
  if (!connection || connection.wanted === 'check') throw unknown;
  return connection;
}

export function connectorFor({ connectors }: Pick<Deps, 'connectors'>, app: string): Connector {
  const connector = connectors.find(({ id }) => id === app);
  if (!connector)
    throw new HttpProblem('not-supported', `this installation has no connector for ${app}`, { who: 'operator' });
  return connector;
}

export const phaseOf = ({ state }: ConnectionDocument) => state?.phase ?? 'connecting';

/** Refuses what only a living connection can do. */
export function demandAlive(connection: ConnectionDocument): void {
  const phase = phaseOf(connection);
  const { wanted } = connection;
  if (wanted === 'disconnected' || wanted === 'erased' || /^(disconnect|eras)/.test(phase))
    throw new HttpProblem('connection-ended', `the connection is ${/ed$/.test(phase) ? phase : `to be ${wanted}`}`);
  if (phase === 'duplicate')
    throw new HttpProblem('duplicate-tenant', 'another connection has this tenant; this one does nothing');
}
