import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Caller } from './caller.ts';
import type { KnobsPatch } from './knobs.ts';
import { createBoxSimulator } from './simulator.ts';
import type { BoxSimulator } from './simulator.ts';

let box: BoxSimulator;
let caller: Caller;

const start = async (knobs: KnobsPatch = {}, events = 300) => {
  box = await createBoxSimulator({
    seed: 11,
    knobs: { requestsPerWindow: 100_000, ...knobs },
    fill: { users: 10, items: 60, events, eventDays: 10 },
  });
  caller = new Caller(box);
  await caller.signIn();
};
beforeEach(() => start());
afterEach(() => box.close());

const position = (text: string) => /"next_stream_position":"?(\d+)/.exec(text)?.[1] as string;
const ids = (said: { body: { entries?: Record<string, unknown>[] } }) =>
  (said.body.entries ?? []).map((one) => String(one.event_id));

async function readStream(from = '0', limit = 50): Promise<{ ids: string[]; at: string }> {
  const seen: string[] = [];
  for (let at = from; ;) {
    const said = await caller.get(`/events?stream_type=admin_logs_streaming&stream_position=${at}&limit=${limit}`);
    expect(said.status).toBe(200);
    seen.push(...ids(said));
    const next = position(said.text);
    if (next === at || said.body.chunk_size === 0) return { ids: seen, at: next };
    at = next;
  }
}

describe('the streaming log', () => {
  it('gives every row at least once, some twice, at 64-bit positions', async () => {
    const { ids: seen, at } = await readStream();
    const truth = box.control.truth({ only: ['events'] }).events;
    expect(seen).toEqual(truth?.ids);
    expect(new Set(seen).size).toBe(box.state.events.count);
    expect(seen.length).toBeGreaterThan(new Set(seen).size);
    expect(Number.isSafeInteger(Number(at))).toBe(false);
    expect((await readStream(at)).ids).toEqual([]);
  });

  it('is not in the order of happening, and begins with now where asked', async () => {
    const said = await caller.get('/events?stream_type=admin_logs_streaming&stream_position=0&limit=500');
    const times = said.body.entries?.map((one) => Date.parse(String(one.created_at))) ?? [];
    expect(times).not.toEqual(times.toSorted((a, b) => a - b));
    const now = await caller.get('/events?stream_type=admin_logs_streaming&stream_position=now');
    expect(now.body).toMatchObject({ chunk_size: 0, entries: [] });
    const { id } = box.control.createUser({ name: 'New', login: 'brand.new@acme.test' });
    const after = await caller.get(`/events?stream_type=admin_logs_streaming&stream_position=${position(now.text)}`);
    expect(after.body.entries?.find((one) => one.event_type === 'NEW_USER')).toMatchObject({ source: { id } });
  });

  it('writes positions as bare numbers when told, and refuses made-up ones', async () => {
    box.control.knobs({ positionForm: 'number' });
    const said = await caller.get('/events?stream_type=admin_logs_streaming&stream_position=now');
    expect(said.text).toMatch(/"next_stream_position":11529\d{14}[,}]/);
    for (const wrong of ['abc', '17', '1152922976259999999', '99999999999999999999']) {
      const refused = await caller.get(`/events?stream_type=admin_logs_streaming&stream_position=${wrong}`);
      expect([refused.status, refused.body.code]).toEqual([400, 'invalid_parameter']);
    }
  });

  it('passes over what was not asked for, and may give short pages', async () => {
    await box.close();
    await start({ shortPageProbability: 1, duplicateProbability: 0 });
    const { ids: seen } = await readStream();
    expect(new Set(seen).size).toBe(box.state.events.count);
    const wanted = await caller.get(
      '/events?stream_type=admin_logs_streaming&stream_position=0&limit=500&event_type=LOGIN,UPLOAD',
    );
    expect(new Set(wanted.body.entries?.map((one) => one.event_type))).toEqual(new Set(['LOGIN', 'UPLOAD']));
  });
});

