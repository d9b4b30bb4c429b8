import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectTemporal } from '../../api/temporal.ts';
import { okta } from '../../connectors/okta/index.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import { startWorker } from '../../local/stack.ts';
import { createOktaSimulator, type OktaSimulator } from '../../simulators/okta/simulator.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import { openStore } from '../../store/open-store.ts';
import { parseMasterKey } from '../../store/seal.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import type { BenchOptions, Measured } from './measured.ts';
import { percentile, spread } from './percentile.ts';
import { cpuSince, rssMb } from './process-figures.ts';
import { eventually, withBench, type Bench } from './start-bench.ts';
import { watchRequests } from './vendor-requests.ts';

const everyMs = 60_000;
/** Created side by side. */
const creators = 24;
/** Calls of one look for changes are closer to each other than this. */
const oneLookMs = 10_000;
const settledLooks = 1;
const measuredMs = 1.5 * everyMs;

/**
 * Many small tenants, each looked at once a minute by one worker: its memory, how late the looks are beyond a minute
 * as the vendor sees them, and after a SIGKILL of the worker how long until each was looked at again by a new one.
 */
export async function idle({ size: connections = 2_000 }: BenchOptions): Promise<Measured[]> {
  const simulators: OktaSimulator[] = [];
  const looks = new Map<number, number[]>();
  const stop = watchRequests(({ port, url, at }) => {
    if (!url.startsWith('/api/v1/logs')) return;
    const of = looks.get(port) ?? [];
    looks.set(port, of);
    // A later page of the same look.
    if (at - (of.at(-1) ?? Number.NEGATIVE_INFINITY) > oneLookMs) of.push(at);
  });
  try {
    const seconds = everyMs / 1000;
    const env = { CASTELLAN_WATCH_SECONDS: `${seconds}-${seconds}`, CASTELLAN_LOG_LEVEL: 'warn' };
    return await withBench(async (bench, owner) => {
      const creating = await create(bench, connections, simulators, looks);
      // From when on everybody has been looked at in steady state.
      await eventually(
        async () => [...looks.values()].filter((of) => of.length > settledLooks).length >= connections || undefined,
        (settledLooks + 2) * everyMs,
        1_000,
      );
      const rss = memoryOf(bench.worker.pid);
      const used = cpuSince(bench.pids);
      const late = await lateness(looks, rss.sample);
      const cpuMsALook = Object.fromEntries(
        Object.entries(used()).map(([name, ms]) => [name, Math.round((10 * ms) / late.length) / 10]),
      );
      const restart = await restarted(owner, bench, looks, connections);
      const figures = {
        connections,
        perConnectionKb: Math.round(((rss.most() - creating.emptyMb) * 1024) / connections),
      };
      return [
        measured('idle-memory', Math.round(rss.most()), 1024, 'MB', { ...figures, ...creating }),
        measured('idle-late', Math.round(percentile(late, 95)), 1_000, 'ms, p95', {
          connections,
          cpuMsALook,
          ...spread(late),
        }),
        measured('idle-restart', Math.round(restart.seconds), (1.5 * everyMs) / 1000, 's', { connections, ...restart }),
      ];
    }, env);
  } finally {
    stop();
    await Promise.all(simulators.map((simulator) => simulator.close()));
  }
}

const measured = (name: string, figure: number, limit: number, unit: string, details: object): Measured => ({
  name,
  figure,
  limit,
  unit,
  holds: figure <= limit,
  details: { ...details },
});

const stateOf = async (bench: Bench, id: string): Promise<ConnectionState | undefined> =>
  (await bench.db.collection<ConnectionDocument>('connections').findOne({ _id: id }, { projection: { state: 1 } }))
    ?.state ?? undefined;

async function tenantOf(number: number, simulators: OktaSimulator[]) {
  const subdomain = `tenant${number}`;
  const token = `00${subdomain}`.padEnd(42, '0');
  const simulator = await createOktaSimulator({
    seed: number + 1,
    subdomain,
    token,
    knobs: { tier: 'workforce', share: 100, limitFactor: 100 },
    fill: { users: 3, groups: 2, events: 2, apps: 1, apiTokens: 1 },
    allowHttpHooks: true,
  });
  simulators.push(simulator);
  return {
    port: Number(new URL(simulator.url).port),
    body: {
      app: 'okta',
      settings: { domain: `${subdomain}.okta.com`, baseUrl: simulator.url },
      credential: { type: 'ssws', token },
      parallel: 1,
    },
  };
}

