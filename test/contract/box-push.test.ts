import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { PushRequest } from '../../connectors/connector.ts';
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
const open = (settings = {}) => enterprise.open({ credential: credential() }, settings);
const hooks = () =>
  enterprise.simulator.control.truth({ only: ['webhooks'] }).webhooks as { target: { id: string }; owner: string }[];

it('is signed with the keys that came with the credential, and names the file as its owner sees it', async () => {
  expect(push.keysOf!(credential())).toEqual(keys);
  const { control } = enterprise.simulator;
  const folder = control.createItem({ type: 'folder', name: 'watched', owner: enterprise.owner }).id;
  const subscription = await push.subscribe(open(), { url, secret: 'unused' });
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
  await push.subscribe(open(), { url, secret: 'unused' });
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
  await push.subscribe(open(), { url, secret: 'unused' });
  expect(
    hooks()
      .map(({ owner }) => owner)
      .sort(),
  ).toEqual([...Array(4).fill(enterprise.owner), ...Array(4).fill(other)].sort());
  control.createItem({ type: 'folder', name: 'later', owner: other });
  const renewed = await push.subscribe(open(), { url, secret: 'unused' });
  expect(new Set(hooks().map(({ target }) => target.id)).size).toBe(9);
  expect(hooks()).toHaveLength(9);
  await push.unsubscribe(open(), renewed);
  await push.unsubscribe(open(), renewed);
  expect(hooks()).toEqual([]);
  await push.subscribe(open({ webhooks: 3 }), { url, secret: 'unused' });
  expect(hooks()).toHaveLength(3);
});

it('is not asked for without keys, nor where no folder is', async () => {
  await expect(push.subscribe(enterprise.open(), { url, secret: 'unused' })).rejects.toMatchObject({
    kind: 'invalid',
    details: { field: 'credential.webhookKeys' },
  });
  await expect(push.subscribe(open(), { url, secret: 'unused' })).rejects.toMatchObject({ kind: 'notFound' });
  expect(hooks()).toEqual([]);
});
