import { afterEach, describe, expect, it } from 'vitest';
import { Caller } from '../box/caller.ts';
import { createBoxSimulator } from '../box/simulator.ts';
import { createOktaSimulator } from '../okta/simulator.ts';
import type { ThrottleForm } from './throttle-forms.ts';
import { throttleHeaders } from './throttle-forms.ts';
import type { Fault } from './vendor-faults.ts';

interface Page {
  status: number;
  header: (name: string) => string | null;
  ids: string[];
  text: string;
  next?: string;
}

interface Vendor {
  fault: (rule: Fault) => void;
  skew: (ms: number) => void;
  /** A page of the list of users, or the one that `next` leads to. */
  users: (next?: string) => Promise<Page>;
  renameFirst: (name: string) => void;
  close: () => Promise<void>;
}

async function okta(): Promise<Vendor> {
  const { url, token, control, state, close } = await createOktaSimulator({ fill: { users: 12 } });
  return {
    fault: (rule) => void control.faults({ clear: true, add: [{ path: '^/api/v1/users', count: 1, ...rule }] }),
    skew: (clockSkewMs) => void control.knobs({ clockSkewMs }),
    async users(next = `${url}/api/v1/users?limit=4`) {
      const response = await fetch(next, { headers: { authorization: `SSWS ${token}` } });
      const text = await response.text();
      const body = text.startsWith('[') ? (JSON.parse(text) as { id: string }[]) : [];
      const link = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
      const header = (name: string) => response.headers.get(name);
      return { status: response.status, header, ids: body.map(({ id }) => id), text, next: link };
    },
    renameFirst: (name) => control.updateProfile({ user: state.users.rows[0]?.id ?? '', profile: { firstName: name } }),
    close,
  };
}

async function box(): Promise<Vendor> {
  const simulator = await createBoxSimulator({ fill: { users: 12, items: 10, events: 5 } });
  const { control, state } = simulator;
  const caller = new Caller(simulator);
  await caller.signIn();
  return {
    fault: (rule) => void control.faults({ clear: true, add: [{ path: '/users', count: 1, ...rule }] }),
    skew: (clockSkewMs) => void control.knobs({ clockSkewMs }),
    async users(next) {
      const said = await caller.get(`/users?usemarker=true&limit=4${next === undefined ? '' : `&marker=${next}`}`);
      const ids = said.body?.entries?.map(({ id }) => String(id)) ?? [];
      const marker = said.body?.next_marker as string | null | undefined;
      const header = (name: string) => said.headers.get(name);
      return { status: said.status, header, ids, text: said.text, ...(marker && { next: marker }) };
    },
    renameFirst: (name) => control.updateUser({ user: state.users.rows[0]?.id ?? '', name }),
    close: () => simulator.close(),
  };
}

