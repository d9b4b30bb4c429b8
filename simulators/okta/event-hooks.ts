import { record } from './changes.ts';
import { ELIGIBLE_EVENTS } from './eligible-events.ts';
import { doer } from './lifecycle.ts';
import { invalid, notFound } from './respond.ts';
import type { Call, Route } from './route.ts';
import type { Hook } from './state.ts';

const MAX_EVENT_TYPES = 300;
const MAX_ACTIVE_VERIFIED = 25;

/** The secret value never comes back. */
export function renderHook(hook: Hook, base: string): Record<string, unknown> {
  const place = `${base}/api/v1/eventHooks/${hook.id}`;
  return {
    id: hook.id,
    status: hook.status,
    verificationStatus: hook.verificationStatus,
    name: hook.name,
    description: hook.description,
    created: new Date(hook.created).toISOString(),
    createdBy: hook.createdBy,
    lastUpdated: new Date(hook.lastUpdated).toISOString(),
    events: { type: 'EVENT_TYPE', items: hook.items, filter: hook.filter },
    channel: {
      type: 'HTTP',
      version: '1.0.0',
      config: {
        uri: hook.uri,
        headers: hook.headers,
        method: 'POST',
        ...(hook.authScheme ? { authScheme: { type: hook.authScheme.type, key: hook.authScheme.key } } : {}),
      },
    },
    _links: {
      self: { href: place },
      verify: { href: `${place}/lifecycle/verify`, hints: { allow: ['POST'] } },
      deactivate: { href: `${place}/lifecycle/deactivate`, hints: { allow: ['POST'] } },
    },
  };
}

type Json = Record<string, unknown>;
const asObject = (value: unknown): Json => (value !== null && typeof value === 'object' ? (value as Json) : {});

/** The settings of a hook from a request body; every rule that it breaks is refused with E0000001. */
function settingsOf(
  call: Call,
): Pick<Hook, 'name' | 'description' | 'items' | 'filter' | 'uri' | 'headers' | 'authScheme'> {
  const body = asObject(call.body);
  const [events, channel] = [asObject(body.events), asObject(body.channel)];
  const config = asObject(channel.config);
  const { name } = body;
  if (typeof name !== 'string' || name === '') throw invalid('name', 'name: The field cannot be left blank');
  if (events.type !== 'EVENT_TYPE' || !Array.isArray(events.items) || events.items.length === 0)
    throw invalid('events', 'events: type EVENT_TYPE and at least one item are needed');
  const items = events.items as string[];
  if (items.length > MAX_EVENT_TYPES) throw invalid('events', `events: at most ${MAX_EVENT_TYPES} event types`);
  const strange = items.filter((item) => !ELIGIBLE_EVENTS.has(item));
  if (strange.length > 0) throw invalid('events', `events: not eligible for event hooks: ${strange.join(', ')}`);
  if (channel.type !== 'HTTP' || channel.version !== '1.0.0') throw invalid('channel', 'channel: HTTP, version 1.0.0');
  const uri = typeof config.uri === 'string' && URL.canParse(config.uri) ? new URL(config.uri) : undefined;
  const local = call.hooks.allowHttp && uri?.protocol === 'http:' && uri.hostname === '127.0.0.1';
  if (!uri || (uri.protocol !== 'https:' && !local))
    throw invalid('channel', 'channel.config.uri: must be an https URL');
  const scheme = config.authScheme === undefined ? undefined : asObject(config.authScheme);
  if (scheme && (scheme.type !== 'HEADER' || typeof scheme.key !== 'string' || typeof scheme.value !== 'string'))
    throw invalid('channel', 'channel.config.authScheme: type HEADER, key and value are needed');
  return {
    name,
    description: typeof body.description === 'string' ? body.description : null,
    items,
    filter: events.filter ?? null,
    uri: uri.href,
    headers: Array.isArray(config.headers) ? (config.headers as Hook['headers']) : [],
    authScheme: scheme as Hook['authScheme'],
  };
}

