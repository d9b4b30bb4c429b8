import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../api/clock.ts';
import { acmeBody, useApi } from './start-api.ts';

describe('the starter', () => {
  const api = useApi({ allowLocalOrigins: true });

  it('brings up by itself, once Temporal is back, what was made while it was away', async () => {
    api.temporal.failing.start = { kind: 'server', why: 'away' };
    const settings = { domain: 'acme', baseUrl: 'http://127.0.0.1:1' };
    const { status, body } = await api.call('POST', '/v1/connections', { body: { ...acmeBody(), settings } });
    expect(status).toBe(201);
    api.starter.run();
    api.temporal.failing = {};
    await vi.waitFor(() => expect(api.temporal.of('start', body.id).length).toBeGreaterThan(0), { timeout: 10_000 });
  });

  it('leaves alone what has run', async () => {
    const { id } = await api.connect();
    await api.store.connections.writeState(id, {
      version: 1,
      phase: 'disconnected',
      scan: { number: 1 },
      rescansServed: 0,
      stages: {},
      waits: {},
      watch: { round: 0, changes: 0 },
      actions: { taken: 0, running: 0 },
      runs: 1,
    });
    api.temporal.heard = [];
    await api.starter.recover();
    expect(api.temporal.of('start', id)).toHaveLength(0);
  });
});

describe('an answer that does not come', () => {
  const hurried = {
    ...systemClock,
    after: (ms: number, call: () => void) => systemClock.after(ms >= 40_000 ? 50 : ms, call),
  };
  const api = useApi({ clock: hurried });

  it('is a 503, also when it comes after all', async () => {
    const { list } = api.store.connections;
    let come = () => {};
    api.store.connections.list = () => new Promise((resolve) => (come = () => resolve({ items: [] })));
    const { status, body } = await api.call('GET', '/v1/connections');
    api.store.connections.list = list;
    come();
    expect([status, body.code]).toEqual([503, 'too-slow']);
    expect((await api.call('GET', '/healthz', { as: null })).status).toBe(200);
  });
});
