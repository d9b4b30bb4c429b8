import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Push, PushRequest, Ref } from '../connector.ts';
import { createCursor } from '../kit/cursor.ts';
import { Failure } from '../kit/failures.ts';
import { actAs, listUsers } from './accounts.ts';
import { all, call, listByMarker, segment } from './api.ts';
import { credential, webhookKeysOf } from './credential.ts';
import { rowOf, type Row } from './event-source.ts';
import { item as itemSchema, webhook as webhookSchema } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';
import { touchedBy } from './touched.ts';

const triggers = [
  'FILE.UPLOADED',
  'FILE.TRASHED',
  'FILE.DELETED',
  'FILE.RESTORED',
  'FILE.COPIED',
  'FILE.MOVED',
  'FILE.RENAMED',
  'FOLDER.CREATED',
  'FOLDER.RENAMED',
  'FOLDER.RESTORED',
  'FOLDER.DELETED',
  'FOLDER.COPIED',
  'FOLDER.MOVED',
  'FOLDER.TRASHED',
  'COLLABORATION.CREATED',
  'COLLABORATION.ACCEPTED',
  'COLLABORATION.REJECTED',
  'COLLABORATION.REMOVED',
  'COLLABORATION.UPDATED',
  'SHARED_LINK.DELETED',
  'SHARED_LINK.CREATED',
  'SHARED_LINK.UPDATED',
];

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

const held = z.object({ user: z.string(), id: z.string() });
/** Which webhooks are ours: Box lists them a user at a time. */
const subscriptionText = createCursor(1, z.object({ hooks: z.array(held) }));
const renewEveryMs = 24 * 3_600_000;

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
        answer: { status: 204 },
      };
    },

    async subscribe(session, { url }) {
      if (!url.startsWith('https://') && !session.settings.baseUrl)
        throw new Failure('invalid', 'Box calls https addresses only', { who: 'operator', field: 'publicUrl' });
      if (session.identity.webhooks !== 'signed')
        throw new Failure('invalid', 'without its signature keys no webhook of Box could be trusted', {
          field: 'credential.webhookKeys',
          remedy: 'make the keys in the Developer Console ("Webhooks", "Manage signature keys") and give them',
          who: 'operator',
        });
      const hooks: z.output<typeof held>[] = [];
      const limit = session.settings.webhooks;
      let marker: string | undefined;
      do {
        const users = await listUsers(session, marker);
        for (const { id, status } of users.rows) {
          if (hooks.length >= limit) break;
          if (status === 'active') hooks.push(...(await hooksOf(session, id, url, limit - hooks.length)));
        }
        marker = hooks.length >= limit ? undefined : users.next;
      } while (marker !== undefined);
      if (hooks.length === 0)
        throw new Failure('notFound', 'there is no folder for a webhook; the event stream is followed', {
          who: 'nobody',
        });
      return {
        id: subscriptionText.write({ hooks }),
        // They last; read again for folders that came since.
        expiresAt: new Date(session.now().getTime() + renewEveryMs),
      };
    },

    async unsubscribe(session, subscription) {
      for (const { user, id } of subscriptionText.read(subscription.id).hooks)
        await call(await actAs(session, user), 'DELETE', '/webhooks/{webhook_id}', `/webhooks/${segment(id)}`, {
          accept: [404],
        });
    },
  };
}

/** The user's own top folders; finds the webhooks that are there rather than adding one. */
async function hooksOf(session: BoxSession, user: string, url: string, atMost: number) {
  const owner = await actAs(session, user);
  const items = await listByMarker(owner, '/folders/{folder_id}/items', '/folders/0/items', itemSchema, {
    accept: [403, 404],
    query: { usemarker: true, limit: 1000, fields: 'owned_by' },
  });
  const folders = items.rows
    .filter(({ type, owned_by }) => type === 'folder' && owned_by?.id === user)
    .slice(0, atMost);
  if (folders.length === 0) return [];
  const known = await all((marker) =>
    listByMarker(owner, '/webhooks', '/webhooks', webhookSchema, { marker, query: { limit: 200 } }),
  );
  const there = new Map(known.rows.map(({ id, target }) => [target?.id, id]));
  const hooks: { user: string; id: string }[] = [];
  for (const folder of folders) {
    const found = there.get(folder.id);
    const id = found === undefined ? await addHook(owner, folder.id, url) : await ownHook(owner, found, url);
    if (id !== undefined) hooks.push({ user, id });
  }
  return hooks;
}

/** The list tells no addresses. One of another connection of the same app is left to whoever made it. */
async function ownHook(owner: BoxSession, id: string, url: string): Promise<string | undefined> {
  const path = `/webhooks/${segment(id)}`;
  const answer = await call(owner, 'GET', '/webhooks/{webhook_id}', path, { accept: [404] });
  return answer.status !== 404 && answer.json(webhookSchema).address === url ? id : undefined;
}

/** 409 says that one was made there meanwhile. */
async function addHook(owner: BoxSession, folder: string, address: string): Promise<string | undefined> {
  const body = { target: { id: folder, type: 'folder' }, address, triggers };
  const answer = await call(owner, 'POST', '/webhooks', '/webhooks', { accept: [409], body });
  return answer.status === 409 ? undefined : answer.json(webhookSchema).id;
}

export const push = createPush();