function hookOf(call: Call): Hook {
  const id = call.params.eventHookId ?? '';
  const hook = call.state.hooks.get(id);
  if (!hook) throw notFound(id, 'EventHook');
  return hook;
}

const note = (call: Call, event: string, hook: Hook) =>
  record(call.state, doer(call), `event_hook.${event}`, [
    { id: hook.id, type: 'EventHook', alternateId: hook.name, displayName: hook.name },
  ]);

const show = (call: Call, hook: Hook) => ({ status: 200, body: renderHook(hook, call.base) });
const reading = { method: 'GET', scope: 'okta.eventHooks.read', permission: 'eventHooks.read' } as const;
const managing = { scope: 'okta.eventHooks.manage', permission: 'eventHooks.manage' } as const;
const ONE = '/api/v1/eventHooks/{eventHookId}';

export const eventHookRoutes: Route[] = [
  {
    ...reading,
    path: '/api/v1/eventHooks',
    handle: (call) => ({ status: 200, body: call.state.hooks.rows.map((hook) => renderHook(hook, call.base)) }),
  },
  { ...reading, path: ONE, handle: (call) => show(call, hookOf(call)) },
  {
    ...managing,
    method: 'POST',
    path: '/api/v1/eventHooks',
    handle: (call) => {
      const settings = settingsOf(call);
      const now = call.state.now();
      const hook = call.state.hooks.add({
        ...settings,
        id: call.state.id('who'),
        seq: call.state.seq(),
        status: 'ACTIVE',
        verificationStatus: 'UNVERIFIED',
        created: now,
        createdBy: call.principal.actor.id,
        lastUpdated: now,
      });
      note(call, 'created', hook);
      return show(call, hook);
    },
  },
  {
    ...managing,
    method: 'PUT',
    path: ONE,
    handle: (call) => {
      const hook = hookOf(call);
      const settings = settingsOf(call);
      const channel = ({ uri, headers, authScheme }: Pick<Hook, 'uri' | 'headers' | 'authScheme'>) =>
        JSON.stringify([uri, headers, authScheme]);
      if (channel(settings) !== channel(hook)) hook.verificationStatus = 'UNVERIFIED';
      Object.assign(hook, settings, { lastUpdated: call.state.now() });
      note(call, 'updated', hook);
      return show(call, hook);
    },
  },
  {
    ...managing,
    method: 'DELETE',
    path: ONE,
    handle: (call) => {
      const hook = hookOf(call);
      if (hook.status === 'ACTIVE')
        throw invalid('eventHook', 'An active event hook must be deactivated before it is deleted');
      call.state.hooks.delete(hook.id);
      note(call, 'deleted', hook);
      return { status: 204 };
    },
  },
  {
    ...managing,
    method: 'POST',
    path: `${ONE}/lifecycle/verify`,
    handle: async (call) => {
      const hook = hookOf(call);
      const others = call.state.hooks.rows.filter(
        (one) => one !== hook && one.status === 'ACTIVE' && one.verificationStatus === 'VERIFIED',
      );
      if (others.length >= MAX_ACTIVE_VERIFIED)
        throw invalid('eventHook', `at most ${MAX_ACTIVE_VERIFIED} active and verified hooks`);
      if (!(await call.hooks.verify(hook.id)))
        throw invalid('eventHook', 'verification: the endpoint did not answer with the challenge');
      hook.verificationStatus = 'VERIFIED';
      note(call, 'verified', hook);
      return show(call, hook);
    },
  },
  ...(['activate', 'deactivate'] as const).map((action): Route => ({
    ...managing,
    method: 'POST',
    path: `${ONE}/lifecycle/${action}`,
    handle: (call) => {
      const hook = hookOf(call);
      hook.status = action === 'activate' ? 'ACTIVE' : 'INACTIVE';
      hook.lastUpdated = call.state.now();
      note(call, `${action}d`, hook);
      return show(call, hook);
    },
  })),
];
