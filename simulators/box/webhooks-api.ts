import { countExecuted } from '../kit/counters.ts';
import { itemFor } from './find-item.ts';
import { markerPage } from './paging.ts';
import { pacific } from './pacific-time.ts';
import { userMini } from './render-user.ts';
import { BoxError, badRequest, conflict, invalid, notFound } from './respond.ts';
import { checked, objectOf, oneOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Webhook } from './objects.ts';

const FILE = [
  'UPLOADED',
  'PREVIEWED',
  'DOWNLOADED',
  'TRASHED',
  'DELETED',
  'RESTORED',
  'COPIED',
  'MOVED',
  'LOCKED',
  'UNLOCKED',
  'RENAMED',
];
const FOLDER = ['CREATED', 'RENAMED', 'DOWNLOADED', 'RESTORED', 'DELETED', 'COPIED', 'MOVED', 'TRASHED'];
const COLLABORATION = ['CREATED', 'ACCEPTED', 'REJECTED', 'REMOVED', 'UPDATED'];
export const TRIGGERS = [
  ...FILE.map((word) => `FILE.${word}`),
  ...FOLDER.map((word) => `FOLDER.${word}`),
  ...COLLABORATION.map((word) => `COLLABORATION.${word}`),
  ...['DELETED', 'CREATED', 'UPDATED'].map((word) => `SHARED_LINK.${word}`),
  ...['CREATED', 'UPDATED', 'DELETED'].flatMap((word) => [`COMMENT.${word}`, `METADATA_INSTANCE.${word}`]),
  'TASK_ASSIGNMENT.CREATED',
  'TASK_ASSIGNMENT.UPDATED',
  'WEBHOOK.DELETED',
];

const mini = (hook: Webhook) => ({ id: hook.id, type: 'webhook', target: hook.target });
const render = (call: Call, hook: Webhook) => ({
  ...mini(hook),
  created_by: userMini(call.state, hook.owner),
  created_at: pacific(hook.createdAt),
  address: hook.address,
  triggers: hook.triggers,
});

/** Only hooks of this app and this user can be seen. */
const own = (call: Call) =>
  call.state.webhooks.rows.filter((hook) => hook.app === call.app.clientId && hook.owner === call.user.id);

function hookOf(call: Call): Webhook {
  const hook = own(call).find((one) => one.id === call.params.webhook_id);
  if (!hook) throw notFound();
  return hook;
}

function targetOf(call: Call, value: unknown): Webhook['target'] {
  const { id, type } = (value ?? {}) as { id?: unknown; type?: unknown };
  const kind = oneOf('target.type', type, ['file', 'folder']);
  if (id === '0' && kind === 'folder') throw badRequest('Webhooks on the root folder are not supported');
  const item = itemFor(call, kind, String(id), 'see');
  return { id: String(item.id), type: kind };
}

function addressOf(call: Call, value: unknown): string {
  const wrong = () => invalid('address', 'an https address with port 443 and a public certificate is wanted');
  let url: URL;
  try {
    url = new URL(String(value));
  } catch {
    throw wrong();
  }
  const local = call.state.knobs.hooks.allowHttp && url.hostname === '127.0.0.1';
  if (!local && (url.protocol !== 'https:' || (url.port !== '' && url.port !== '443'))) throw wrong();
  return url.href;
}

function triggersOf(value: unknown, target: Webhook['target']): string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid('triggers', 'is required');
  const triggers = value.map((one) => oneOf('triggers', one, TRIGGERS));
  if (target.type === 'file' && triggers.some((one) => one.startsWith('FOLDER.'))) {
    throw invalid('triggers', 'do not fit the target');
  }
  return triggers;
}

function checkFree(call: Call, target: Webhook['target'], except?: string): void {
  const same = own(call).some((one) => one.id !== except && one.target.id === target.id);
  if (same) throw conflict('conflict', 'Webhook already exists for this target');
}

export const webhookRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/webhooks',
    need: 'webhooks',
    query: ['marker', 'limit'],
    handle: (call) => ({ status: 200, body: markerPage(call, 'webhooks', own(call), mini) }),
  },
  {
    method: 'POST',
    path: '/webhooks',
    need: 'webhooks',
    handle: (call) => {
      const body = checked(objectOf(call), { target: 'object', address: 'string', triggers: 'array' });
      const target = targetOf(call, body.target);
      const address = addressOf(call, body.address);
      const triggers = triggersOf(body.triggers, target);
      checkFree(call, target);
      if (own(call).length >= call.state.knobs.hooks.limit) {
        throw new BoxError(403, 'forbidden', 'The number of webhooks per application and user is reached');
      }
      const seq = call.state.seq();
      const now = call.state.now();
      const hook = call.state.webhooks.add({
        id: String(53_000_000 + seq),
        seq,
        app: call.app.clientId,
        owner: call.user.id,
        target,
        address,
        triggers,
        createdAt: now,
        madeWith: call.token.userId,
        answeredAt: now,
      });
      countExecuted(call.state.counters, 'createWebhook', target.id);
      return { status: 201, body: render(call, hook) };
    },
  },
  {
    method: 'GET',
    path: '/webhooks/{webhook_id}',
    need: 'webhooks',
    handle: (call) => ({ status: 200, body: render(call, hookOf(call)) }),
  },
  {
    method: 'PUT',
    path: '/webhooks/{webhook_id}',
    need: 'webhooks',
    handle: (call) => {
      const hook = hookOf(call);
      const body = checked(objectOf(call), { target: 'object', address: 'string', triggers: 'array' });
      const target = body.target === undefined ? hook.target : targetOf(call, body.target);
      const address = body.address === undefined ? hook.address : addressOf(call, body.address);
      const triggers = body.triggers === undefined ? hook.triggers : triggersOf(body.triggers, target);
      checkFree(call, target, hook.id);
      Object.assign(hook, { target, address, triggers });
      return { status: 200, body: render(call, hook) };
    },
  },
  {
    method: 'DELETE',
    path: '/webhooks/{webhook_id}',
    need: 'webhooks',
    handle: (call) => {
      const hook = hookOf(call);
      call.state.webhooks.delete(hook.id);
      countExecuted(call.state.counters, 'deleteWebhook', hook.target.id);
      return { status: 204 };
    },
  },
];
