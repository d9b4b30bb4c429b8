import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { PushRequest } from '../push-request.ts';
import type { Push, Subscription } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { call, rowsOf, segment, type OktaSession } from './api.ts';
import { anyList, eventHook } from './schemas.ts';
import type { Settings } from './settings.ts';
import { touchedBy } from './touched.ts';

/** Of the types that Okta offers to event hooks (264 of some 1,200) those that change what is kept, and sign-ins. */
const items = [
  'user.lifecycle.create',
  'user.lifecycle.activate',
  'user.lifecycle.deactivate',
  'user.lifecycle.suspend',
  'user.lifecycle.unsuspend',
  'user.lifecycle.delete.initiated',
  'user.account.update_profile',
  'user.account.update_password',
  'user.account.reset_password',
  'user.account.lock',
  'user.account.unlock',
  'user.account.privilege.grant',
  'user.account.privilege.revoke',
  'user.mfa.factor.activate',
  'user.mfa.factor.deactivate',
  'user.session.start',
  'user.session.end',
  'group.user_membership.add',
  'group.user_membership.remove',
  'group.lifecycle.create',
  'group.lifecycle.delete',
  'group.privilege.grant',
  'group.privilege.revoke',
  'application.user_membership.add',
  'application.user_membership.remove',
  'system.api_token.create',
  'system.api_token.revoke',
];

const hookName = (connectionId: string) =>
  `castellan-${createHash('sha256').update(connectionId).digest('hex').slice(0, 16)}`;

const hooks = '/api/v1/eventHooks';
const hookPath = (id: string) => `${hooks}/${segment(id)}`;
const delivery = z.object({ data: z.object({ events: z.array(z.unknown()).nullish() }).nullish() });

/** By its events, as Okta says: the delivery's own `eventId` may be another the second time. */
function idOf(events: readonly unknown[]): string | undefined {
  const { data } = z
    .array(z.object({ uuid: z.string().min(1) }))
    .min(1)
    .safeParse(events);
  return data?.map(({ uuid }) => uuid).join(' ');
}

/** In constant time and whatever the lengths; every secret is looked at. */
function isKnown(given: string | undefined, secrets: readonly string[]): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const sent = digest(given ?? '');
  let known = false;
  for (const secret of secrets) if (timingSafeEqual(sent, digest(secret)) && secret !== '') known = true;
  return known && given !== undefined;
}

/**
 * Event hooks. They are an accelerator: unordered, tried twice at most, and missing for many types; the polling chain
 * of the System Log stays the truth. There is no signature, only the shared secret in the Authorization header.
 */
export const push: Push<Settings> = {
  route(request: PushRequest) {
    const challenge = request.headers['x-okta-verification-challenge'];
    if (request.method === 'GET') {
      if (challenge === undefined || !/^[\w.~+/=-]{1,512}$/.test(challenge)) return { answer: { status: 400 } };
      const body = JSON.stringify({ verification: challenge });
      return { answer: { status: 200, contentType: 'application/json', body } };
    }
    const connectionId = request.path.at(-1);
    return connectionId ? { connectionIds: [connectionId] } : { answer: { status: 404 } };
  },

  receive(request, secrets) {
    if (!isKnown(request.headers.authorization, secrets))
      throw new Failure('unauthorized', 'the event hook does not carry its secret', { who: 'nobody' });
    let events: unknown[];
    try {
      const body: unknown = JSON.parse(Buffer.from(request.body).toString('utf8'));
      events = delivery.parse(body).data?.events ?? [];
    } catch {
      throw new Failure('invalid', 'the event hook does not carry events');
    }
    const touched = new Map(events.flatMap(touchedBy).map((ref) => [JSON.stringify(ref), ref]));
    return {
      touched: [...touched.values()],
      parts: [{ stage: 'activities', part: '' }],
      id: idOf(events),
      answer: { status: 204 },
    };
  },

  async subscribe(session, { url, secret }) {
    const name = hookName(session.connectionId);
    const answer = await call(session, 'GET', hooks, hooks);
    const own = rowsOf(answer.json(anyList), eventHook).rows.filter((hook) => hook.name === name);
    const [kept, ...doubles] = own;
    for (const { id } of doubles) await remove(session, id);
    const body = {
      name,
      events: { type: 'EVENT_TYPE', items },
      channel: {
        type: 'HTTP',
        version: '1.0.0',
        config: { uri: url, headers: [], authScheme: { type: 'HEADER', key: 'Authorization', value: secret } },
      },
    };
    // The secret cannot be read back, so an old hook is always written anew.
    const written = kept
      ? await call(session, 'PUT', `${hooks}/{eventHookId}`, hookPath(kept.id), { body })
      : await call(session, 'POST', hooks, hooks, { body });
    const hook = written.json(eventHook);
    const lifecycle = (step: 'activate' | 'verify') =>
      call(session, 'POST', `${hooks}/{eventHookId}/lifecycle/${step}`, `${hookPath(hook.id)}/lifecycle/${step}`);
    if (hook.status === 'INACTIVE') await lifecycle('activate');
    // Okta calls the address now, which must be answered by `route`.
    if (hook.verificationStatus !== 'VERIFIED') await lifecycle('verify');
    return { id: hook.id };
  },

  unsubscribe: (session, subscription: Subscription) => remove(session, subscription.id),
};

/** An active hook cannot be deleted. */
async function remove(session: OktaSession, id: string): Promise<void> {
  const deactivate = `${hooks}/{eventHookId}/lifecycle/deactivate`;
  await call(session, 'POST', deactivate, `${hookPath(id)}/lifecycle/deactivate`, { accept: [404] });
  await call(session, 'DELETE', `${hooks}/{eventHookId}`, hookPath(id), { accept: [404] });
}
