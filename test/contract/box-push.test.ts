import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { PushRequest } from '../../connectors/push-request.ts';
import type { Session, Subscribed } from '../../connectors/connector.ts';
import { credentialOf, startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let server: Server;
let url: string;
let received: PushRequest[] = [];
/** How the receiver answers the next calls; 204 when there is nothing more. */
let answers: number[] = [];

beforeEach(async () => {
  enterprise = await startEnterprise({ allowHttpHooks: true, knobs: { hooks: { retryMs: 20 } } });
  received = [];
  answers = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({
        method: request.method!,
        path: request.url!.split('/').slice(3),
        headers: flat(request.headers),
        query: {},
        body: Buffer.concat(chunks),
      });
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/box/con_1`;
});
afterEach(async () => {
  await enterprise.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const flat = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
const keys = ['primary-key-1', 'secondary-key-1'];
const push = box.push!;
const credential = () => credentialOf(enterprise.simulator, { webhookKeys: keys });
const open = (settings = {}) => enterprise.open({ credential: credential(), connectionId: 'con_1' }, settings);
const hooks = () =>
  enterprise.simulator.control.truth({ only: ['webhooks'] }).webhooks as {
    id: string;
    target: { id: string };
    owner: string;
    address: string;
  }[];
const folderOf = (owner: string, name: string): string =>
  enterprise.simulator.control.createItem({ type: 'folder', name, owner }).id;
const userNamed = (name: string): string =>
  enterprise.simulator.control.createUser({ login: `${name}@acme.test`, name }).id;

/** To its end; each step on the stored text of the one before. */
async function subscribe(session: Session = open(), known?: Subscribed, to = url): Promise<Subscribed> {
  let at = known;
  for (let steps = 0; steps < 50; steps += 1) {
    const next = await push.subscribe(session, { url: to, secret: 'unused', known: at });
    at = { ...next, url: next.next === undefined ? to : (at?.url ?? '') };
    if (at.next === undefined) return at;
  }
  throw new Error('it does not come to its end');
}

it('is signed with the keys that came with the credential, and names the file as its owner sees it', async () => {
  expect(push.keysOf!(credential())).toEqual(keys);
  const { control } = enterprise.simulator;
  const folder = control.createItem({ type: 'folder', name: 'watched', owner: enterprise.owner }).id;
  const subscription = await subscribe();
  expect(subscription.expiresAt!.getTime()).toBeGreaterThan(Date.now());
  const { id } = control.createItem({ type: 'file', name: 'Zürich 💥.txt', parent: folder, text: 'a' });
  await expect.poll(() => received.length).toBeGreaterThan(0);
  const [request] = received as [PushRequest];
  expect(push.route(request)).toEqual({ connectionIds: ['con_1'] });
  expect(push.receive(request, keys).touched).toEqual([
    { kind: 'files', vendorId: `file:${id}`, part: enterprise.owner },
  ]);
  for (const one of keys) expect(push.receive(request, [one]).touched).toHaveLength(1);
  expect(() => push.receive(request, ['another-key'])).toThrow(expect.objectContaining({ kind: 'unauthorized' }));
});

it('comes again until it is taken, and says the same each time', async () => {
  const { control } = enterprise.simulator;
  const folder = control.createItem({ type: 'folder', name: 'watched', owner: enterprise.owner }).id;
  await subscribe();
  answers = [503, 503];
  control.setLink({ id: folder, link: { access: 'open' } });
  await expect.poll(() => received.length).toBe(3);
  const touched = received.map((request) => push.receive(request, keys).touched);
  expect(touched).toEqual(Array(3).fill([{ kind: 'files', vendorId: `folder:${folder}`, part: enterprise.owner }]));
  expect(new Set(received.map(({ headers }) => headers['box-delivery-id'])).size).toBe(3);
});

it('finds its own webhooks again, keeps to the number that is set, and leaves nothing behind', async () => {
  const { control } = enterprise.simulator;
  const other = control.createUser({ login: 'other@acme.test', name: 'Other' } as never).id;
  for (let at = 0; at < 4; at++) {
    control.createItem({ type: 'folder', name: `a${at}`, owner: enterprise.owner });
    control.createItem({ type: 'folder', name: `b${at}`, owner: other });
  }
  const first = await subscribe();
  expect(
    hooks()
      .map(({ owner }) => owner)
      .sort(),
  ).toEqual([...Array(4).fill(enterprise.owner), ...Array(4).fill(other)].sort());
  control.createItem({ type: 'folder', name: 'later', owner: other });
  const renewed = await subscribe(open(), first);
  expect(new Set(hooks().map(({ target }) => target.id)).size).toBe(9);
  expect(hooks()).toHaveLength(9);
  await push.unsubscribe(open(), renewed);
  await push.unsubscribe(open(), renewed);
  expect(hooks()).toEqual([]);
  await subscribe(open({ webhooks: 3 }));
  expect(hooks()).toHaveLength(3);
});

it('is not asked for without keys; where no folder is there is nothing to call for', async () => {
  await expect(push.subscribe(enterprise.open(), { url, secret: 'unused' })).rejects.toMatchObject({
    kind: 'invalid',
    details: { field: 'credential.webhookKeys' },
  });
  const none = await subscribe();
  expect(none.expiresAt!.getTime()).toBeGreaterThan(Date.now());
  expect(hooks()).toEqual([]);
  await push.unsubscribe(open(), none);
});

it('is made a few users at a time, and goes on from what is stored', async () => {
  const users = Array.from({ length: 60 }, (_, at) => userNamed(`user${at}`));
  for (const user of users) folderOf(user, 'own');
  const first = await push.subscribe(open(), { url, secret: 'unused' });
  const { length } = hooks();
  expect(length).toBeGreaterThan(10);
  expect(length).toBeLessThanOrEqual(25);
  expect(first.next).toBeTypeOf('string');
  enterprise.simulator.control.resetCounters();
  const done = await subscribe(open(), { ...first, url: '' });
  expect(hooks()).toHaveLength(60);
  expect(enterprise.simulator.control.counters().calls['POST /webhooks']).toBe(60 - length);

  // Given up in the middle: what is there by then is known.
  await push.unsubscribe(open(), done);
  const half = await push.subscribe(open(), { url, secret: 'unused' });
  await push.unsubscribe(open(), half);
  expect(hooks()).toEqual([]);
});

it('once it stands costs a look at each webhook and no more, and one that is gone is made again', async () => {
  for (const name of ['a', 'b', 'c']) folderOf(enterprise.owner, name);
  const first = await subscribe();
  const { control } = enterprise.simulator;
  control.endWebhook({ id: hooks()[1]!.id });
  control.resetCounters();
  await expect.poll(() => received.length).toBe(1);
  expect(push.receive(received[0]!, keys)).toMatchObject({ touched: [], lapsed: true });
  await subscribe(open(), first);
  expect(hooks()).toHaveLength(3);
  const { calls } = control.counters();
  expect([calls['POST /webhooks'], calls['GET /webhooks/{webhook_id}'], calls['PUT /webhooks/{webhook_id}']]).toEqual([
    1,
    2,
    undefined,
  ]);
});

it('what was changed at Box by hand is mended by the next renewal', async () => {
  for (const name of ['a', 'b', 'c']) folderOf(enterprise.owner, name);
  const first = await subscribe();
  const { control, state } = enterprise.simulator;
  const [one, other] = hooks();
  state.webhooks.get(one!.id)!.address = 'https://elsewhere.example.com/hook';
  state.webhooks.get(other!.id)!.triggers = ['FILE.UPLOADED'];
  control.resetCounters();
  await subscribe(open(), first);
  expect(new Set(hooks().map(({ address }) => address))).toEqual(new Set([url]));
  expect(state.webhooks.get(other!.id)!.triggers).toContain('COLLABORATION.CREATED');
  expect(control.counters().calls['PUT /webhooks/{webhook_id}']).toBe(2);
});

it('what was made before the app throttled is not forgotten', async () => {
  for (const name of ['a', 'b', 'c', 'd']) folderOf(enterprise.owner, name);
  const { control } = enterprise.simulator;
  control.faults({ add: [{ kind: 'throttle', ms: 1_000, method: 'POST', path: '/webhooks$', skip: 2 }] });
  const session = open();
  const some = await push.subscribe(session, { url, secret: 'unused' });
  expect(hooks()).toHaveLength(2);
  await expect(push.subscribe(session, { url, secret: 'unused', known: { ...some, url: '' } })).rejects.toMatchObject({
    kind: 'throttled',
  });
  control.faults({ clear: true });
  await push.unsubscribe(open(), some);
  expect(hooks()).toEqual([]);
});

describe('an address that changed', () => {
  const moved = () => url.replace('/webhooks/', '/elsewhere/webhooks/');
  const addresses = () => new Set(hooks().map(({ address }) => address));
  it('is given to what was subscribed before', async () => {
    for (const name of ['a', 'b']) folderOf(enterprise.owner, name);
    const first = await subscribe();
    const ids = hooks().map(({ id }) => id);
    const again = await subscribe(open(), first, moved());
    expect(addresses()).toEqual(new Set([moved()]));
    expect(hooks().map(({ id }) => id)).toEqual(ids);
    // Back again in the middle of it: nothing is taken to call the first address because it once did.
    const half = await push.subscribe(open(), { url, secret: 'unused', known: again });
    await subscribe(open(), { ...half, url: moved() }, moved());
    expect(addresses()).toEqual(new Set([moved()]));
  });

  it('is given to our own of which nothing is stored, and to no other connection’s', async () => {
    folderOf(enterprise.owner, 'a');
    await subscribe(open(), undefined, moved());
    const session = enterprise.open({ credential: credential(), connectionId: 'con_2' });
    await subscribe(session, undefined, url.replace('con_1', 'con_2'));
    expect(addresses()).toEqual(new Set([moved()]));
    await subscribe();
    expect(addresses()).toEqual(new Set([url]));
  });
});

it('what is wanted no more is deleted: of who was suspended, and past a lowered number', async () => {
  const { control } = enterprise.simulator;
  const other = userNamed('other');
  for (const name of ['a', 'b']) for (const owner of [enterprise.owner, other]) folderOf(owner, name);
  const first = await subscribe();
  expect(hooks()).toHaveLength(4);
  control.updateUser({ user: other, status: 'inactive' });
  const second = await subscribe(open(), first);
  expect(hooks().map(({ owner }) => owner)).toEqual([enterprise.owner, enterprise.owner]);
  const third = await subscribe(open({ webhooks: 1 }), second);
  expect(hooks()).toHaveLength(1);
  await subscribe(open({ webhooks: 0 }), third);
  expect(hooks()).toEqual([]);
});
