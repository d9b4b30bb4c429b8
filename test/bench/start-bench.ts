import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient, type Db } from 'mongodb';
import { connectApi, type Api } from '../../local/api-client.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startMongo, type MongoServer } from '../../local/servers/start-mongo.ts';
import { startTemporal, type TemporalServer } from '../../local/servers/start-temporal.ts';
import { startServices, type Services } from '../../local/stack.ts';
import type { ConnectionState } from '../../workflows/messages.ts';

export interface Bench extends Services {
  api: Api;
  db: Db;
  logFolder: string;
  temporal: TemporalServer;
  mongodb: MongoServer;
  /** Of the processes that do the work. */
  pids: Record<'worker' | 'temporal' | 'mongodb', number>;
}

/** Nothing is known before the workflow's first word. */
export type ShownConnection = { id: string } & Partial<Pick<ConnectionState, 'scan' | 'stages'>>;

/** Once for all benches of this process. */
let built: Promise<string> | undefined;

/**
 * Castellan as `npm run build` made it, on servers of its own, each a process, at true times unless `env` says otherwise;
 * whatever becomes of the work, all of it ends with it.
 */
export async function withBench<T>(
  work: (bench: Bench, owner: ProcessOwner) => Promise<T>,
  env: Record<string, string> = {},
): Promise<T> {
  const owner = new ProcessOwner();
  try {
    const { client, ...bench } = await startBench(owner, env);
    try {
      return await work(bench, owner);
    } finally {
      await client.close();
    }
  } finally {
    await owner.stop();
  }
}

async function startBench(owner: ProcessOwner, env: Record<string, string>): Promise<Bench & { client: MongoClient }> {
  const logFolder = newLogFolder();
  const [temporal, mongodb] = await Promise.all([
    startTemporal(owner, { logFolder, ui: false }),
    startMongo(owner, { logFolder }),
    (built ??= owner.run('npm', ['run', 'build'], { timeoutMs: 300_000 })),
  ]);
  const services = await startServices(owner, { temporal, mongodb }, { logFolder, env, compiled: true });
  const client = await new MongoClient(mongodb.uri).connect();
  return {
    ...services,
    api: connectApi(services.apiUrl, services.apiKey),
    db: client.db(services.env['CASTELLAN_DATABASE']),
    logFolder,
    temporal,
    mongodb,
    pids: { worker: services.worker.pid, temporal: pidOf(temporal), mongodb: pidOf(mongodb) },
    client,
  };
}

function pidOf({ pid }: { pid?: number }): number {
  if (pid === undefined) throw new Error('benches start servers of their own: unset TEMPORAL_ADDRESS and MONGODB_URI');
  return pid;
}

/** Asks until there is an answer. */
export async function eventually<T>(ask: () => Promise<T | undefined>, withinMs = 300_000, everyMs = 200): Promise<T> {
  for (const until = Date.now() + withinMs; Date.now() < until; await delay(everyMs)) {
    const found = await ask();
    if (found !== undefined) return found;
  }
  throw new Error(`it did not come to that within ${withinMs / 1000} s`);
}
