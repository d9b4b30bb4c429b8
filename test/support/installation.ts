import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, inject } from 'vitest';
import { connectApi, type Api } from '../../local/api-client.ts';
import { ProcessOwner, type RunningProcess } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startTemporal, type TemporalOptions, type TemporalServer } from '../../local/servers/start-temporal.ts';
import { startServices, startWorker, type Services } from '../../local/stack.ts';
import { dropDatabase } from '../../store/replica-set.ts';
import type { Problem, StageState } from '../../workflows/messages.ts';
import { startOktaTenant, type OktaTenant, type OktaTenantOptions } from './okta-tenant.ts';
import type {} from './provided.ts';

/** What of a connection's answer the tests look at. */
export interface Shown {
  id: string;
  phase: string;
  problem?: Problem;
  duplicateOf?: string;
  trust?: string;
  scan?: { number: number; finishedAt?: string; stage?: string };
  stages: Record<string, StageState>;
  waits: Record<string, { reason: string; why: string }>;
  watch?: { round: number };
  credentialVersion: number;
  refusedCredential?: { what: string };
  webhookSecret: { rotations: number; previousUntil?: string };
  receipt?: object;
}

/** A whole Castellan: real Temporal and MongoDB, an API, a worker and a vendor, each a process of its own. */
export interface Installation extends Services {
  owner: ProcessOwner;
  logFolder: string;
  temporal: TemporalServer;
  api: Api;
  db: Db;
  tenant: OktaTenant;
  anotherTenant(options: Partial<OktaTenantOptions>): Promise<OktaTenant>;
  anotherWorker(): Promise<RunningProcess>;
  /** SIGKILL; resolves when it is gone. */
  killWorker(worker: RunningProcess): Promise<void>;
  connect(body?: object): Promise<Shown>;
  show(id: string): Promise<Shown>;
  /** Asks until it is so; with the last answer in the error when it never is. */
  until(id: string, so: (shown: Shown) => unknown, withinMs?: number): Promise<Shown>;
  scanned(id: string, scan?: number): Promise<Shown>;
  /** Until what the API tells of this action is so, for a minute. */
  untilAction<A extends object>(actionId: string, so: (action: A) => unknown): Promise<A>;
  /** Until so many pages of the users' grants, the longest part of a scan, were committed in this scan. */
  midScan(id: string, scan?: number, pages?: number): Promise<void>;
}

interface Options {
  tenant?: Omit<OktaTenantOptions, 'logFolder'>;
  temporal?: (owner: ProcessOwner) => Partial<TemporalOptions>;
  /** The URI of a MongoDB of its own; the test run's unless given. */
  mongo?: (owner: ProcessOwner, logFolder: string) => Promise<string>;
  env?: Record<string, string>;
}

/** One a test file: started before its tests and ended after them. Our own waits are a tenth of what they are. */
export function useInstallation(options: Options = {}): Installation {
  const installation = {} as Installation;
  const owner = new ProcessOwner({ signals: false });
  let client: MongoClient | undefined;
  let database: { uri: string; name: string } | undefined;

  beforeAll(async () => {
    const logFolder = newLogFolder();
    const name = `test-${randomBytes(6).toString('hex')}`;
    const [temporal, uri, tenant] = await Promise.all([
      startTemporal(owner, { logFolder, ui: false, ...options.temporal?.(owner) }),
      options.mongo?.(owner, logFolder) ?? inject('mongoUri'),
      startOktaTenant(owner, { logFolder, ...options.tenant }),
    ]);
    const env = { CASTELLAN_DATABASE: name, CASTELLAN_TIME_SCALE: '0.1', CASTELLAN_LOG_LEVEL: 'debug', ...options.env };
    const services = await startServices(owner, { temporal, mongodb: { uri } }, { logFolder, env });
    client = await new MongoClient(uri).connect();
    database = { uri, name };
    const api = connectApi(services.apiUrl, services.apiKey);
    let workers = 1;
    Object.assign(installation, services, {
      owner,
      logFolder,
      temporal,
      api,
      tenant,
      db: client.db(name),
      anotherTenant: (more) => startOktaTenant(owner, { logFolder, ...more }),
      anotherWorker: () => startWorker(owner, services.env, join(logFolder, `worker-${(workers += 1)}.log`)),
      async killWorker(worker) {
        worker.kill('SIGKILL');
        await worker.exited;
      },
      connect: (body = tenant.body) => api.post<Shown>('/v1/connections', body),
      show: (id) => api.get<Shown>(`/v1/connections/${id}`),
      async until(id, so, withinMs = 60_000) {
        const until = Date.now() + withinMs;
        for (;;) {
          const shown = await installation.show(id);
          if (so(shown)) return shown;
          if (Date.now() > until) throw new Error(`it did not come to that: ${JSON.stringify(shown)}; ${logFolder}`);
          await delay(50);
        }
      },
      scanned: (id, scan = 1) =>
        installation.until(id, (shown) => (shown.scan?.number ?? 0) >= scan && shown.scan?.finishedAt, 100_000),
      async untilAction<A extends object>(actionId: string, so: (action: A) => unknown): Promise<A> {
        for (const until = Date.now() + 60_000; ; await delay(100)) {
          const action = await installation.api.get<A>(`/v1/actions/${actionId}`);
          if (so(action)) return action;
          if (Date.now() > until) throw new Error(`the action did not come to that: ${JSON.stringify(action)}`);
        }
      },
      async midScan(id, scan = 1, pages = 1) {
        const grants = { connectionId: id, scan, lane: 'sweep', stage: 'permissions', 'part.id': 'grants' };
        const until = Date.now() + 60_000;
        while (
          !(await installation.db.collection('positions').findOne({ ...grants, 'counts.pages': { $gte: pages } }))
        ) {
          if (Date.now() > until) throw new Error(`scan ${scan} of ${id} never came to its grants; ${logFolder}`);
          await delay(20);
        }
      },
    } satisfies Partial<Installation>);
  }, 120_000);

  afterAll(async () => {
    await client?.close();
    await owner.stop();
    if (database && !options.mongo) await dropDatabase(database.uri, database.name);
  }, 60_000);
  return installation;
}
