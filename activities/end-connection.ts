import { Failure } from '../connectors/kit/failures.ts';
import { Context } from '@temporalio/activity';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { heartbeating } from './heartbeats.ts';
import { isOurs } from './is-ours.ts';
import { findConnection, openSession } from './open-session.ts';
import { unsubscribe } from './subscriptions.ts';

/** Subscriptions first, while there is a credential to remove them with. Repeating it after a crash is harmless. */
export function disconnect(deps: Dependencies): Activities['disconnect'] {
  return ({ connectionId }) =>
    heartbeating(async () => {
      await letGo(deps, connectionId);
      await deps.store.connections.markDisconnected(connectionId);
    });
}

export function erase(deps: Dependencies): Activities['erase'] {
  return ({ connectionId }) =>
    heartbeating(async () => {
      await letGo(deps, connectionId);
      const receipt = await deps.store.connections.erase(connectionId, () => Context.current().heartbeat());
      deps.log.info({ connectionId, ...receipt }, 'erased');
    });
}

async function letGo(deps: Dependencies, connectionId: string): Promise<void> {
  const connection = await findConnection(deps, connectionId);
  if (!connection.credential || !(await deps.store.subscriptions.get(connectionId))) return;
  try {
    await unsubscribe(deps, await openSession(deps, connectionId, 'actions'));
  } catch (error) {
    if (isOurs(error) || !(error instanceof Failure)) throw error;
    // The vendor is away or throttles: it may not hold up an erase. Its calls are refused once the secret is gone.
    deps.log.warn({ connectionId, why: error.message }, 'the subscription was left at the vendor');
    await deps.store.subscriptions.remove(connectionId);
  }
}
