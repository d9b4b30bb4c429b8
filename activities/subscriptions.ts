import { isDeepStrictEqual } from 'node:util';
import type { Subscribed, Subscription } from '../connectors/connector.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { SubscriptionDocument } from '../store/documents.ts';
import type { Dependencies } from './dependencies.ts';
import { isOurs } from './is-ours.ts';
import type { Opened } from './open-session.ts';

const againMs = 15 * 60_000;
/** What the vendor sent, or sends again, with the secret of before a rotation. */
const overlapMs = 24 * 3600_000;

/**
 * Has the vendor tell us of changes, where it can and where it can reach us; renewed at half life, and when we are to be
 * reached elsewhere. What takes long is gone on with in the next round. Polling does all the work without it, so a
 * refusal is noted and tried again later, and never stops a round.
 */
export async function keepSubscribed(
  deps: Dependencies,
  opened: Opened,
  known: SubscriptionDocument | null,
  goOn: () => boolean,
): Promise<void> {
  const { store, publicUrl, log } = deps;
  const { connector, connection, session } = opened;
  const { push } = connector;
  if (!push || !publicUrl) return;
  await keepKeys(deps, opened);
  const rotations = connection.webhookRotations ?? 0;
  const rotated = (known?.rotations ?? 0) < rotations;
  const url = `${publicUrl.replace(/\/$/, '')}/webhooks/${connector.id}/${connection._id}`;
  const due = !known || (known.renewAt && known.renewAt <= store.now());
  const anew = (rotated && known?.triedRotations !== rotations) || (known?.url !== url && known?.triedUrl !== url);
  if (!due && !anew) return;
  const createdAt = store.now();
  const doc = {
    _id: connection._id,
    connectionId: connection._id,
    createdAt: known?.createdAt ?? createdAt,
    ...(known?.lapses !== undefined && { lapses: known.lapses }),
  };
  try {
    const [secret] = store.connections.openWebhookSecrets(connection);
    if (secret === undefined) throw new Failure('invalid', 'the connection has no webhook secret');
    let at: SubscriptionDocument | null = known;
    do {
      const before = at?.vendorId ? subscribed(at) : undefined;
      const subscription: Subscription =
        before?.url === url && !before.next && push.renew && !rotated && !at?.lapsed
          ? await push.renew(session, before)
          : await push.subscribe(session, { url, secret, known: before });
      const { id: vendorId, next, expiresAt } = subscription;
      const half = expiresAt && new Date((createdAt.getTime() + expiresAt.getTime()) / 2);
      const reached: SubscriptionDocument =
        next === undefined
          ? { ...doc, url, vendorId, rotations, expiresAt, renewAt: half }
          : {
              ...doc,
              url: at?.url ?? '',
              vendorId,
              next,
              rotations: at?.rotations,
              triedUrl: url,
              triedRotations: rotations,
              renewAt: createdAt,
            };
      const stored = await store.subscriptions.put(reached);
      if (!stored) return await push.unsubscribe(session, subscription);
      at = stored;
    } while (at.next !== undefined && goOn());
    if (at.next === undefined && !at.lapsed && known && rotated)
      await store.connections.endWebhookOverlap(connection._id, rotations, overlapMs);
  } catch (error) {
    if (isOurs(error) || session.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    log.warn({ connectionId: connection._id, why }, 'no push, polling goes on');
    const renewAt = new Date(createdAt.getTime() + againMs);
    const { next, ...now } = (await store.subscriptions.get(connection._id)) ?? { ...doc, vendorId: '', url: '' };
    const goesOn = Failure.is(error, 'restart') ? {} : { next };
    await store.subscriptions.put({ ...now, ...goesOn, triedUrl: url, triedRotations: rotations, renewAt });
  }
}

/** Of a try that failed an earlier release stored the address as if it had been given. */
function subscribed({ vendorId, url, triedUrl, triedRotations, expiresAt, next }: SubscriptionDocument): Subscribed {
  const given = triedRotations === undefined || triedUrl !== undefined;
  return { id: vendorId, url: given ? url : '', expiresAt, next };
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
