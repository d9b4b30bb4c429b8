import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../local/free-ports.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startProxiedBox } from './box-subject.ts';
import { compileCode } from './compiled-code.ts';
import { connectSubject, type Connected } from './connect-subject.ts';
import { startMongoProcess } from './mongo-process.ts';
import { startProxiedOkta } from './okta-subject.ts';
import { startApi, startWorkers } from './processes.ts';
import { Rollovers } from './rollovers.ts';
import type { App, Tenant } from './subject.ts';
import { startTemporalProcess } from './temporal-process.ts';
import type { Kept, World } from './world.ts';

export interface WorldOptions {
  /** One tenant of each. */
  apps: readonly App[];
  seed: number;
  scale: number;
  /** A run of a workflow is told to roll over at so many events. */
  rollAt: number | undefined;
  say: (line: string) => void;
  signals: boolean;
  /** Of `compileCode`; without it, made here. */
  code?: string;
}

/** What the rounds work with, and faults do not. */
export interface Ground {
  world: World;
  all: readonly Connected[];
  /** More that must hold, asked for by this round's faults. */
  expected: Map<string, () => Promise<string[]>>;
  floodedRuns: ReadonlySet<string>;
  rollovers: Rollovers;
  /** Events at which a run is told to roll over. */
  rollAt: number | undefined;
  /** What faults counted, of the whole run. */
  tally: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const start: Record<App, (owner: ProcessOwner, logFolder: string, seed: number) => Promise<Tenant>> = {
  okta: startProxiedOkta,
  box: startProxiedBox,
};

/** Real processes and servers of its own; never somebody's that the environment names, for they will be killed. */
export async function createWorld(options: WorldOptions): Promise<Ground> {
  const { apps, seed, scale, rollAt, say, signals } = options;
  delete process.env['TEMPORAL_ADDRESS'];
  delete process.env['MONGODB_URI'];
  const owner = new ProcessOwner({ signals, announce: say });
  try {
    return await build(owner);
  } catch (error) {
    await owner.stop();
    throw error;
  }

  async function build(owner: ProcessOwner): Promise<Ground> {
    const logFolder = newLogFolder();
    const database = `chaos-${randomBytes(4).toString('hex')}`;
    const [code, mongodb, temporal, ...tenants] = await Promise.all([
      options.code ?? compileCode(owner),
      startMongoProcess(owner, logFolder, database),
      startTemporalProcess(owner, logFolder, rollAt, scale),
      ...apps.map((app) => start[app](owner, logFolder, seed)),
    ]);
    const [apiPort] = (await freePorts(1)) as [number];
    const env = {
      MONGODB_URI: mongodb.uri,
      CASTELLAN_DATABASE: database,
      CASTELLAN_KEY: randomBytes(32).toString('base64'),
      CASTELLAN_ALLOW_LOCAL_ORIGINS: 'true',
      CASTELLAN_API_HOST: '127.0.0.1',
      CASTELLAN_API_PORT: String(apiPort),
      // The faults are about us, not about callers who ask too often.
      CASTELLAN_API_REQUESTS_PER_MINUTE: '6000000',
      CASTELLAN_PUBLIC_URL: `http://127.0.0.1:${apiPort}`,
      CASTELLAN_TIME_SCALE: String(scale),
      CASTELLAN_RECONCILE_SECONDS: String(Math.max(1, Math.ceil(60 * scale))),
      CASTELLAN_LOG_LEVEL: 'info',
    };
    const api = await startApi(owner, logFolder, { ...env, TEMPORAL_ADDRESS: temporal.toApi.address }, code);
    const workers = await startWorkers(owner, logFolder, { ...env, TEMPORAL_ADDRESS: temporal.toWorker.address }, code);
    const all = tenants.map((tenant) => connectSubject(tenant, mongodb.db, api.call));
    const expected = new Map<string, () => Promise<string[]>>();
    const floodedRuns = new Set<string>();
    const tally = new Map<string, number>();
    const kept = new Map<string, Promise<Kept>>();

    const world: World = {
      owner,
      logFolder,
      scale,
      workers,
      api,
      mongodb,
      temporal,
      subjects: all.map(({ subject }) => subject),
      pause: (trueMs) => delay(trueMs * scale),
      flooded: (runId) => void floodedRuns.add(runId),
      disrupted: () => all.forEach(({ ledger }) => ledger.disrupted()),
      expect: (name, differences) => void expected.set(name, differences),
      keep<T extends Kept>(name: string, make: () => Promise<T>): Promise<T> {
        const there = kept.get(name) ?? make();
        kept.set(name, there);
        return there as Promise<T>;
      },
      count: (what, by) => void tally.set(what, (tally.get(what) ?? 0) + by),
      say,
    };

    return {
      world,
      all,
      expected,
      floodedRuns,
      rollovers: new Rollovers(temporal.client, rollAt),
      rollAt,
      tally,
      async close() {
        // They would wait for Temporal, which they reach no more.
        for (const worker of [...workers.all]) await workers.kill(worker);
        await temporal.close();
        await mongodb.close();
        for (const tenant of [...tenants, ...(await Promise.all(kept.values()))]) await tenant.proxy.close();
        await owner.stop();
      },
    };
  }
}
