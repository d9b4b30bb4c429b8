import type { ConnectionDocument } from '../store/documents.ts';
import { connectorFor, demandAlive } from './connection-of.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';

/**
 * The next webhook secret. Both are valid until the watch lane has made the subscription at the vendor anew and a day
 * has passed. A second rotation waits for that: it would drop the one that the vendor still signs with.
 */
export async function rotateWebhookSecret(
  deps: Pick<Deps, 'store' | 'connectors' | 'signals'>,
  connection: ConnectionDocument,
): Promise<ConnectionDocument> {
  const { store, signals } = deps;
  demandAlive(connection);
  const { push, title } = connectorFor(deps, connection.app);
  if (!push) throw new HttpProblem('not-supported', `${title} sends no webhooks`);
  if (push.keysOf)
    throw new HttpProblem('not-supported', `${title} makes the keys of its webhooks itself`, {
      who: 'tenant-admin',
      remedy: `make new ones in ${title} and give them with the credential: PUT /v1/connections/{id}/credential`,
    });
  const subscription = await store.subscriptions.get(connection._id);
  const { webhookRotations = 0 } = connection;
  if (subscription?.vendorId && (subscription.rotations ?? 0) < webhookRotations)
    throw new HttpProblem('wrong-state', `${title} was not given the secret of the last rotation yet`, {
      remedy: 'see that the connection is watching, and rotate again when `webhookSecret.previousUntil` is there',
    });
  const rotated = await store.connections.rotateWebhookSecret(connection._id);
  if (!rotated) throw new HttpProblem('connection-ended', 'the connection was given up meanwhile');
  signals.changed(connection._id);
  return rotated;
}
