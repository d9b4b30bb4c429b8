import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { box } from '../connectors/box/index.ts';
import type { PushRequest } from '../connectors/push-request.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { credentialOf, settingsOf, startEnterprise, type BoxEnterprise } from '../test/contract/box-enterprise.ts';
import { useDatabase } from '../test/support/use-database.ts';
import type { Dependencies } from './dependencies.ts';
import type { Opened } from './open-session.ts';
import { keepSubscribed } from './subscriptions.ts';

const database = useDatabase();
let store: Store;
let enterprise: BoxEnterprise;
let hook: Server;
let connectionId: string;
const received: PushRequest[] = [];

beforeAll(async () => {
  store = await openStore({ uri: database.uri, database: database.name, key: randomBytes(32) });
  enterprise = await startEnterprise({ allowHttpHooks: true });
  hook = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    received.push({ method: 'POST', path: ['box', connectionId], headers, query: {}, body });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const credential = credentialWith(['key-1', 'key-2']);
  const { _id } = await store.connections.create({
    app: 'box',
    name: 'Box',
    label: 'box',
    settings: settingsOf(enterprise.simulator),
    credential,
    identity: {},
    wanted: 'running',
    governance: 'off',
    protected: [],
    scanEveryMs: 3_600_000,
    parallel: 1,
    createdBy: 'test',
  });
  connectionId = _id;
}, 60_000);
afterAll(async () => {
  hook.closeAllConnections();
  await new Promise((resolve) => hook.close(resolve));
  await enterprise.close();
  await store.close();
});

const credentialWith = (webhookKeys: string[]) => credentialOf(enterprise.simulator, { webhookKeys });
const stored = async () => (await store.connections.get(connectionId))!;

