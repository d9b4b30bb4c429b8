import { describe, expect, it, beforeEach } from 'vitest';
import type { Phase } from '../../workflows/messages.ts';
import { useApi } from './start-api.ts';

const api = useApi();
beforeEach(() => {
  api.temporal.failing = {};
  api.temporal.heard = [];
});

const enter = (id: string, phase: Phase, scan: object = { number: 1 }) =>
  api.store.connections.writeState(id, {
    version: 1,
    phase,
    scan: scan as { number: number },
    rescansServed: 0,
    stages: {},
    waits: {},
    watch: { round: 0, changes: 0 },
    actions: { taken: 0, running: 0 },
    runs: 1,
  });
const wish = (id: string, name: string, options: object = {}) =>
  api.call('POST', `/v1/connections/${id}/${name}`, options);

describe('wishes', () => {
  it.each([
    ['pause', 'pause', 'paused'],
    ['resume', 'resume', 'running'],
    ['disconnect', 'disconnect', 'disconnected'],
    ['erase', 'disconnect', 'erased'],
  ])('%s: stored first, then told to the workflow', async (name, update, wanted) => {
    const { id } = await api.connect();
    await enter(id, 'watching');
    let storedWhenTold: string | undefined;
    api.temporal.onUpdate = async () => {
      storedWhenTold = (await api.store.connections.get(id))?.wanted;
    };
    const { status, body } = await wish(id, name, { headers: { 'idempotency-key': 'k' } });
    expect(status).toBe(name === 'resume' ? 200 : 202);
    expect(body.wanted).toBe(wanted);
    expect(storedWhenTold).toBe(wanted);
    const [told] = api.temporal.of('update', id);
    expect(told).toMatchObject({ name: update, updateId: expect.stringContaining(`${name}/key_`) as string });
  });

  it.each([
    ['pause', 'paused'],
    ['disconnect', 'disconnected'],
    ['erase', 'erased'],
  ] as const)('%s: 200 only when it is so, 202 while the workflow has only heard of it', async (name, phase) => {
    const { id } = await api.connect();
    await enter(id, 'needsCredentials');
    api.temporal.onUpdate = () => Promise.resolve();
    const heard = await wish(id, name);
    expect([heard.status, heard.body.phase]).toEqual([202, 'needsCredentials']);
    api.temporal.onUpdate = () => enter(id, phase);
    const obeyed = await wish(id, name);
    expect([obeyed.status, obeyed.body.phase]).toEqual([200, phase]);
  });

  it('stand when no worker answers: 503 that says so', async () => {
    const { id } = await api.connect();
    api.temporal.failing.update = { kind: 'worker', why: 'no worker answered in time' };
    const { status, body } = await wish(id, 'pause');
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'worker-unavailable', wanted: 'paused', who: 'operator' });
    expect(body.remedy).toMatch(/kept/);
    expect((await api.store.connections.get(id))?.wanted).toBe('paused');
  });

  it('stand when Temporal is away', async () => {
    const { id } = await api.connect();
    api.temporal.failing.update = { kind: 'server', why: 'connection refused' };
    const { status, body } = await wish(id, 'disconnect');
    expect([status, body.code]).toEqual([503, 'temporal-unavailable']);
    expect((await api.store.connections.get(id))?.wanted).toBe('disconnected');
  });

  it('do not stand when the workflow refuses', async () => {
    const { id } = await api.connect();
    api.temporal.failing.update = { kind: 'refused', why: 'it is erasing: it cannot pause' };
    const { status, body } = await wish(id, 'pause');
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'wrong-state', detail: 'it is erasing: it cannot pause' });
    expect((await api.store.connections.get(id))?.wanted).toBe('running');
  });

  it('start the workflow again when it does not run', async () => {
    const { id } = await api.connect();
    api.temporal.heard = [];
    api.temporal.failing.update = { kind: 'notRunning', why: 'no such workflow' };
    expect((await wish(id, 'pause')).status).toBe(202);
    expect(api.temporal.of('start', id)).toHaveLength(1);
    api.temporal.failing.start = { kind: 'server', why: 'away' };
    const { status, body } = await wish(id, 'resume');
    expect([status, body.code]).toEqual([503, 'temporal-unavailable']);
    expect((await api.store.connections.get(id))?.wanted).toBe('running');
  });

  it('are done already when it is so', async () => {
    const { id } = await api.connect();
    await api.store.connections.setWanted(id, 'paused');
    await enter(id, 'paused');
    expect((await wish(id, 'pause')).status).toBe(200);
    await api.store.connections.setWanted(id, 'disconnected');
    await enter(id, 'disconnected');
    expect((await wish(id, 'disconnect')).status).toBe(200);
    expect(api.temporal.of('update', id)).toHaveLength(0);
  });

  it('cannot be made to what has ended, but it can be erased', async () => {
    const { id } = await api.connect();
    await api.store.connections.setWanted(id, 'disconnected');
    await enter(id, 'disconnected');
    for (const name of ['pause', 'resume', 'rescan']) {
      const { status, body } = await wish(id, name);
      expect([status, body.code]).toEqual([409, 'connection-ended']);
    }
    const credential = { form: 'token', token: 'canary-token-1' };
    expect((await api.call('PUT', `/v1/connections/${id}/credential`, { body: { credential } })).status).toBe(409);
    expect((await api.call('PATCH', `/v1/connections/${id}`, { body: { name: 'x' } })).status).toBe(409);
    expect((await wish(id, 'erase')).status).toBe(202);
    expect((await api.store.connections.get(id))?.wanted).toBe('erased');
  });

  it('take no body and no parameters', async () => {
    const { id } = await api.connect();
    const withBody = await wish(id, 'pause', { body: { why: 'x' } });
    expect(withBody.status).toBe(400);
    expect(withBody.body.errors[0].pointer).toBe('/why');
    expect((await wish(id, 'pause?now=1')).body.errors[0].parameter).toBe('now');
    expect((await api.store.connections.get(id))?.wanted).toBe('running');
  });

  it('need their role', async () => {
    const { id } = await api.connect();
    for (const name of ['pause', 'resume', 'rescan', 'disconnect', 'erase'])
      expect((await wish(id, name, { as: 'viewer' })).status).toBe(403);
    expect((await wish(id, 'erase', { as: 'operator' })).status).toBe(403);
    expect((await api.call('DELETE', `/v1/connections/${id}?erase=true`, { as: 'operator' })).status).toBe(403);
    expect((await wish(id, 'pause', { as: 'operator' })).status).toBe(202);
  });

  it('DELETE disconnects, and erases when told to', async () => {
    const one = await api.connect();
    await api.call('DELETE', `/v1/connections/${one.id}`, { as: 'operator' });
    expect((await api.store.connections.get(one.id))?.wanted).toBe('disconnected');
    await api.call('DELETE', `/v1/connections/${one.id}?erase=true`);
    expect((await api.store.connections.get(one.id))?.wanted).toBe('erased');
    expect((await api.call('DELETE', `/v1/connections/${one.id}?erase=maybe`)).status).toBe(400);
  });
});

describe('rescan', () => {
  it('is counted and told', async () => {
    const { id } = await api.connect();
    await enter(id, 'watching');
    expect((await wish(id, 'rescan')).status).toBe(202);
    expect((await api.store.connections.get(id))?.rescanWanted).toBe(1);
    expect(api.temporal.of('update', id)).toMatchObject([{ name: 'rescan' }]);
  });

  it.each([
    ['paused', { number: 1 }, /resume/],
    ['needsCredentials', { number: 1 }, /credentials/],
    ['scanning', { number: 3, startedAt: '2026-01-01T00:00:00Z' }, /finished/],
  ] as const)('is refused while %s, saying what to do', async (phase, scan, remedy) => {
    const { id } = await api.connect();
    await enter(id, phase, scan);
    const { status, body } = await wish(id, 'rescan');
    expect([status, body.code]).toEqual([409, 'wrong-state']);
    expect(body.remedy).toMatch(remedy);
    expect((await api.store.connections.get(id))?.rescanWanted).toBe(0);
  });
});