describe('a stream of some types', () => {
  it('has empty pages whose position goes on, until it stands still', async () => {
    await box.close();
    await start({ duplicateProbability: 0 }, 0);
    const log = (event_type: string, count: number) =>
      box.control.appendEvents({ events: Array.from({ length: count }, () => ({ event_type })) });
    log('LOGIN', 250);
    const [wanted] = log('GROUP_ADD_ITEM', 1);
    const pages: string[][] = [];
    let at = '0';
    for (let next = '', said; next !== at; pages.push(ids(said))) {
      at = next || at;
      said = await caller.get(
        `/events?stream_type=admin_logs_streaming&event_type=GROUP_ADD_ITEM&stream_position=${at}&limit=100`,
      );
      next = position(said.text);
    }
    expect(pages.flat()).toEqual([wanted!.event_id]);
    expect(pages.findIndex((page) => page.length > 0)).toBeGreaterThan(1);
    expect(pages.at(-1)).toEqual([]);
  });
});

describe('the history', () => {
  it('is in order, once, within closed windows', async () => {
    const all: string[] = [];
    const times: number[] = [];
    const from = encodeURIComponent(new Date(Date.now() - 6 * 86_400_000).toISOString());
    const until = encodeURIComponent(new Date(Date.now() - 2 * 86_400_000).toISOString());
    for (let at = ''; ;) {
      const path = `/events?stream_type=admin_logs&limit=20&created_after=${from}&created_before=${until}${at}`;
      const said = await caller.get(path);
      if (said.body.chunk_size === 0) break;
      all.push(...ids(said));
      times.push(...(said.body.entries ?? []).map((one) => Date.parse(String(one.created_at))));
      at = `&stream_position=${position(said.text)}`;
    }
    expect(all.length).toBeGreaterThan(60);
    expect(new Set(all).size).toBe(all.length);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const { event_id } =
      (await caller.get(`/events?stream_type=admin_logs&created_after=${until}`)).body.entries?.[0] ?? {};
    expect(all).not.toContain(event_id);
  });

  it('misses what is recorded late, which the stream does not', async () => {
    const now = position((await caller.get('/events?stream_type=admin_logs_streaming&stream_position=now')).text);
    const at = new Date(Date.now() - 5_000).toISOString();
    const [late] = box.control.appendEvents({ events: [{ event_type: 'LOGIN', created_at: at }], delayMs: 60_000 });
    const [prompt] = box.control.appendEvents({ events: [{ event_type: 'FAILED_LOGIN' }] });
    const path =
      '/events?stream_type=admin_logs&limit=500&created_after=' +
      encodeURIComponent(new Date(Date.now() - 60_000).toISOString());
    const first = await caller.get(path);
    expect(ids(first)).toContain(prompt?.event_id);
    expect(ids(first)).not.toContain(late?.event_id);
    box.control.knobs({ clockSkewMs: 61_000 });
    expect(ids(await caller.get(`${path}&stream_position=${position(first.text)}`))).not.toContain(late?.event_id);
    expect((await readStream(now)).ids).toContain(late?.event_id);
  });
});

describe('who may read', () => {
  it('takes the scope and the right to run reports', async () => {
    const coadmin = box.state.users.rows.find((user) => user.role === 'coadmin')?.id as string;
    await caller.signIn({ user: coadmin });
    const path = '/events?stream_type=admin_logs_streaming';
    expect((await caller.get(path)).status).toBe(200);
    box.control.updateUser({ user: coadmin, reports: false });
    expect((await caller.get(path)).status).toBe(403);
    box.control.putApp({ scopes: ['root_readwrite'] });
    await caller.signIn();
    expect((await caller.get(path)).status).toBe(403);
  });

  it('shows a user what happens to what the user sees', async () => {
    const [one, other] = box.state.users.rows.filter(
      (user) => user.role === 'user' && user.status === 'active' && user.kind === 'managed',
    );
    const at = position((await caller.get('/events?stream_position=now', one?.id)).text);
    const { id } = box.control.createItem({ type: 'file', name: 'mine.txt', owner: one?.id, text: 'x' });
    box.control.setLink({ id, link: { access: 'open' } });
    const mine = (await caller.get(`/events?stream_position=${at}`, one?.id)).body.entries;
    expect(mine?.map((event) => event.event_type)).toEqual(['ITEM_UPLOAD', 'ITEM_SHARED_CREATE']);
    expect(mine?.[1]).toMatchObject({ source: { type: 'file', id, shared_link: { access: 'open' } } });
    expect((await caller.get('/events?stream_position=0', other?.id)).body.entries).toEqual([]);
  });
});
