import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProcessOwner, RunningProcess } from './processes.ts';
import { startMongo, type MongoServer } from './servers/start-mongo.ts';
import { startTemporal, type TemporalServer } from './servers/start-temporal.ts';
import { cachedWorkflowBundle } from './workflow-bundle.ts';

export interface Servers {
  temporal: Pick<TemporalServer, 'address'>;
  mongodb: Pick<MongoServer, 'uri'>;
}

export interface Services {
  apiUrl: string;
  /** A governor's key. */
  apiKey: string;
  worker: RunningProcess;
  /** For more processes of the same installation. */
  env: Record<string, string>;
}

export interface Stack extends Services {
  temporal: TemporalServer;
  mongodb: MongoServer;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** A program of this project, run by the same Node as this process. */
export const program = (path: string, ...args: string[]) => ({
  command: process.execPath,
  args: ['--import', 'tsx', path, ...args],
  cwd: root,
});

/** As docker-compose.yml gives them: what is young stays small, and V8 collects before memory is short. */
const workerFlags = ['--max-semi-space-size=4', '--max-old-space-size=768'];

/** The same as production runs it: what `npm run build` made. */
const compiledProgram = (path: string, flags: readonly string[] = []) => ({
  command: process.execPath,
  args: [...flags, join('dist', path.replace(/\.ts$/, '.js'))],
  cwd: root,
});

export interface StackOptions {
  logFolder: string;
  /** The worker and the API out of `dist`, where `npm run build` has put them. */
  compiled?: boolean;
  /** Added to the environment of the worker and the API. */
  env?: Record<string, string>;
  told?: (line: string) => void;
}

/** Temporal, MongoDB, the worker and the API on free ports of 127.0.0.1, each a process of its own. */
export async function startStack(owner: ProcessOwner, options: StackOptions): Promise<Stack> {
  const { logFolder, told = () => {} } = options;
  const say = <S extends { version: string; source: string; tried: readonly { source: string; why: string }[] }>(
    name: string,
    server: S,
  ): S => {
    told(`${name} ${server.version} from ${server.source}`);
    for (const { source, why } of server.tried) told(`  not from ${source}: ${why}`);
    return server;
  };
  const [temporal, mongodb] = await Promise.all([
    startTemporal(owner, { logFolder, ui: true }).then((server) => say('Temporal', server)),
    startMongo(owner, { logFolder }).then((server) => say('MongoDB', server)),
  ]);
  return { temporal, mongodb, ...(await startServices(owner, { temporal, mongodb }, options)) };
}

/** A worker and an API of an installation of their own, with a database of their own, on servers that run. */
export async function startServices(
  owner: ProcessOwner,
  { temporal, mongodb }: Servers,
  { logFolder, env: more, compiled = false, told = () => {} }: StackOptions,
): Promise<Services> {
  const env: Record<string, string> = {
    TEMPORAL_ADDRESS: temporal.address,
    MONGODB_URI: mongodb.uri,
    CASTELLAN_DATABASE: `castellan-demo-${randomBytes(4).toString('hex')}`,
    CASTELLAN_KEY: randomBytes(32).toString('base64'),
    CASTELLAN_ALLOW_LOCAL_ORIGINS: 'true',
    CASTELLAN_API_HOST: '127.0.0.1',
    CASTELLAN_API_PORT: '0',
    ...more,
  };
  const bundle = cachedWorkflowBundle(owner);
  // Awaited when the API is there; until then a rejection is not unhandled.
  bundle.catch(() => undefined);
  // The API first: its address is what vendors' hooks are pointed at by the worker.
  const [api, apiKey] = await Promise.all([
    owner.start({
      name: 'the API',
      ...(compiled ? compiledProgram : program)('api/server.ts'),
      env,
      logFile: join(logFolder, 'api.log'),
      ready: { line: /listening on (http:\S+)/ },
    }),
    createKey(owner, env),
  ]);
  const apiUrl = api.match![1]!;
  env['CASTELLAN_PUBLIC_URL'] = apiUrl;
  env['CASTELLAN_WORKFLOW_BUNDLE'] ??= await bundle;
  const worker = await startWorker(owner, env, join(logFolder, 'worker.log'), { compiled });
  told(`the API listens on ${apiUrl}, the worker is ready`);
  return { apiUrl, apiKey, worker, env };
}

export const startWorker = (
  owner: ProcessOwner,
  env: Record<string, string>,
  logFile: string,
  { compiled = false }: Pick<StackOptions, 'compiled'> = {},
) =>
  owner.start({
    name: 'the worker',
    ...(compiled ? compiledProgram('activities/worker.ts', workerFlags) : program('activities/worker.ts')),
    env,
    logFile,
    ready: { line: /castellan worker ready/ },
    readyWithinMs: 60_000,
    graceMs: 10_000,
  });

async function createKey(owner: ProcessOwner, env: Record<string, string>): Promise<string> {
  const { command, args, cwd } = program('api/key.ts', 'create', '--name', 'demo', '--role', 'governor', '--json');
  const out = await owner.run(command, args, { cwd, env, timeoutMs: 60_000 });
  return (JSON.parse(out) as { secret: string }).secret;
}
