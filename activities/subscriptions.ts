import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../connectors/kit/failures.ts';
import type { SubscriptionDocument } from '../store/documents.ts';
import type { Dependencies } from './dependencies.ts';
import { isOurs } from './is-ours.ts';
import type { Opened } from './open-session.ts';

const againMs = 15 * 60_000;
/** What the vendor sent, or sends again, with the secret of before a rotation. */
const overlapMs = 24 * 3600_000;

/**
 * Has the vendor tell us of changes, where it can and where it can reach us; renewed at half life. Polling does all the
 * work without it, so a refusal is noted and tried again later, and never stops a round.
 */
export async function keepSubscribed(
  deps: Dependencies,
  opened: Opened,
  known: SubscriptionDocument | null,
): Promise<void> {
  const { store, publicUrl, log } = deps;
  const { connector, connection, session } = opened;
  const { push } = connector;
  if (!push || !publicUrl) return;
  await keepKeys(deps, opened);
  const rotations = connection.webhookRotations ?? 0;
  const rotated = (known?.rotations ?? 0) < rotations;
  const due = !known || (known.renewAt && known.renewAt <= store.now());
  if (!due && !(rotated && known.triedRotations !== rotations)) return;
  const url = `${publicUrl.replace(/\/$/, '')}/webhooks/${connector.id}/${connection._id}`;
  const createdAt = store.now();
  const doc = { _id: connection._id, connectionId: connection._id, url, createdAt: known?.createdAt ?? createdAt };
  try {
    const [secret] = store.connections.openWebhookSecrets(connection);
    if (secret === undefined) throw new Failure('invalid', 'the connection has no webhook secret');
    const subscription =
      known?.vendorId && push.renew && !rotated
        ? await push.renew(session, { id: known.vendorId, expiresAt: known.expiresAt })
        : await push.subscribe(session, { url, secret });
    const { expiresAt } = subscription;
    const half = expiresAt && new Date((createdAt.getTime() + expiresAt.getTime()) / 2);
    const kept = { ...doc, vendorId: subscription.id, rotations, expiresAt, renewAt: half };
    if (!(await store.subscriptions.put(kept))) return await push.unsubscribe(session, subscription);
    if (!known || !rotated) return;
    await store.connections.endWebhookOverlap(connection._id, rotations, overlapMs);
    if (known.vendorId && known.vendorId !== subscription.id) await push.unsubscribe(session, { id: known.vendorId });
  } catch (error) {
    if (isOurs(error) || session.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    log.warn({ connectionId: connection._id, why }, 'no push, polling goes on');
    const renewAt = new Date(createdAt.getTime() + againMs);
    const now = (await store.subscriptions.get(connection._id)) ?? { vendorId: '', rotations: 0 };
    const { vendorId, rotations: given = 0 } = now;
    await store.subscriptions.put({ ...doc, vendorId, rotations: given, triedRotations: rotations, renewAt });
  }
}

/** What the vendor signs with comes with the credential; the API, which may not open that, finds it as webhook secrets. */
async function keepKeys({ store }: Dependencies, { connector, connection }: Opened): Promise<void> {
  const keys = connector.push?.keysOf?.(store.connections.openCredential(connection)) ?? [];
  if (keys.length === 0 || isDeepStrictEqual(keys, store.connections.openWebhookSecrets(connection))) return;
  await store.connections.setWebhookSecrets(connection._id, keys);
}

/** Before the credential goes. A vendor that refuses does not hold the disconnect up: its calls are refused here. */
export async function unsubscribe(deps: Dependencies, opened: Opened): Promise<void> {
  const known = await deps.store.subscriptions.get(opened.connection._id);
  if (known?.vendorId && opened.connector.push) {
    try {
      await opened.connector.push.unsubscribe(opened.session, { id: known.vendorId, expiresAt: known.expiresAt });
    } catch (error) {
      if (isOurs(error) || Failure.is(error, 'throttled', 'unavailable')) throw error;
      const why = error instanceof Error ? error.message : String(error);
      deps.log.warn(
        { connectionId: opened.connection._id, why },
        'the subscription could not be removed at the vendor',
      );
    }
  }
  await deps.store.subscriptions.remove(opened.connection._id);
}
