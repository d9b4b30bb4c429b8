import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOktaSimulator } from './simulator.ts';
import type { OktaSimulator } from './simulator.ts';

let okta: OktaSimulator;
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(path.startsWith('http') ? path : okta.url + path, {
    method,
    headers: { authorization: `SSWS ${okta.token}`, accept: 'application/json', ...headers },
  });
const json = async (response: Response) => (await response.json()) as never as Record<string, unknown>[];
const next = (response: Response) => /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];

async function readAll(path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (let url: string | undefined = path; url;) {
    const response: Response = await get(url);
    expect(response.status).toBe(200);
    rows.push(...(await json(response)));
    url = next(response);
  }
  return rows;
}

beforeEach(async () => {
  okta = await createOktaSimulator({ seed: 7, fill: { users: 500, groups: 40, events: 600 } });
});
afterEach(() => okta.close());

describe('reading the directory', () => {
  it('hides deprovisioned users from the plain list, a filter shows every status', async () => {
    const plain = await readAll('/api/v1/users?limit=200');
    expect(plain.some((user) => user.status === 'DEPROVISIONED')).toBe(false);
    const filter = encodeURIComponent('lastUpdated gt "1970-01-01T00:00:00.000Z"');
    const all = await readAll(`/api/v1/users?limit=200&filter=${filter}`);
    expect(all).toHaveLength(500);
    expect(new Set(all.map((user) => user.id)).size).toBe(500);
    expect(new Set(all.map((user) => user.status)).size).toBe(8);
  });

  it('pages every group member once and follows the iam pager in the body', async () => {
    const truth = okta.control.truth({ only: ['memberships', 'roleAssignments'] });
    const groups = await readAll('/api/v1/groups?limit=10');
    expect(groups).toHaveLength(40);
    let members = 0;
    for (const group of groups.filter((one) => one.type !== 'BUILT_IN'))
      members += (await readAll(`/api/v1/groups/${group.id}/users?limit=50`)).length;
    expect(members).toBe(truth.memberships?.length);
    const seen: string[] = [];
    for (let url: string | undefined = '/api/v1/iam/assignees/users?limit=3'; url;) {
      const page = (await (await get(url)).json()) as { value: { id: string }[]; _links: { next?: { href: string } } };
      seen.push(...page.value.map((one) => one.id));
      url = page._links.next?.href;
    }
    expect(seen.length).toBeGreaterThan(3);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('polls the log without an end: next is its own URL when nothing is new', async () => {
    const since = new Date(Date.now() - 30 * 86_400_000).toISOString();
    let url = `/api/v1/logs?since=${since}&limit=250&sortOrder=ASCENDING`;
    const uuids: unknown[] = [];
    for (let page = 0; page < 10; page++) {
      const response = await get(url);
      uuids.push(...(await json(response)).map((event) => event.uuid));
      url = next(response) as string;
    }
    expect(new Set(uuids).size).toBe(600);
    const idle = await get(url);
    expect(await json(idle)).toEqual([]);
    expect(next(idle)).toBe(url);
    okta.control.setStatus({ user: 'user0001@acme.test', status: 'SUSPENDED' });
    const later = await get(url);
    expect((await json(later)).map((event) => event.eventType)).toEqual(['user.lifecycle.suspend']);
  });
});

describe('acting', () => {
  it('suspends only the active, counts and logs it', async () => {
    const path = '/api/v1/users/user0001@acme.test/lifecycle/suspend';
    expect((await get(path, { 'user-agent': 'the caller/1' }, 'POST')).status).toBe(200);
    const again = await get(path, {}, 'POST');
    expect(again.status).toBe(400);
    expect(await again.json()).toMatchObject({ errorCode: 'E0000001' });
    const user = (await (await get('/api/v1/users/user0001@acme.test')).json()) as { id: string; status: string };
    expect(user.status).toBe('SUSPENDED');
    expect(okta.control.counters().executed.suspend).toEqual({ [user.id]: 1 });
    const since = new Date(Date.now() - 60_000).toISOString();
    const filter = encodeURIComponent('eventType eq "user.lifecycle.suspend"');
    const until = new Date(Date.now() + 1_000).toISOString();
    const logged = (await readAll(`/api/v1/logs?since=${since}&until=${until}&filter=${filter}`)).at(-1);
    expect(logged).toMatchObject({ client: { userAgent: { rawUserAgent: 'the caller/1' } } });
  });
});

describe('filling', () => {
  it('hands out events of others whole, each with a uuid of its own and a readable time', async () => {
    const sampleEvents = [
      { eventType: 'system.agent.ad.unknown_event', odd: { kept: [1] } },
      { eventType: 'user.account.lock', uuid: 'same', published: '2022-03-22 14:21:53.225' },
      { eventType: 'user.account.unlock', uuid: 'same', published: 'redacted' },
    ];
    okta.control.reset();
    expect(okta.control.fill({ users: 60, groups: 6, events: 100, sampleEvents }).events).toBe(103);
    const since = new Date(Date.now() - 60 * 86_400_000).toISOString();
    const until = new Date(Date.now() + 1_000).toISOString();
    const rows = await readAll(`/api/v1/logs?since=${since}&until=${until}&limit=40`);
    expect(rows).toHaveLength(103);
    expect(new Set(rows.map((row) => row.uuid)).size).toBe(103);
    expect(rows.find((row) => row.odd)).toMatchObject({ odd: { kept: [1] } });
    const times = rows.map((row) => String(row.published));
    expect(times).toEqual(times.toSorted());
  });

  it('makes the same tenant of the same seed', async () => {
    const other = await createOktaSimulator({ seed: 7, fill: { users: 500, groups: 40, events: 600 } });
    const ids = (one: OktaSimulator) => one.control.truth({ only: ['memberships', 'logs'] });
    const [a, b] = [ids(okta), ids(other)];
    await other.close();
    expect(a.memberships).toEqual(b.memberships);
    expect(a.logs?.hash).toBe(b.logs?.hash);
  });
});
