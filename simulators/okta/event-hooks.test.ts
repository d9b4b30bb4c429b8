import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOktaSimulator } from './simulator.ts';
import type { OktaSimulator } from './simulator.ts';

interface Received {
  method: string;
  authorization: string | undefined;
  body: string;
}

let okta: OktaSimulator;
let receiver: Server;
let uri: string;
let received: Received[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const honest = (request: IncomingMessage, response: ServerResponse) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ verification: request.headers['x-okta-verification-challenge'] }));
};

beforeEach(async () => {
  received = [];
  answer = honest;
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ method: request.method ?? '', authorization: request.headers.authorization, body });
      answer(request, response);
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  uri = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
  okta = await createOktaSimulator({ allowHttpHooks: true, fill: { users: 30, groups: 4, events: 30 } });
  okta.control.knobs({ hooks: { batchMs: 20, timeoutMs: 200 } });
});
afterEach(async () => {
  await okta.close();
  receiver.closeAllConnections();
  receiver.close();
});

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(okta.url + path, {
    method,
    headers: { authorization: `SSWS ${okta.token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body === undefined ? (method === 'POST' ? '' : undefined) : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: (text ? JSON.parse(text) : {}) as Record<string, unknown> };
}
const settings = (items: string[], to = uri) => ({
  name: 'castellan',
  events: { type: 'EVENT_TYPE', items, filter: null },
  channel: {
    type: 'HTTP',
    version: '1.0.0',
    config: { uri: to, headers: [], authScheme: { type: 'HEADER', key: 'Authorization', value: 'hook secret' } },
  },
});
const create = async (items: string[]) => {
  const made = await ask('POST', '/api/v1/eventHooks', settings(items));
  expect(made.status).toBe(200);
  return String(made.body.id);
};
const deliveries = () => received.filter((one) => one.method === 'POST');
const events = () =>
  deliveries().flatMap(
    (one) => (JSON.parse(one.body) as { data: { events: { eventType: string; uuid: string }[] } }).data.events,
  );

describe('event hooks', () => {
  it('are verified by a challenge, then send several events in one delivery with the secret', async () => {
    const id = await create(['user.lifecycle.suspend', 'user.lifecycle.unsuspend']);
    okta.control.setStatus({ user: 'user0001@acme.test', status: 'SUSPENDED' });
    const verified = await ask('POST', `/api/v1/eventHooks/${id}/lifecycle/verify`);
    expect(verified.body.verificationStatus).toBe('VERIFIED');
    expect(JSON.stringify(verified.body)).not.toContain('hook secret');
    okta.control.setStatus({ user: 'user0001@acme.test', status: 'ACTIVE' });
    okta.control.setStatus({ user: 'user0002@acme.test', status: 'SUSPENDED' });
    okta.control.setStatus({ user: 'user0005@acme.test', status: 'LOCKED_OUT' });
    await vi.waitFor(() => expect(okta.control.counters().hookDeliveries.answered).toBe(1));
    expect(events().map((event) => event.eventType)).toEqual(['user.lifecycle.unsuspend', 'user.lifecycle.suspend']);
    expect(received.every((one) => one.authorization === 'hook secret')).toBe(true);
  });

  it('retry once after a 5xx and never after a 4xx', async () => {
    const id = await create(['user.lifecycle.suspend']);
    await ask('POST', `/api/v1/eventHooks/${id}/lifecycle/verify`);
    answer = (_, response) => response.writeHead(500).end();
    okta.control.setStatus({ user: 'user0001@acme.test', status: 'SUSPENDED' });
    await vi.waitFor(() => expect(okta.control.counters().hookDeliveries.failed).toBe(1));
    expect(deliveries()).toHaveLength(2);
    answer = (_, response) => response.writeHead(400).end();
    okta.control.setStatus({ user: 'user0002@acme.test', status: 'SUSPENDED' });
    await vi.waitFor(() => expect(okta.control.counters().hookDeliveries.failed).toBe(2));
    expect(deliveries()).toHaveLength(3);
    expect(okta.control.truth({ only: ['logs'] }).logs?.eventTypes['event_hook.delivery']).toBe(2);
  });

  it('retry once when the endpoint is too slow, and can come twice, turned round or not at all', async () => {
    const id = await create(['user.lifecycle.suspend']);
    await ask('POST', `/api/v1/eventHooks/${id}/lifecycle/verify`);
    answer = () => undefined;
    okta.control.setStatus({ user: 'user0001@acme.test', status: 'SUSPENDED' });
    await vi.waitFor(() => expect(okta.control.counters().hookDeliveries.failed).toBe(1), 3_000);
    expect(deliveries()).toHaveLength(2);
    answer = honest;
    okta.control.knobs({ hooks: { duplicateProbability: 1, reorder: true } });
    okta.control.setStatus({ user: 'user0002@acme.test', status: 'SUSPENDED' });
    okta.control.setStatus({ user: 'user0005@acme.test', status: 'SUSPENDED' });
    await vi.waitFor(() => expect(okta.control.counters().hookDeliveries.answered).toBe(2));
    const ids = events()
      .slice(2)
      .map((event) => event.uuid);
    const rows = okta.state.log.persisted().filter((row) => row.event.eventType === 'user.lifecycle.suspend');
    const [second, third] = rows.slice(-2).map((row) => row.event.uuid);
    expect(ids).toEqual([third, second, third, second]);
    okta.control.knobs({ hooks: { lossProbability: 1 } });
    okta.control.setStatus({ user: 'user0006@acme.test', status: 'SUSPENDED' });
    expect(okta.control.counters().hookDeliveries.lost).toBe(1);
  });

  it('refuse what Okta refuses', async () => {
    const hooks = '/api/v1/eventHooks';
    expect((await ask('POST', hooks, settings(['policy.evaluate_sign_on']))).status).toBe(400);
    expect((await ask('POST', hooks, settings([]))).status).toBe(400);
    expect((await ask('POST', hooks, settings(['user.session.start'], 'http://hooks.test/x'))).status).toBe(400);
    const id = await create(['user.session.start']);
    answer = (_, response) => response.end('{"verification":"something else"}');
    expect((await ask('POST', `${hooks}/${id}/lifecycle/verify`)).status).toBe(400);
    answer = honest;
    await ask('POST', `${hooks}/${id}/lifecycle/verify`);
    const changed = await ask('PUT', `${hooks}/${id}`, settings(['user.session.start'], `${uri}/2`));
    expect(changed.body.verificationStatus).toBe('UNVERIFIED');
    expect((await ask('DELETE', `${hooks}/${id}`)).status).toBe(400);
    await ask('POST', `${hooks}/${id}/lifecycle/deactivate`);
    expect((await ask('DELETE', `${hooks}/${id}`)).status).toBe(204);
    expect((await ask('GET', `${hooks}/${id}`)).status).toBe(404);
  });
});
