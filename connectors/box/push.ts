import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PushRequest } from '../push-request.ts';
import type { Push } from '../connector.ts';
import type { Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { credential, webhookKeysOf } from './credential.ts';
import { rowOf, type Row } from './event-source.ts';
import { subscribeStep, unsubscribeAll } from './hooks.ts';
import type { Settings } from './settings.ts';
import { touchedBy } from './touched.ts';

const replayWindowMs = 10 * 60_000;

const signatureOf = (key: string, body: Uint8Array, timestamp: string) =>
  createHmac('sha256', key).update(body).update(timestamp).digest();

/** Non-ASCII as Box's own SDK also accepts it. */
const escaped = (body: Uint8Array): Uint8Array =>
  Buffer.from(
    Buffer.from(body)
      .toString('utf8')
      .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );

/**
 * Whether one of the keys signed it: an app has two keys, so that each can be renewed alone, and Box signs with both.
 * In constant time; every key is tried with either signature.
 */
function isSigned({ headers, body }: PushRequest, keys: readonly string[], timestamp: string): boolean {
  const given = ['box-signature-primary', 'box-signature-secondary']
    .map((name) => Buffer.from(headers[name] ?? '', 'base64'))
    .filter(({ length }) => length === 32);
  const bodies = [body, ...(Buffer.from(body).some((byte) => byte > 127) ? [escaped(body)] : [])];
  let signed = false;
  for (const key of keys)
    for (const content of bodies) {
      const expected = signatureOf(key, content, timestamp);
      for (const signature of given) if (timingSafeEqual(signature, expected) && key !== '') signed = true;
    }
  return signed;
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const forged = (why: string) => new Failure('unauthorized', `the webhook ${why}`, { who: 'nobody' });

/** Of the item itself, and of what a collaboration is about. */
function touchedByHook(event: Row): Ref[] {
  if (event.trigger === 'WEBHOOK.DELETED' || event.trigger === 'NO_ACTIVE_SESSION') return [];
  return touchedBy(event);
}

/**
 * Webhooks of version 2, on the top folders of users, as many as the settings allow: Box takes none on a root folder
 * and at most 1000 an app and user. They only hasten what the enterprise's event stream tells anyway.
 */
export function createPush(now: () => Date = () => new Date()): Push<Settings> {
  return {
    keysOf: (given) => webhookKeysOf(credential.parse(given)),

    route(request) {
      const connectionId = request.path.at(-1);
      return request.method === 'POST' && connectionId
        ? { connectionIds: [connectionId] }
        : { answer: { status: connectionId ? 405 : 404 } };
    },

    receive(request, secrets) {
      const { headers } = request;
      const timestamp = headers['box-delivery-timestamp'] ?? '';
      if (headers['box-signature-version'] !== '1' || headers['box-signature-algorithm'] !== 'HmacSHA256')
        throw forged('is signed in a way that is not known');
      if (!isSigned(request, secrets, timestamp)) throw forged('is not signed with a key of this connection');
      const age = now().getTime() - Date.parse(timestamp);
      // Signed, but once before: what is old is not taken again, nor what is dated ahead of time.
      if (!(Math.abs(age) <= replayWindowMs)) throw forged('is older than 10 minutes');
      let event: Row;
      try {
        event = rowOf(JSON.parse(Buffer.from(request.body).toString('utf8')));
      } catch {
        throw new Failure('invalid', 'the webhook does not carry JSON');
      }
      if (event.type !== 'webhook_event') throw new Failure('invalid', 'the webhook does not carry an event');
      return {
        touched: touchedByHook(event),
        parts: [{ stage: 'activities', part: '' }],
        // Not BOX-DELIVERY-ID, which is not signed and changes when it is sent again.
        id: text(event.id),
        // It does so where nothing could be delivered for long, or all tokens ended.
        ...(event.trigger === 'WEBHOOK.DELETED' ? { lapsed: true } : {}),
        answer: { status: 204 },
      };
    },

    async subscribe(session, { url, known }) {
      if (!url.startsWith('https://') && !session.settings.baseUrl)
        throw new Failure('invalid', 'Box calls https addresses only', { who: 'operator', field: 'publicUrl' });
      if (session.identity.webhooks !== 'signed')
        throw new Failure('invalid', 'without its signature keys no webhook of Box could be trusted', {
          field: 'credential.webhookKeys',
          remedy: 'make the keys in the Developer Console ("Webhooks", "Manage signature keys") and give them',
          who: 'operator',
        });
      return subscribeStep(session, url, known);
    },

    async unsubscribe(session, subscription) {
      await unsubscribeAll(session, subscription);
    },
  };
}

export const push = createPush();
