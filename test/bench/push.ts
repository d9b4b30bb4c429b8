import { setTimeout as delay } from 'node:timers/promises';
import { createOktaSimulator, type OktaSimulator } from '../../simulators/okta/simulator.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import type { Measured } from './measured.ts';
import { percentile, spread } from './percentile.ts';
import { eventually, withBench, type Bench, type ShownConnection } from './start-bench.ts';

const samples = 40;

/**
 * From an event hook that reaches our API to the record in MongoDB, committed by a majority and told by a change
 * stream; first with nothing else going on, then while a sweep reads as fast as it can. Okta's log says nothing
 * meanwhile, so that only the hook can have told.
 */
export async function push(): Promise<Measured[]> {
  return withBench(async (bench) => {
    const simulator = await createOktaSimulator({
      knobs: { tier: 'workforce', share: 100, limitFactor: 1_000_000, hooks: { lossProbability: 1 } },
      fill: { users: 20_000, groups: 3, events: 1, grantingUsers: 0.05 },
      allowHttpHooks: true,
    });
    try {
      return await measure(bench, simulator);
    } finally {
      await simulator.close();
    }
  });
}

async function measure(bench: Bench, simulator: OktaSimulator): Promise<Measured[]> {
  const { id } = await bench.api.post<{ id: string }>('/v1/connections', {
    app: 'okta',
    settings: { domain: 'acme.okta.com', baseUrl: simulator.url },
    credential: { type: 'ssws', token: simulator.token },
  });
  const scan = async (): Promise<ConnectionState['scan']> =>
    (await bench.api.get<ShownConnection>(`/v1/connections/${id}`)).scan ?? { number: 0 };
  await eventually(async () => (await scan()).finishedAt, 400_000);
  simulator.control.faults({ add: [{ kind: 'empty', path: '^/api/v1/logs' }] });

  const idle = await latencies(bench, simulator, id, async () => undefined);
  const sweeping = await latencies(bench, simulator, id, async () => {
    // Not while it reads the accounts themselves.
    if ((await scan()).stage === 'permissions') return;
    if ((await scan()).finishedAt) await bench.api.post(`/v1/connections/${id}/rescan`);
    await eventually(async () => (await scan()).stage === 'permissions' || undefined);
  });
  return [figure('push', idle, 1_000), figure('push-in-sweep', sweeping, 2_000)];
}

function figure(name: string, times: readonly number[], limit: number): Measured {
  const p95 = Math.round(percentile(times, 95));
  return { name, figure: p95, limit, unit: 'ms, p95', holds: p95 <= limit, details: spread(times) };
}

/** One change after the other, at random distances: some within the second in which only one signal goes. */
async function latencies(
  bench: Bench,
  simulator: OktaSimulator,
  id: string,
  prepare: () => Promise<void>,
): Promise<number[]> {
  const { state, control } = simulator;
  const committed = new Map<string, number>();
  const changes = bench.db
    .collection('accounts')
    .watch<{ vendorId: string; status: string }>([{ $match: { 'fullDocument.connectionId': id } }], {
      fullDocument: 'updateLookup',
    });
  changes.on('change', (change) => {
    if (!('fullDocument' in change) || !change.fullDocument) return;
    const { vendorId, status } = change.fullDocument as { vendorId: string; status: string };
    committed.set(`${vendorId} ${status}`, performance.now());
  });
  await delay(500);
  const users = state.users.rows.filter(({ status }) => status === 'ACTIVE').slice(-samples);
  const hook = state.hooks.rows.find(({ verificationStatus }) => verificationStatus === 'VERIFIED');
  if (!hook?.authScheme) throw new Error('the simulator has no verified hook');
  const times: number[] = [];
  try {
    for (const { id: user } of users) {
      await prepare();
      control.setStatus({ user, status: 'SUSPENDED' });
      const sent = performance.now();
      const answer = await fetch(hook.uri, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [hook.authScheme.key]: hook.authScheme.value },
        body: JSON.stringify(delivery(user)),
      });
      if (!answer.ok) throw new Error(`the API answered ${answer.status} to the hook`);
      times.push((await eventually(() => Promise.resolve(committed.get(`${user} suspended`)), 60_000, 5)) - sent);
      await delay(Math.random() * 1_500);
    }
  } finally {
    await changes.close();
  }
  return times;
}

/** As Okta sends it; only what names the user is read. */
const delivery = (user: string) => ({
  eventType: 'com.okta.event_hook',
  data: {
    events: [
      {
        uuid: crypto.randomUUID(),
        published: new Date().toISOString(),
        eventType: 'user.lifecycle.suspend',
        outcome: { result: 'SUCCESS' },
        target: [{ id: user, type: 'User', alternateId: user, displayName: user }],
      },
    ],
  },
});
