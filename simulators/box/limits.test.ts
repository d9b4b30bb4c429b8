import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectControl } from '../kit/control-client.ts';
import { Caller } from './caller.ts';
import type { Control } from './control.ts';
import { createBoxSimulator } from './simulator.ts';
import type { BoxSimulator } from './simulator.ts';

let box: BoxSimulator;
let caller: Caller;
let users: string[];

beforeEach(async () => {
  box = await createBoxSimulator({ controlToken: 'made-up', fill: { users: 6, items: 200, events: 20 } });
  caller = new Caller(box);
  await caller.signIn();
  users = box.state.users.rows.filter((user) => user.role === 'user' && user.kind === 'managed').map((user) => user.id);
});
afterEach(() => box.close());

describe('limits', () => {
  it('count each user apart, uploads apart from the rest, and say when to come again', async () => {
    box.control.knobs({ requestsPerWindow: 3, uploadsPerWindow: 1 });
    const [one, other] = users;
    for (let nth = 0; nth < 3; nth++) expect((await caller.get('/folders/0', one)).status).toBe(200);
    const refused = await caller.get('/folders/0', one);
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limit_exceeded']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await caller.get('/folders/0', other)).status).toBe(200);
    const upload = (name: string) => caller.upload('/files/content', { name, parent: { id: '0' } }, 'x', { as: one });
    expect([(await upload('1.txt')).status, (await upload('2.txt')).status]).toEqual([201, 429]);
    expect(box.control.counters()).toMatchObject({ throttled: 2, statuses: { 429: 2 } });
  });

  it('may charge the token instead of the user, or both', async () => {
    box.control.knobs({ requestsPerWindow: 2, charged: 'token' });
    expect((await caller.get('/folders/0', users[0])).status).toBe(200);
    expect((await caller.get('/folders/0', users[1])).status).toBe(200);
    expect((await caller.get('/folders/0', users[2])).status).toBe(429);
    box.control.knobs({ charged: 'effectiveUser' });
    expect((await caller.get('/folders/0', users[2])).status).toBe(200);
    box.control.knobs({ charged: 'both' });
    expect((await caller.get('/folders/0', users[3])).status).toBe(429);
  });

  it('end with the licensed calls, and with too many at once', async () => {
    box.control.knobs({ concurrency: 1, latencyMs: 30 });
    const both = await Promise.all([caller.get('/folders/0'), caller.get('/folders/0')]);
    expect(both.map((said) => said.status).toSorted()).toEqual([200, 429]);
    box.control.knobs({ latencyMs: 0, licensedCalls: 2 });
    expect((await caller.get('/folders/0')).status).toBe(200);
    expect((await caller.get('/folders/0')).status).toBe(429);
  });
});

describe('faults', () => {
  const fault = async (kind: string, more = {}) => {
    box.control.faults({ clear: true, add: [{ kind: kind as 'delay', path: '/users', count: 1, ...more }] });
    return caller.get('/users?usemarker=true&limit=2');
  };

  it('spoil answers in every way they name', async () => {
    expect((await fault('status', { status: 503 })).body.code).toBe('unavailable');
    expect((await fault('status', { status: 401 })).headers.get('www-authenticate')).toMatch(/invalid_token/);
    expect((await fault('status', { status: 502 })).text).toMatch(/^<!DOCTYPE/);
    expect((await fault('html')).headers.get('content-type')).toBe('text/html');
    expect((await fault('throttle', { value: 'soon' })).headers.get('retry-after')).toBe('soon');
    expect((await fault('throttle', { form: 'bare' })).headers.get('retry-after')).toBeNull();
    await expect(fault('reset')).rejects.toThrow();
    await expect(fault('torn')).rejects.toThrow();
    await expect(fault('truncated')).rejects.toThrow();
    expect((await fault('empty')).body.entries).toEqual([]);
    expect((await fault('loop')).body.next_marker).toBeNull();
    expect(box.control.faults()).toMatchObject([{ rule: { kind: 'loop' }, struck: 1 }]);
  });

  it('bend pages: held back, reversed, doubled, markers gone', async () => {
    const plain = (await caller.get('/users?usemarker=true&limit=2')).body;
    const rows = plain.entries?.map((one) => one.id) ?? [];
    const seen = async (kind: string) => (await fault(kind)).body.entries?.map((one) => one.id);
    expect(await seen('reversed')).toEqual(rows.toReversed());
    expect(await seen('doubled')).toEqual([...rows, rows[1]]);
    expect(await seen('heldBack')).toEqual([]);
    box.control.faults({ clear: true, add: [{ kind: 'expired' }] });
    expect((await caller.get(`/users?usemarker=true&marker=${plain.next_marker}`)).status).toBe(400);
  });

  it('strike after the work was done, and send downloads elsewhere', async () => {
    const { id } = box.control.createItem({ type: 'file', name: 'x.txt', owner: users[0], size: 200_000 });
    box.control.faults({ add: [{ kind: 'status', status: 500, method: 'DELETE', executed: true }] });
    expect((await caller.ask('DELETE', `/files/${id}`, { as: users[0] })).status).toBe(500);
    expect(box.control.item({ id })?.trashed).toBe(true);
    box.control.restore({ id });
    box.control.faults({ clear: true, add: [{ kind: 'foreign', to: 'http://127.0.0.1:9' }] });
    const said = await caller.get(`/files/${id}/content`, users[0]);
    expect(new URL(String(said.headers.get('location'))).origin).toBe('http://127.0.0.1:9');
  });
});

describe('the control interface', () => {
  it('does over HTTP what it does inside, for whoever has the token', async () => {
    const control = connectControl<Control>(box.url, 'made-up');
    const { id } = await control.createItem({ type: 'folder', name: 'Far', owner: users[0] });
    expect(await control.item({ id })).toMatchObject({ name: 'Far', owner: users[0] });
    expect((await control.truth({ only: ['counts'] })).counts?.folders).toBeGreaterThan(1);
    await expect(control.knobs({ nonsense: 1 } as never)).rejects.toThrow(/no such knob/);
    await expect(connectControl<Control>(box.url, 'wrong').measure()).rejects.toThrow(/x-control-token/);
    await control.reset();
    expect((await control.measure()).items).toBe(0);
  });
});

describe('filling', () => {
  it('is the same for the same seed, and another for another', async () => {
    const tenant = async (seed: number) => {
      const one = await createBoxSimulator({ seed, fill: { users: 10, items: 400, events: 0 } });
      const { items, collaborations } = one.control.truth({ only: ['items', 'collaborations'] });
      await one.close();
      return JSON.stringify([
        items?.map(({ id, name, parent, owner, trashed, versions, link }) => [
          id,
          name,
          parent,
          owner,
          trashed,
          versions,
          link?.access,
        ]),
        collaborations?.map(({ item, grantee, role, status }) => [item, grantee, role, status]),
      ]);
    };
    const first = await tenant(21);
    expect(await tenant(21)).toBe(first);
    expect(await tenant(22)).not.toBe(first);
  });

  it('keeps untouched items out of memory', () => {
    const { size, touchedCount } = box.state.items;
    expect(size).toBe(200);
    expect(touchedCount).toBeLessThan(20);
  });
});
