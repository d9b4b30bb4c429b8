import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Caller } from './caller.ts';
import { signature } from './hook-sender.ts';
import { createBoxSimulator } from './simulator.ts';
import type { BoxSimulator } from './simulator.ts';

interface Got {
  headers: Record<string, string>;
  text: string;
  body: { id: string; trigger: string; source: { id: string }; webhook: { id: string } };
}

let box: BoxSimulator;
let caller: Caller;
let server: Server;
let got: Got[];
let answers: number[];
let address: string;
let owner: string;
let folder: string;
let file: string;

beforeEach(async () => {
  got = [];
  answers = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      got.push({ headers: request.headers as Record<string, string>, text, body: JSON.parse(text) });
      response.writeHead(answers.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/box`;
  box = await createBoxSimulator({ allowHttpHooks: true, knobs: { hooks: { retryMs: 5 } } });
  caller = new Caller(box);
  await caller.signIn();
  owner = box.control.createUser({ name: 'Owner', login: 'owner@acme.test' }).id;
  folder = box.control.createItem({ type: 'folder', name: 'Watched', owner }).id;
  const inner = box.control.createItem({ type: 'folder', name: 'Inner', parent: folder }).id;
  file = box.control.createItem({ type: 'file', name: 'a.txt', parent: inner, text: 'a' }).id;
});
afterEach(async () => {
  await box.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const hook = (given: Record<string, unknown> = {}) =>
  caller.ask('POST', '/webhooks', {
    as: owner,
    body: {
      target: { type: 'folder', id: folder },
      address,
      triggers: ['SHARED_LINK.CREATED', 'FILE.TRASHED'],
      ...given,
    },
  });
const arrived = (count: number) => vi.waitFor(() => expect(got).toHaveLength(count), { timeout: 3_000 });

describe('webhooks', () => {
  it('call for what happens below their target, with both signatures', async () => {
    const made = (await hook()).body;
    box.control.setLink({ id: file, link: { access: 'open' } });
    box.control.rename({ id: file, name: 'b.txt' });
    await arrived(1);
    const [{ headers, text, body }] = got as [Got];
    expect(body).toMatchObject({
      type: 'webhook_event',
      trigger: 'SHARED_LINK.CREATED',
      webhook: { id: made.id },
      source: { id: file },
    });
    const at = headers['box-delivery-timestamp'] as string;
    expect(headers['box-signature-primary']).toBe(signature('primary-key-1', text, at));
    expect(headers['box-signature-secondary']).toBe(signature('secondary-key-1', text, at));
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
    box.control.putApp({ signatureKeys: { primary: 'new', secondary: 'primary-key-1' } });
    box.control.trash({ id: file });
    await arrived(2);
    const next = got[1] as Got;
    expect(next.headers['box-signature-primary']).toBe(
      signature('new', next.text, String(next.headers['box-delivery-timestamp'])),
    );
  });

  it('signs as the published vector says', () => {
    const body = '{"type":"webhook_event","id":"evt-1","trigger":"FILE.UPLOADED"}';
    expect(signature('primary-key-1', body, '2026-01-01T00:00:00-08:00')).toBe(
      'z9sRmMeP5IgNG8qhbVVIg4lo/J6BkAeVR0E56rKmi2I=',
    );
  });

  it('are tried again with the same event and another delivery id, until they give up', async () => {
    await hook();
    answers = [500, 503];
    box.control.trash({ id: file });
    await arrived(3);
    expect(new Set(got.map((one) => one.body.id)).size).toBe(1);
    expect(new Set(got.map((one) => one.headers['box-delivery-id'])).size).toBe(3);
    answers = [500, 500, 500];
    box.control.knobs({ hooks: { attempts: 2 } });
    box.control.setLink({ id: folder, link: { access: 'company' } });
    await vi.waitFor(() => expect(box.control.counters().hookDeliveries.failed).toBe(4));
    expect(box.control.counters().hookDeliveries).toMatchObject({ sent: 5, answered: 1, failed: 4 });
  });

  it('come twice, the wrong way round or not at all when told', async () => {
    await hook({ triggers: ['FILE.RENAMED', 'FILE.TRASHED'] });
    box.control.knobs({ hooks: { duplicateProbability: 1 } });
    box.control.rename({ id: file, name: 'c.txt' });
    await arrived(2);
    expect(got[0]?.body.id).toBe(got[1]?.body.id);
    box.control.knobs({ hooks: { duplicateProbability: 0, reorder: true } });
    box.control.rename({ id: file, name: 'd.txt' });
    box.control.trash({ id: file });
    await arrived(4);
    expect(got.slice(2).map((one) => one.body.trigger)).toEqual(['FILE.TRASHED', 'FILE.RENAMED']);
    box.control.knobs({ hooks: { reorder: false, lossProbability: 1 } });
    box.control.restore({ id: file });
    box.control.rename({ id: file, name: 'e.txt' });
    expect(box.control.counters().hookDeliveries.lost).toBe(1);
  });

  it('are ended by Box with what they are on, after what it tells last', async () => {
    const made = (await hook({ triggers: ['FOLDER.DELETED'] })).body;
    box.control.purge({ id: folder });
    await arrived(1);
    expect(got[0]?.body).toMatchObject({ trigger: 'FOLDER.DELETED', webhook: { id: made.id } });
    expect((await caller.get('/webhooks', owner)).body.entries).toEqual([]);
  });

  it('are ended, which is told, when their address answers no more for 30 days and was called in the last 16', async () => {
    const day = 86_400_000;
    const made = (await hook()).body;
    box.control.knobs({ hooks: { attempts: 1 } });
    const fails = async (days: number, name: string) => {
      box.control.knobs({ clockSkewMs: days * day });
      answers = [500];
      box.control.setLink({ id: file, link: { access: name === 'a' ? 'open' : 'company' } });
      box.control.setLink({ id: file, link: null });
      await vi.waitFor(() => expect(answers).toEqual([]));
      box.control.runDue();
    };
    await fails(10, 'a');
    await fails(31, 'b');
    await vi.waitFor(() => expect(got.at(-1)?.body.trigger).toBe('WEBHOOK.DELETED'));
    expect(got.at(-1)?.body).toMatchObject({ webhook: { id: made.id }, additional_info: { reason: 'auto_cleanup' } });
    expect(box.control.truth({ only: ['webhooks'] }).webhooks).toEqual([]);
  });

  it('are ended, which is told, when the last token is revoked that made them, not when it runs out', async () => {
    await hook();
    box.control.expireAccessTokens();
    await caller.signIn();
    expect(box.control.truth({ only: ['webhooks'] }).webhooks).toHaveLength(1);
    const [token] = box.state.tokens.keys();
    const { clientId: client_id, clientSecret: client_secret } = box;
    const form = new URLSearchParams({ client_id, client_secret, token: token! });
    await fetch(`${box.url}/oauth2/revoke`, { method: 'POST', body: form });
    await arrived(1);
    expect(got[0]?.body.trigger).toBe('WEBHOOK.DELETED');
    expect(box.control.truth({ only: ['webhooks'] }).webhooks).toEqual([]);
  });

  it('tell no more than that there is no session once the app is not authorised', async () => {
    await hook();
    box.control.putApp({ authorized: false });
    box.control.trash({ id: file });
    await arrived(1);
    expect(got[0]?.body).toMatchObject({ trigger: 'NO_ACTIVE_SESSION', source: { type: 'file', id: file } });
    expect(got[0]?.text).not.toContain('a.txt');
  });

  it('are one for a target, of one app and user, so many and no more, and never on the root', async () => {
    const made = await hook();
    expect(made.status).toBe(201);
    expect((await hook()).status).toBe(409);
    expect((await hook({ target: { type: 'folder', id: '0' } })).status).toBe(400);
    expect((await hook({ target: { type: 'file', id: file }, triggers: ['FOLDER.MOVED'] })).status).toBe(400);
    expect((await hook({ target: { type: 'file', id: file }, address: 'http://example.test/' })).status).toBe(400);
    box.control.knobs({ hooks: { limit: 1 } });
    expect((await hook({ target: { type: 'file', id: file } })).status).toBe(403);
    expect((await caller.get('/webhooks')).body.entries).toEqual([]);
    expect((await caller.get('/webhooks', owner)).body.entries).toHaveLength(1);
    expect((await caller.get(`/webhooks/${String(made.body.id)}`)).status).toBe(404);
    expect((await caller.ask('DELETE', `/webhooks/${String(made.body.id)}`, { as: owner })).status).toBe(204);
    box.control.trash({ id: file });
    expect(box.control.counters().hookDeliveries.sent).toBe(0);
  });
});
