import { z } from 'zod';
import type { Subscribed, Subscription } from '../connector.ts';
import { createCursor } from '../kit/cursor.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { actAs, listUsers } from './accounts.ts';
import { all, call, listByMarker, segment } from './api.ts';
import { item as itemSchema, webhook as webhookSchema } from './schemas.ts';
import type { BoxSession } from './settings.ts';

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

const held = z.object({ user: z.string(), id: z.string() });
type Held = z.output<typeof held>;
/** Which webhooks are ours: Box lists them a user at a time. */
const subscriptionText = createCursor(1, z.object({ hooks: z.array(held) }));
/** Where a pass over all users stands, and what it found or made so far. */
const pass = z.object({
  url: z.string(),
  /** What was there before was given this address already. */
  settled: z.boolean(),
  hooks: z.array(held),
  marker: z.string().optional(),
  listed: z.boolean(),
});
type Pass = z.output<typeof pass>;
const passText = createCursor(1, pass);

const usersAtOnce = 25;
const callsAtOnce = 5;
const renewEveryMs = 24 * 3_600_000;

/**
 * One step of a pass over all users, on whose top folders the webhooks are: some users, and at the end the webhooks that
 * none of them has any more, which are deleted. What is there stays, as each tells of itself; what calls an earlier address
 * of ours, or was changed by hand, is corrected.
 */
export async function subscribeStep(session: BoxSession, url: string, known?: Subscribed): Promise<Subscription> {
  const before = known === undefined ? [] : subscriptionText.read(known.id).hooks;
  const at = passOf(session, url, known);
  if (at.listed) {
    const kept = new Set(at.hooks.map(({ id }) => id));
    await removeHooks(
      session,
      before.filter(({ id }) => !kept.has(id)),
    );
    // They last; looked through again for folders that came since.
    const expiresAt = new Date(session.now().getTime() + renewEveryMs);
    return { id: subscriptionText.write({ hooks: at.hooks }), expiresAt };
  }
  const made: Held[] = [];
  let next = at;
  try {
    next = await passOn(session, at, before, made);
  } catch (error) {
    // What was made is not forgotten; these users are looked at once more.
    if (made.length === 0) throw error;
  }
  const hooks = new Map([...before, ...next.hooks, ...made].map((hook) => [hook.id, hook]));
  return { id: subscriptionText.write({ hooks: [...hooks.values()] }), next: passText.write(next) };
}

export const unsubscribeAll = (session: BoxSession, { id }: Subscription): Promise<unknown> =>
  removeHooks(session, subscriptionText.read(id).hooks);

function passOf({ settings }: BoxSession, url: string, known?: Subscribed): Pass {
  const stands = known?.next === undefined ? undefined : passText.read(known.next);
  if (stands?.url === url) return stands;
  const settled = stands === undefined && known?.url === url;
  return { url, settled, hooks: [], listed: settings.webhooks === 0 };
}

/** The next users. `made` gets what was not there before, as it comes into being. */
async function passOn(session: BoxSession, at: Pass, before: readonly Held[], made: Held[]): Promise<Pass> {
  const users = await listUsers(session, at.marker, usersAtOnce);
  const active = users.rows.filter(({ status }) => status === 'active');
  const found = (await inParallel(active, callsAtOnce, ({ id }) => topFolders(session, id))).flat();
  const wanted = found.slice(0, session.settings.webhooks - at.hooks.length);
  const theirs = new Map(
    await inParallel([...new Set(wanted.map(({ user }) => user))], callsAtOnce, async (user) => {
      return [user, await hooksOf(session, user)] as const;
    }),
  );
  const ours = new Set(before.map(({ id }) => id));
  const hooks = await inParallel(wanted, callsAtOnce, async ({ user, folder }): Promise<Held | undefined> => {
    const there = theirs.get(user)?.get(folder);
    const owner = await actAs(session, user);
    const settled = there !== undefined && at.settled && ours.has(there);
    if (settled && (await isAsMade(owner, there, at.url))) return { user, id: there };
    const own = there !== undefined && (ours.has(there) || (await isOwn(owner, there)));
    if (there !== undefined && !own) return undefined;
    const id = (own && (await readdress(owner, there, at.url))) || (await addHook(owner, folder, at.url));
    if (id === undefined) return undefined;
    if (!ours.has(id)) made.push({ user, id });
    return { user, id };
  });
  const soFar = [...at.hooks, ...hooks.filter((hook) => hook !== undefined)];
  const listed = users.next === undefined || soFar.length >= session.settings.webhooks;
  return { ...at, hooks: soFar, marker: users.next, listed };
}

/** Box takes none on a root folder. */
async function topFolders(session: BoxSession, user: string): Promise<{ user: string; folder: string }[]> {
  const owner = await actAs(session, user);
  const items = await listByMarker(owner, '/folders/{folder_id}/items', '/folders/0/items', itemSchema, {
    accept: [403, 404],
    query: { usemarker: true, limit: 1000, fields: 'owned_by' },
  });
  return items.rows
    .filter(({ type, owned_by }) => type === 'folder' && owned_by?.id === user)
    .map(({ id }) => ({ user, folder: id }));
}

/** By the folder that they are on; no two of an app and a user are on the same. */
async function hooksOf(session: BoxSession, user: string): Promise<Map<string | undefined, string>> {
  const owner = await actAs(session, user);
  const { rows } = await all((marker) =>
    listByMarker(owner, '/webhooks', '/webhooks', webhookSchema, { marker, query: { limit: 200 } }),
  );
  return new Map(rows.map(({ id, target }) => [target?.id, id]));
}

const operation = '/webhooks/{webhook_id}';
const pathOf = (id: string) => `/webhooks/${segment(id)}`;

/** Somebody may have changed it at Box by hand. */
async function isAsMade(owner: BoxSession, id: string, url: string): Promise<boolean> {
  const answer = await call(owner, 'GET', operation, pathOf(id), { accept: [404] });
  if (answer.status === 404) return false;
  const { address, triggers: calledFor } = answer.json(webhookSchema);
  const isOurs = URL.canParse(address ?? '') && new URL(address!).href === new URL(url).href;
  return isOurs && triggers.every((one) => calledFor?.includes(one));
}

/** The list tells no addresses. One of another connection of the same app is left to whoever made it. */
async function isOwn(owner: BoxSession, id: string): Promise<boolean> {
  const answer = await call(owner, 'GET', operation, pathOf(id), { accept: [404] });
  const address = answer.status === 404 ? undefined : answer.json(webhookSchema).address;
  return address?.split('/').at(-1) === owner.connectionId;
}

async function readdress(owner: BoxSession, id: string, address: string): Promise<string | undefined> {
  const answer = await call(owner, 'PUT', operation, pathOf(id), { accept: [404], body: { address, triggers } });
  return answer.status === 404 ? undefined : id;
}

/** 409 says that one was made there meanwhile, 403 that there are as many as may be, or not on this one. */
async function addHook(owner: BoxSession, folder: string, address: string): Promise<string | undefined> {
  const body = { target: { id: folder, type: 'folder' }, address, triggers };
  const answer = await call(owner, 'POST', '/webhooks', '/webhooks', { accept: [403, 404, 409], body });
  return answer.status < 300 ? answer.json(webhookSchema).id : undefined;
}

/** As somebody who is gone, or suspended where Box then refuses to act as them, none can be deleted. */
function removeHooks(session: BoxSession, hooks: readonly Held[]): Promise<unknown> {
  return inParallel(hooks, callsAtOnce, async ({ user, id }) => {
    await call(await actAs(session, user), 'DELETE', operation, pathOf(id), { accept: [403, 404] });
  });
}