/**
 * One is made through the API and scanned. The others begin with its state, as a workflow does that is started again
 * long after its first scan: two thousand first scans would take longer than all that is measured here. Spread over the
 * interval as connections of real life are.
 */
async function create(
  bench: Bench,
  connections: number,
  simulators: OktaSimulator[],
  looks: ReadonlyMap<number, number[]>,
) {
  const emptyMb = rssMb(bench.worker.pid);
  const first = await tenantOf(0, simulators);
  const { id } = await bench.api.post<{ id: string }>('/v1/connections', first.body);
  const state = await eventually(async () => {
    const now = await stateOf(bench, id);
    return now?.scan.finishedAt ? now : undefined;
  });
  const { env } = bench;
  const store = await openStore({
    uri: env['MONGODB_URI']!,
    database: env['CASTELLAN_DATABASE']!,
    key: parseMasterKey(env['CASTELLAN_KEY']!),
  });
  const temporal = connectTemporal({ address: bench.temporal.address, namespace: 'default' });
  const begun = performance.now();
  let next = 1;
  const one = async (): Promise<void> => {
    for (let number = next++; number < connections; number = next++) {
      const { port, body } = await tenantOf(number, simulators);
      const { _id: connectionId } = await store.connections.create({
        ...body,
        name: body.settings.domain,
        label: body.settings.domain,
        identity: okta.identity(body.credential),
        wanted: 'running',
        governance: 'off',
        protected: [],
        scanEveryMs: 12 * 3_600_000,
        createdBy: 'bench',
      });
      await temporal.start({ connectionId, app: 'okta', title: body.settings.domain, state });
      await eventually(async () => looks.get(port), 120_000, 500);
      const due = begun + (number / connections) * everyMs;
      await delay(Math.max(due - performance.now(), 0));
    }
  };
  await Promise.all(Array.from({ length: creators }, one));
  await Promise.all([store.close(), temporal.close()]);
  return { emptyMb, createdInSeconds: Math.round((performance.now() - begun) / 1000) };
}

async function lateness(looks: ReadonlyMap<number, number[]>, sample: () => void): Promise<number[]> {
  const begun = performance.now();
  while (performance.now() - begun < measuredMs) {
    sample();
    await delay(1_000);
  }
  const now = performance.now();
  return [...looks.values()].flatMap((times) => {
    const came = times.slice(1).flatMap((at, n) => (at >= begun ? [Math.max(at - times[n]! - everyMs, 0)] : []));
    // One that is overdue counts by how long it is.
    const overdue = now - times.at(-1)! - everyMs;
    return overdue > 0 ? [...came, overdue] : came;
  });
}

/** A look counts as one of the new worker from when on that was started. */
async function restarted(owner: ProcessOwner, bench: Bench, looks: ReadonlyMap<number, number[]>, connections: number) {
  const before = new Map([...looks].map(([port, times]) => [port, times.at(-1)!]));
  bench.worker.kill('SIGKILL');
  await bench.worker.exited;
  const killed = performance.now();
  const worker = await startWorker(owner, bench.env, join(bench.logFolder, 'worker-2.log'), {
    compiled: true,
  });
  const ready = (performance.now() - killed) / 1000;
  const first = await eventually(
    async () => {
      const since = [...looks].flatMap(([port, times]) => {
        const at = times.find((time) => time > killed);
        return at === undefined ? [] : [{ at, late: Math.max(at - before.get(port)! - everyMs, 0) }];
      });
      return since.length >= connections ? since : undefined;
    },
    5 * everyMs,
    500,
  );
  const late = first.map((one) => one.late);
  return {
    seconds: (Math.max(...first.map(({ at }) => at)) - killed) / 1000,
    readySeconds: Math.round(ready * 10) / 10,
    late: spread(late),
    memoryMb: Math.round(rssMb(worker.pid)),
  };
}

function memoryOf(pid: number) {
  let most = 0;
  return { sample: () => (most = Math.max(most, rssMb(pid))), most: () => most };
}
