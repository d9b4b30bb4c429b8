import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownUserAgent } from '../../connectors/okta/api.ts';
import { okta } from '../../connectors/okta/index.ts';
import { createOktaSimulator, type OktaSimulator } from '../../simulators/okta/simulator.ts';
import { createOpenGovernor } from '../support/open-governor.ts';

let simulator: OktaSimulator;
beforeEach(async () => {
  simulator = await createOktaSimulator({ knobs: { limitFactor: 1000 } });
});
afterEach(() => simulator.close());

const part = { id: '', title: '' };
const activities = okta.stages.activities!;
const open = () =>
  okta.open({
    connectionId: 'log',
    settings: { baseUrl: simulator.url },
    credential: { type: 'ssws', token: simulator.token },
    credentialVersion: 1,
    governor: createOpenGovernor(),
    urgency: 'watch',
    signal: new AbortController().signal,
    allowLocalOrigins: true,
  });
const append = (eventType: string, delayMs?: number) =>
  simulator.control.appendEvents({ events: [{ eventType, outcome: { result: 'SUCCESS' } }], delayMs })[0]!.uuid;
const ids = (page: { records: readonly { vendorId: string }[] }) => page.records.map(({ vendorId }) => vendorId);

it('begins the chain again an hour before the last row when Okta no longer takes its address', async () => {
  const opened = await activities.changes!(open(), { part });
  const first = append('user.lifecycle.create');
  const seen = await activities.changes!(open(), { part, checkpoint: opened.checkpoint });
  expect(ids(seen)).toContain(first);
  const second = append('user.lifecycle.suspend');
  for (const status of [400, 404]) {
    simulator.control.faults({ add: [{ kind: 'expired', status, count: 1 }] });
    const again = await activities.changes!(open(), { part, checkpoint: seen.checkpoint });
    expect(ids(again)).toEqual(expect.arrayContaining([first, second]));
    simulator.control.faults({ clear: true });
  }
});

it('reads a late row by the chain, though it was published before the rows already read', async () => {
  const opened = await activities.changes!(open(), { part });
  const late = append('user.lifecycle.create', 300);
  const early = append('user.lifecycle.suspend');
  let page = await activities.changes!(open(), { part, checkpoint: opened.checkpoint });
  expect([ids(page).includes(early), ids(page).includes(late)]).toEqual([true, false]);
  await expect
    .poll(async () => {
      page = await activities.changes!(open(), { part, checkpoint: page.checkpoint });
      return ids(page);
    })
    .toContain(late);
});

it('finds a row that came late also when it begins the chain again', async () => {
  const opened = await activities.changes!(open(), { part });
  const late = append('user.lifecycle.create', 300);
  await delay(5);
  const early = append('user.lifecycle.suspend');
  const seen = await activities.changes!(open(), { part, checkpoint: opened.checkpoint });
  expect([ids(seen).includes(early), ids(seen).includes(late)]).toEqual([true, false]);
  const next = () => activities.changes!(open(), { part, checkpoint: seen.checkpoint });
  await expect.poll(async () => ids(await next())).toContain(late);
  simulator.control.faults({ add: [{ kind: 'expired', status: 404, count: 1 }] });
  expect(ids(await next())).toEqual(expect.arrayContaining([late, early]));
});

it('marks the rows that our own calls left, by the user agent that only this connection has', async () => {
  const opened = await activities.changes!(open(), { part });
  const other = append('user.lifecycle.create');
  const client = { userAgent: { rawUserAgent: ownUserAgent('log') } };
  const [own] = simulator.control.appendEvents({ events: [{ eventType: 'user.lifecycle.suspend', client }] });
  const page = await activities.changes!(open(), { part, checkpoint: opened.checkpoint });
  const labels = page.records.map((record) => [
    record.vendorId,
    record.kind === 'activities' && (record.event.metadata as { labels?: string[] }).labels,
  ]);
  expect(labels).toContainEqual([other, undefined]);
  expect(labels).toContainEqual([own!.uuid, ['castellan-self']]);
});

it('reads a quiet range in few calls, and every row once', async () => {
  const until = new Date();
  const from = new Date(until.getTime() - 80 * 86_400_000);
  const governor = createOpenGovernor();
  const session = okta.open({
    connectionId: 'log',
    settings: { baseUrl: simulator.url },
    credential: { type: 'ssws', token: simulator.token },
    credentialVersion: 1,
    governor,
    urgency: 'sweep',
    signal: new AbortController().signal,
    allowLocalOrigins: true,
  });
  let cursor: string | undefined;
  let rounds = 0;
  do {
    cursor = (await activities.sweep!(session, { part, from, until, cursor })).next;
    rounds += 1;
  } while (cursor !== undefined && rounds < 100);
  expect(rounds).toBe(governor.calls.length);
  expect(rounds).toBeLessThan(12);
});
