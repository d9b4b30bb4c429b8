import { setMaxListeners } from 'node:events';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Connector, Session } from '../connectors/connector.ts';
import type { Urgency } from '../connectors/quota.ts';
import type { ConnectionDocument } from '../store/documents.ts';
import type { Dependencies } from './dependencies.ts';
import type { Wishes } from './results.ts';

export interface Opened {
  connection: ConnectionDocument;
  connector: Connector;
  session: Session;
  wishes: Wishes;
}

export const wishesOf = (connection: ConnectionDocument): Wishes => ({
  wanted: connection.wanted,
  rescanWanted: connection.rescanWanted,
  credentialVersion: connection.credentialVersion,
});

export async function findConnection(deps: Dependencies, connectionId: string): Promise<ConnectionDocument> {
  const connection = await deps.store.connections.get(connectionId);
  if (!connection) {
    throw ApplicationFailure.nonRetryable(`no connection ${connectionId} in the store`, 'unknown-connection');
  }
  return connection;
}

export function connectorOf(deps: Dependencies, connection: ConnectionDocument): Connector {
  const connector = deps.connectors.find(({ id }) => id === connection.app);
  if (!connector)
    throw ApplicationFailure.nonRetryable(`this worker has no connector ${connection.app}`, 'unknown-app');
  return connector;
}

/**
 * The governed way to the app: the only place where a credential is opened.
 * @param permitted asked last before each call; what it throws keeps the call from being sent
 */
export async function openSession(
  deps: Dependencies,
  connectionId: string,
  urgency: Urgency,
  permitted?: () => void,
): Promise<Opened> {
  const connection = await findConnection(deps, connectionId);
  const connector = connectorOf(deps, connection);
  const signal = Context.current().cancellationSignal;
  // Many calls of one activity wait on it at once.
  setMaxListeners(0, signal);
  const session = connector.open({
    connectionId,
    tenantId: connection.tenantId,
    settings: connection.settings,
    credential: deps.store.connections.openCredential(connection),
    credentialVersion: connection.credentialVersion,
    governor: deps.governor,
    urgency,
    signal,
    permitted,
    allowLocalOrigins: deps.allowLocalOrigins,
    partOf: async ({ kind, vendorId }) => (await deps.store.records.get(connectionId, kind, vendorId))?.part,
    recall: (kind, vendorIds) => deps.store.records.recall(connectionId, kind, vendorIds),
    haveLogin: (logins) => deps.store.records.haveLogin(connectionId, logins),
    times: { bareThrottleMs: deps.times.bareThrottleMs },
    observe: (event) => deps.log.debug({ connectionId, urgency, ...event }, 'call'),
  });
  return { connection, connector, session, wishes: wishesOf(connection) };
}
