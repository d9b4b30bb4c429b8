import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../local/free-ports.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import type { ConnectionDocument } from '../../store/documents.ts';
import { ActionLedger } from './action-ledger.ts';
import { compileCode } from './compiled-code.ts';
import { startMongoProcess } from './mongo-process.ts';
import { startProxiedOkta, type ProxiedOkta } from './okta-subject.ts';
import { startApi, startWorkers } from './processes.ts';
import { stubborn } from './stubborn.ts';
import { startTemporalProcess } from './temporal-process.ts';
import type { Kept, World } from './world.ts';

export interface WorldOptions {
  seed: number;
  scale: number;
  /** A run of a workflow is told to roll over at so many events. */
  rollAt: number | undefined;
  say: (line: string) => void;
  signals: boolean;
}

/** What the rounds work with, and faults do not. */
export interface Ground {
  world: World;
  okta: ProxiedOkta;
  ledger: ActionLedger;
  /** More that must hold, asked for by this round's faults. */
  expected: Map<string, () => Promise<string[]>>;
  floodedRuns: ReadonlySet<string>;
  connection(): Promise<ConnectionDocument>;
  /** The Okta tenant's connection is erased and made anew. */
  connectAnew(): Promise<void>;
  /** Asks for a scan and resolves with its number. */
  askForScan(): Promise<number>;
  close(): Promise<void>;
}

/** Real processes and servers of its own; never somebody's that the environment names, for they will be killed. */
export async function createWorld({ seed, scale, rollAt, say, signals }: WorldOptions): Promise<Ground> {
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
    const [code, mongodb, temporal, okta] = await Promise.all([
      compileCode(owner),
      startMongoProcess(owner, logFolder, database),
      startTemporalProcess(owner, logFolder, rollAt, scale),
      startProxiedOkta(owner, logFolder, seed),
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
      CASTELLAN_LOG_LEVEL: 'info',
    };
    const api = await startApi(owner, logFolder, { ...env, TEMPORAL_ADDRESS: temporal.toApi.address }, code);
    const workers = await startWorkers(owner, logFolder, { ...env, TEMPORAL_ADDRESS: temporal.toWorker.address }, code);
    const ledger = new ActionLedger(mongodb.db, okta);
    const expected = new Map<string, () => Promise<string[]>>();
    const floodedRuns = new Set<string>();
    const kept = new Map<string, Promise<Kept>>();
    const connections = mongodb.db.collection<ConnectionDocument>('connections');
    let connectionId = '';

    async function connection(): Promise<ConnectionDocument> {
      const found = await stubborn(() => connections.findOne({ _id: connectionId }));
      if (!found) throw new Error(`connection ${connectionId} is not in MongoDB any more`);
      return found;
    }

    async function phaseIs(phase: string, withinMs: number): Promise<void> {
      for (const until = Date.now() + withinMs; (await connection()).state?.phase !== phase; await delay(50)) {
        if (Date.now() > until) throw new Error(`${connectionId} did not become ${phase}`);
      }
    }

    async function askForScan(): Promise<number> {
      const before = (await connection()).state?.scan;
      const running = before?.startedAt !== undefined && before.finishedAt === undefined;
      if (!running)
        await api.call.post(`/v1/connections/${connectionId}/rescan`).catch((error: { status?: number }) => {
          // Another began this moment.
          if (error.status !== 409) throw error;
        });
      return running ? before.number : (before?.number ?? 0) + 1;
    }

    const world: World = {
      owner,
      logFolder,
      scale,
      workers,
      api,
      mongodb,
      temporal,
      okta: Object.defineProperty({ ...okta, connectionId }, 'connectionId', { get: () => connectionId }),
      pause: (trueMs) => delay(trueMs * scale),
      async scanning() {
        const wanted = await askForScan();
        for (const until = Date.now() + 60_000; ; await delay(20)) {
          const scan = (await connection()).state?.scan;
          if (scan && scan.number >= wanted) return;
          if (Date.now() > until) throw new Error(`scan ${wanted} of ${connectionId} did not begin`);
        }
      },
      async act(action, target) {
        const { id } = await api.call.post<{ id: string }>(`/v1/connections/${connectionId}/actions`, {
          action,
          target,
          reason: 'a run of chaos',
          mode: 'apply',
        });
        ledger.asked(id, action, target);
        return id;
      },
      async undo(id) {
        await api.call.post(`/v1/actions/${id}/undo`, { reason: 'a run of chaos' });
        ledger.undoAsked(id);
      },
      actionIs: (id, so, withinMs = 60_000) => ledger.until(id, so, withinMs),
      flooded: (runId) => void floodedRuns.add(runId),
      disrupted: () => ledger.disrupted(),
      expect: (name, differences) => void expected.set(name, differences),
      keep<T extends Kept>(name: string, make: () => Promise<T>): Promise<T> {
        const there = kept.get(name) ?? make();
        kept.set(name, there);
        return there as Promise<T>;
      },
      say,
    };

    return {
      world,
      okta,
      ledger,
      expected,
      floodedRuns,
      connection,
      askForScan,
      async connectAnew() {
        if (connectionId !== '') {
          await api.call.post(`/v1/connections/${connectionId}/erase`);
          await phaseIs('erased', 60_000);
        }
        connectionId = (await api.call.post<{ id: string }>('/v1/connections', okta.body)).id;
      },
      async close() {
        await temporal.close();
        await mongodb.close();
        for (const tenant of [okta, ...(await Promise.all(kept.values()))]) await tenant.proxy.close();
        await owner.stop();
      },
    };
  }
}
