import type { ActionName } from '../connectors/actions.ts';
import type { Action, ActionState, Connector } from '../connectors/connector.ts';
import type { ConnectionDocument } from '../store/documents.ts';
import { connectorFor, demandAlive } from './connection-of.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';

/** What every command that will call the app needs. */
export function demandGovernable(
  deps: Pick<Deps, 'connectors'>,
  connection: ConnectionDocument,
  name: ActionName,
): { connector: Connector; action: Action<never, ActionState> } {
  demandAlive(connection);
  const connector = connectorFor(deps, connection.app);
  const action = connector.actions[name];
  if (!action)
    throw new HttpProblem(
      'not-supported',
      `${connector.title} cannot ${name}: ${connector.absent[name] ?? 'it has no such action'}`,
    );
  if (connection.governance !== 'on')
    throw new HttpProblem('governance-off', 'no action is taken while the governance of the connection is off');
  return { connector, action };
}
