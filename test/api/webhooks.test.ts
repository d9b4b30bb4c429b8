import { beforeEach, describe, expect, it } from 'vitest';
import { useApi, type CallOptions } from './start-api.ts';

const api = useApi();
let id: string;
let secret: string;
beforeEach(async () => {
  api.temporal.failing = {};
  id = (await api.connect()).id;
  secret = api.store.connections.openWebhookSecrets((await api.store.connections.get(id))!)[0]!;
});
const push = (path: string, raw: string | Uint8Array, headers: Record<string, string>, more: CallOptions = {}) =>
  api.call('POST', `/webhooks/${path}`, { as: null, raw, headers, ...more });

describe('webhooks', () => {
  it('store what they name before they are answered, then wake the workflow', async () => {
    const { status, text } = await push(`acme/${id}`, 'u1,u2', { 'x-acme-secret': secret });
    expect([status, text]).toEqual([204, '']);
    const pending = await api.store.pending.take(id, 10);
    expect(pending.map(({ kind, vendorId }) => `${kind}/${vendorId}`).toSorted()).toEqual([
      'accounts/u1',
      'accounts/u2',
    ]);
    expect(api.temporal.of('signal', id)).toMatchObject([{ name: 'changed' }]);
  });

  it('are answered also when the signal fails: what they name is stored', async () => {
    api.temporal.failing.signal = { kind: 'server', why: 'away' };
    expect((await push(`acme/${id}`, 'u1', { 'x-acme-secret': secret })).status).toBe(204);
    expect(await api.store.pending.count(id)).toBe(1);
  });

  it('are not answered 2xx when nothing could be stored', async () => {
    const { add } = api.store.pending;
    const away = Object.assign(new Error('no primary'), { name: 'MongoServerSelectionError' });
    api.store.pending.add = () => Promise.reject(away);
    const { status } = await push(`acme/${id}`, 'u1', { 'x-acme-secret': secret });
    api.store.pending.add = add;
    expect(status).toBe(503);
    expect(api.temporal.of('signal', id)).toHaveLength(0);
  });

  it('that come again are answered and lead to nothing, unless they failed here before', async () => {
    const send = (as: string) => push(`acme/${id}`, 'u1', { 'x-acme-secret': secret, 'x-acme-id': as });
    const { add } = api.store.pending;
    const away = Object.assign(new Error('no primary'), { name: 'MongoServerSelectionError' });
    api.store.pending.add = () => Promise.reject(away);
    expect((await send('d1')).status).toBe(503);
    api.store.pending.add = add;
    expect((await send('d1')).status).toBe(204);
    const taken = await api.store.pending.take(id, 10);
    expect(taken).toHaveLength(1);
    expect((await send('d1')).status).toBe(204);
    expect(await api.store.pending.take(id, 10)).toEqual(taken);
    expect((await send('d2')).status).toBe(204);
    expect((await api.store.pending.take(id, 10))[0]!.stamp).not.toBe(taken[0]!.stamp);
  });

  it('that say that the app calls no more have the subscription made again', async () => {
    const renewAt = new Date(Date.now() + 3_600_000);
    const doc = { _id: id, connectionId: id, vendorId: 'h1', url: '', createdAt: new Date(), next: 'half', renewAt };
    await api.store.subscriptions.put(doc);
    expect((await push(`acme/${id}`, 'u1', { 'x-acme-secret': secret })).status).toBe(204);
    expect(await api.store.subscriptions.get(id)).toMatchObject({ renewAt });
    expect((await push(`acme/${id}`, '', { 'x-acme-secret': secret, 'x-acme-lapsed': 'yes' })).status).toBe(204);
    const lapsed = (await api.store.subscriptions.get(id))!;
    expect(lapsed.renewAt!.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    expect([lapsed.lapsed, lapsed.next]).toEqual([true, undefined]);
    expect(api.temporal.of('signal', id)).not.toHaveLength(0);
  });

  it('forged ones are a 401 and change nothing', async () => {
    for (const headers of [{}, { 'x-acme-secret': `${secret}x` }] as Record<string, string>[]) {
      const { status, body, text } = await push(`acme/${id}`, 'u1', headers);
      expect([status, body.code]).toEqual([401, 'forged']);
      expect(text).not.toContain(secret);
    }
    expect(await api.store.pending.count(id)).toBe(0);
    expect(api.temporal.of('signal', id)).toHaveLength(0);
    expect(api.logged()).not.toContain(secret);
  });

  it('another connection’s secret is forged too', async () => {
    const other = await api.connect();
    expect((await push(`acme/${other.id}`, 'u1', { 'x-acme-secret': secret })).status).toBe(401);
  });

  it('a secret that was just rotated still holds', async () => {
    await api.store.connections.rotateWebhookSecret(id);
    expect((await push(`acme/${id}`, 'u1', { 'x-acme-secret': secret })).status).toBe(204);
  });

  it.each(['nope/con_x', 'acme', 'acme/con_unknown0000000000', 'acme/%7B%22$gt%22:1%7D', ''])(
    'to %s are a 404',
    async (path) => {
      expect((await push(path, 'u1', { 'x-acme-secret': secret })).status).toBe(404);
    },
  );

  it('to a connection that was given up are a 404', async () => {
    await api.store.connections.setWanted(id, 'disconnected');
    expect((await push(`acme/${id}`, 'u1', { 'x-acme-secret': secret })).status).toBe(404);
  });

  it('a handshake is answered before any connection is known', async () => {
    const { status, text, headers } = await api.call('GET', '/webhooks/acme/any?challenge=%3Cb%3E', { as: null });
    expect([status, text]).toEqual([200, '<b>']);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
  });

  it('take bodies of any type up to 1 MB', async () => {
    const headers = { 'x-acme-secret': secret, 'content-type': 'application/octet-stream' };
    const large = Buffer.from('u1,'.padEnd(1_048_576, ','));
    expect((await push(`acme/${id}`, large, headers)).status).toBe(204);
    const tooLarge = await push(`acme/${id}`, Buffer.concat([large, Buffer.from(',')]), headers);
    expect([tooLarge.status, tooLarge.body.code]).toEqual([413, 'body-too-large']);
  });
});

describe('rotating the secret', () => {
  const rotate = (as: 'viewer' | 'operator' = 'operator') =>
    api.call('POST', `/v1/connections/${id}/webhook-secret/rotate`, { as });
  const sent = async (with_: string) => (await push(`acme/${id}`, 'u1', { 'x-acme-secret': with_ })).status;
  const newest = async () => api.store.connections.openWebhookSecrets((await api.store.connections.get(id))!)[0]!;
  const subscribed = (rotations: number) =>
    api.store.subscriptions.put({
      ...{ _id: id, connectionId: id, vendorId: 'h1' },
      url: '',
      createdAt: new Date(),
      rotations,
    });

  it('takes both until the vendor has the new one, then the old one for a time', async () => {
    await subscribed(0);
    const { status, body, text } = await rotate();
    expect([status, body.webhookSecret]).toEqual([202, { rotations: 1 }]);
    expect(text).not.toContain(await newest());
    expect(api.temporal.of('signal', id)).toMatchObject([{ name: 'changed' }]);
    expect([await sent(secret), await sent(await newest())]).toEqual([204, 204]);
    await subscribed(1);
    await api.store.connections.endWebhookOverlap(id, 1, 60_000);
    expect(await sent(secret)).toBe(204);
    const shown = (await api.call('GET', `/v1/connections/${id}`)).body.webhookSecret;
    expect(Date.parse(shown.previousUntil)).toBeGreaterThan(Date.now() + 30_000);

    expect((await rotate()).status).toBe(202);
    await api.store.connections.endWebhookOverlap(id, 1, 0);
    const second = await newest();
    await api.store.connections.endWebhookOverlap(id, 2, 0);
    expect([await sent(secret), await sent(second)]).toEqual([401, 204]);
  });

  it('waits until the vendor has the last one', async () => {
    await subscribed(0);
    await rotate();
    const { status, body } = await rotate();
    expect([status, body.code]).toEqual([409, 'wrong-state']);
    expect(await sent(secret)).toBe(204);
  });

  it('is for operators, and for connections that live', async () => {
    expect((await rotate('viewer')).status).toBe(403);
    await api.store.connections.setWanted(id, 'disconnected');
    expect((await rotate()).body.code).toBe('connection-ended');
  });
});