/** As a round of the watch lane does. */
async function round({
  goOn = true,
  path = '',
  during = async () => {},
}: { goOn?: boolean; path?: string; during?: () => Promise<void> } = {}): Promise<string[]> {
  const connection = await stored();
  const credential = store.connections.openCredential(connection);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const publicUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}${path}`;
  const push: typeof box.push = {
    ...box.push!,
    async subscribe(...given) {
      const reached = await box.push!.subscribe(...given);
      await during();
      return reached;
    },
  };
  const connector = { ...box, push };
  const opened = { connector, connection, session: enterprise.open({ credential }) } as unknown as Opened;
  await keepSubscribed(
    { store, publicUrl, log } as unknown as Dependencies,
    opened,
    await store.subscriptions.get(connectionId),
    () => goOn,
  );
  return store.connections.openWebhookSecrets(await stored());
}

/** What the API does with a delivery: with the keys it finds, and no credential. */
async function taken(request: PushRequest): Promise<boolean> {
  try {
    return box.push!.receive(request, store.connections.openWebhookSecrets(await stored())).touched.length > 0;
  } catch {
    return false;
  }
}

it('keeps the signature keys that came with the credential, through a rotation of one and then the other', async () => {
  const { control } = enterprise.simulator;
  const folder = control.createItem({ type: 'folder', name: 'watched', owner: enterprise.owner }).id;
  expect(await round()).toEqual(['key-1', 'key-2']);
  expect(await round()).toEqual(['key-1', 'key-2']);
  const deliver = async (primary: string, secondary: string): Promise<PushRequest> => {
    control.putApp({ signatureKeys: { primary, secondary } });
    const before = received.length;
    control.createItem({ type: 'file', name: `f${before}.txt`, parent: folder, text: 'x' });
    await expect.poll(() => received.length).toBeGreaterThan(before);
    return received.at(-1)!;
  };
  const first = await deliver('key-1', 'key-2');
  expect(await taken(first)).toBe(true);

  // At Box the primary key is made anew; until it is told here, the secondary proves it.
  const between = await deliver('key-3', 'key-2');
  expect(await taken(between)).toBe(true);
  await store.connections.recredential(connectionId, credentialWith(['key-3', 'key-2']), {});
  expect(await round()).toEqual(['key-3', 'key-2']);
  expect(await taken(between)).toBe(true);

  // Then the other. What only the keys of before signed is let in no more.
  await store.connections.recredential(connectionId, credentialWith(['key-3', 'key-4']), {});
  expect(await round()).toEqual(['key-3', 'key-4']);
  expect(await taken(await deliver('key-3', 'key-4'))).toBe(true);
  expect(await taken(first)).toBe(false);
  // A credential that tells no keys changes none.
  await store.connections.recredential(connectionId, credentialWith([]), {});
  expect(await round()).toEqual(['key-3', 'key-4']);
});

const hooks = () =>
  enterprise.simulator.control.truth({ only: ['webhooks'] }).webhooks as { id: string; address: string }[];
const subscription = async () => (await store.subscriptions.get(connectionId))!;

describe('a subscription', () => {
  beforeAll(() => store.connections.recredential(connectionId, credentialWith(['key-1']), {}));

  it('is given a changed address in the next round, and asked for it once in a while if that fails', async () => {
    await round();
    const { control } = enterprise.simulator;
    control.faults({ add: [{ kind: 'status', status: 500, method: 'PUT', path: '/webhooks/' }] });
    await round({ path: '/moved' });
    await round({ path: '/moved' });
    expect(control.faults()).toMatchObject([{ struck: 1 }]);
    expect((await subscription()).url).not.toContain('/moved');
    control.faults({ clear: true });
    await store.subscriptions.put({ ...(await subscription()), renewAt: store.now() });
    await round({ path: '/moved' });
    expect(hooks().every(({ address }) => address.includes('/moved/'))).toBe(true);
    expect((await subscription()).url).toContain('/moved');
    control.resetCounters();
    await round({ path: '/moved' });
    expect(control.counters().calls).toEqual({});
    await round();
    expect(hooks().some(({ address }) => address.includes('/moved/'))).toBe(false);
  });

  it('that takes long is gone on with in the next round', async () => {
    const { control } = enterprise.simulator;
    for (let at = 0; at < 60; at += 1) {
      const { id } = control.createUser({ login: `many${at}@acme.test`, name: `Many ${at}` });
      control.createItem({ type: 'folder', name: 'own', owner: id });
    }
    await store.subscriptions.lapse(connectionId);
    const counts: number[] = [];
    for (let rounds = 0; rounds < 10; rounds += 1) {
      await round({ goOn: false });
      counts.push(hooks().length);
      if ((await subscription()).next === undefined) break;
    }
    expect(counts.length).toBeGreaterThan(3);
    expect(counts.at(-1)).toBe(61);
    expect(new Set(counts).size).toBeGreaterThan(2);
    expect((await subscription()).renewAt!.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
  });

  it('that Box ended is made again in the next round', async () => {
    enterprise.simulator.control.endWebhook({ id: hooks()[0]!.id });
    await round();
    expect(hooks()).toHaveLength(60);
    await store.subscriptions.lapse(connectionId);
    await round();
    expect(hooks()).toHaveLength(61);
    expect((await subscription()).lapsed).toBeUndefined();
  });

  it('of which Box ends a part while it is looked through is looked through once more', async () => {
    await store.subscriptions.lapse(connectionId);
    let steps = 0;
    await round({
      during: async () => {
        steps += 1;
        if (steps > 1) return;
        enterprise.simulator.control.endWebhook({ id: hooks()[0]!.id });
        await store.subscriptions.lapse(connectionId);
      },
    });
    expect([steps, hooks().length]).toEqual([1, 60]);
    expect(await subscription()).toMatchObject({ lapsed: true });
    expect((await subscription()).renewAt!.getTime()).toBeLessThanOrEqual(Date.now());
    await round();
    expect(hooks()).toHaveLength(61);
    expect((await subscription()).lapsed).toBeUndefined();
    expect((await subscription()).renewAt!.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
  });
});