describe.each<[string, () => Promise<Vendor>]>([
  ['Okta', okta],
  ['Box', box],
])('any fault at %s', (_, start) => {
  let vendor: Vendor;
  afterEach(() => vendor.close());
  const first = async (rule: Fault) => {
    vendor.fault(rule);
    return vendor.users();
  };

  it('slows down in every header form, in absurd ones, and behind another status', async () => {
    vendor = await start();
    expect((await first({ kind: 'throttle', form: 'seconds', ms: 30_000 })).header('retry-after')).toBe('30');
    expect((await first({ kind: 'throttle', form: 'bare' })).header('retry-after')).toBeNull();
    for (const value of ['-5', '315360000', 'soon']) {
      const said = await first({ kind: 'throttle', form: 'seconds', value });
      expect([said.status, said.header('retry-after')]).toEqual([429, value]);
    }
    expect((await first({ kind: 'throttle', form: 'reset', value: '4102444800' })).header('x-rate-limit-reset')).toBe(
      '4102444800',
    );
    for (const status of [403, 200]) {
      const said = await first({ kind: 'throttle', status });
      expect([said.status, said.ids, /rate limit/i.test(said.text)]).toEqual([status, [], true]);
    }
    expect((await vendor.users()).ids).toHaveLength(4);
  });

  it.each([408, 500, 502, 503, 504])('answers %i', async (status) => {
    vendor = await start();
    expect((await first({ kind: 'status', status })).status).toBe(status);
    expect((await vendor.users()).status).toBe(200);
  });

  it('works at once and answers late, so that the answer is out of date', async () => {
    vendor = await start();
    vendor.renameFirst('before');
    vendor.fault({ kind: 'late', ms: 300 });
    const late = vendor.users();
    await new Promise((resolve) => setTimeout(resolve, 100));
    vendor.renameFirst('after');
    const text = JSON.stringify((await late).text);
    expect([text.includes('before'), text.includes('after')]).toEqual([true, false]);
    expect((await vendor.users()).text).toContain('after');
  });

  it('says a page again under another position, and goes on from there', async () => {
    vendor = await start();
    const second = await vendor.users((await vendor.users()).next);
    const again = await first({ kind: 'repeated' });
    expect(again.ids).toHaveLength(4);
    const repeated = await vendor.users(again.next);
    expect(repeated.ids).toEqual(again.ids);
    expect((await vendor.users(repeated.next)).ids).toEqual(second.ids);
  });

  it('shuffles a page by its seed', async () => {
    vendor = await start();
    const honest = (await vendor.users()).ids;
    const orders = [];
    for (let n = 0; n < 6; n += 1) orders.push((await first({ kind: 'shuffled' })).ids);
    expect(orders.map((ids) => ids.toSorted())).toEqual(orders.map(() => honest.toSorted()));
    expect(new Set(orders.map((ids) => ids.join())).size).toBeGreaterThan(1);
  });

  it('has a clock of its own', async () => {
    vendor = await start();
    vendor.skew(600_000);
    const ahead = Date.parse(String((await vendor.users()).header('date'))) - Date.now();
    expect(Math.round(ahead / 60_000)).toBe(10);
  });
});

it.each<[ThrottleForm, Record<string, string>]>([
  ['seconds', { 'retry-after': '90' }],
  ['date', { 'retry-after': 'Thu, 01 Jan 1970 00:02:30 GMT' }],
  ['reset', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': '150' }],
  ['resetMs', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': '150000' }],
  ['rateLimit', { 'ratelimit-remaining': '0', 'ratelimit-reset': '90' }],
  ['rateLimitMembers', { ratelimit: '"default";r=0;t=90' }],
  ['bare', {}],
])('a throttle in the form %s', (form, headers) => {
  expect(throttleHeaders(form, 90_000, 60_000)).toEqual(headers);
});

it('gives the log newest first, each row once', async () => {
  const { url, token, control, close } = await createOktaSimulator({ fill: { users: 5, events: 300, logDays: 3 } });
  control.knobs({ logNewestFirst: true });
  const until = new Date().toISOString();
  const since = new Date(Date.now() - 4 * 86_400_000).toISOString();
  let next: string | undefined = `${url}/api/v1/logs?since=${since}&until=${until}&limit=70`;
  const published: string[] = [];
  while (next !== undefined) {
    const response: Response = await fetch(next, { headers: { authorization: `SSWS ${token}` } });
    published.push(...((await response.json()) as { published: string }[]).map((row) => row.published));
    next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  expect(published).toEqual(published.toSorted().toReversed());
  expect(published.length).toBeGreaterThanOrEqual(300);
  await close();
});

it('takes a file to another owner’s tree between two pages of it', async () => {
  const simulator = await createBoxSimulator({ fill: { users: 9, items: 40, events: 5 } });
  const caller = new Caller(simulator);
  await caller.signIn();
  const [from, to] = simulator.state.users.rows
    .filter(({ kind, role }) => kind === 'managed' && role === 'user')
    .map(({ id }) => id);
  const { control } = simulator;
  const ids = ['a', 'b', 'c'].map(
    (name) => control.createItem({ type: 'file', name: `moved-${name}`, owner: from }).id,
  );
  const list = async (owner: string | undefined) =>
    ((await caller.get('/folders/0/items?limit=1000', owner)).body.entries ?? []).map(({ id }) => String(id));
  expect(await list(from)).toEqual(expect.arrayContaining(ids));
  control.move({ id: ids[1] as string, owner: to });
  expect((await list(from)).filter((id) => ids.includes(id))).toEqual([ids[0], ids[2]]);
  expect(control.item({ id: ids[1] as string })?.owner).toBe(to);
  await simulator.close();
});
