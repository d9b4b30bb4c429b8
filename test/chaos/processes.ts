import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiProblem, type Api } from '../../local/api-client.ts';
import type { ProcessOwner, RunningProcess } from '../../local/processes.ts';
import type { ApiProcess, Workers } from './world.ts';

type Env = Record<string, string>;

/** MongoDB or Temporal may be away for a minute when it starts. */
const readyWithinMs = 180_000;

const compiled = (code: string, path: string) => ({
  command: process.execPath,
  args: ['--enable-source-maps', join(code, path)],
  cwd: code,
});

export async function startWorkers(owner: ProcessOwner, logFolder: string, env: Env, code: string): Promise<Workers> {
  const all: RunningProcess[] = [];
  let started = 0;
  const gone = (worker: RunningProcess) => {
    const at = all.indexOf(worker);
    if (at >= 0) all.splice(at, 1);
  };
  const workers: Workers = {
    code,
    all,
    get current() {
      const last = all.at(-1);
      if (!last) throw new Error('no worker runs');
      return last;
    },
    async start(more = {}) {
      started += 1;
      const worker = await owner.start({
        name: `worker ${started}`,
        ...compiled(workers.code, 'activities/worker.js'),
        env: { ...env, ...more },
        logFile: join(logFolder, `worker-${started}.log`),
        ready: { line: /castellan worker ready/ },
        readyWithinMs,
        graceMs: 10_000,
      });
      all.push(worker);
      void worker.exited.then(() => gone(worker));
      return worker;
    },
    async kill(worker = workers.current) {
      worker.kill('SIGKILL');
      await worker.exited;
      gone(worker);
    },
    async stop(worker) {
      await worker.stop();
      gone(worker);
    },
    async restart() {
      for (const worker of [...all]) await workers.kill(worker);
      await workers.start();
    },
  };
  await workers.start();
  return workers;
}

const patienceMs = 180_000;

export async function startApi(
  owner: ProcessOwner,
  logFolder: string,
  env: Env,
  code: string,
): Promise<ApiProcess & { key: string }> {
  const port = Number(env['CASTELLAN_API_PORT']);
  const url = `http://127.0.0.1:${port}`;
  const launch = () =>
    owner.start({
      name: 'the API',
      ...compiled(code, 'api/server.js'),
      env,
      logFile: join(logFolder, 'api.log'),
      ready: { line: /listening on (http:\S+)/ },
      readyWithinMs,
    });
  let running: RunningProcess = await launch();
  const { command, args, cwd } = compiled(code, 'api/key.js');
  const made = await owner.run(command, [...args, 'create', '--name', 'chaos', '--role', 'governor', '--json'], {
    cwd,
    env,
    timeoutMs: 60_000,
  });
  const { secret } = JSON.parse(made) as { secret: string };
  return {
    url,
    key: secret,
    call: patientApi(url, secret),
    async kill() {
      running.kill('SIGKILL');
      await running.exited;
    },
    async start() {
      await running.stop();
      running = await launch();
    },
  };
}

/** As a caller that does not give up: the same request, with the same key, until somebody answers it. */
function patientApi(url: string, key: string): Api {
  let calls = 0;
  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(method === 'POST' && { 'idempotency-key': `chaos-${process.pid}-${(calls += 1)}` }),
    };
    for (const until = Date.now() + patienceMs; ; await delay(100)) {
      try {
        const signal = AbortSignal.timeout(20_000);
        const response = await fetch(`${url}${path}`, {
          method,
          headers,
          signal,
          ...(body && { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T;
        const problem = new ApiProblem(`${method} ${path}`, response.status, JSON.parse(text) as never);
        if (response.status < 500 && response.status !== 429) throw problem;
        if (Date.now() > until) throw problem;
      } catch (error) {
        if (error instanceof ApiProblem || Date.now() > until) throw error;
      }
    }
  }
  return {
    get: <T>(path: string) => call<T>('GET', path),
    post: <T>(path: string, body: object = {}) => call<T>('POST', path, body),
    put: <T>(path: string, body: object) => call<T>('PUT', path, body),
    patch: <T>(path: string, body: object) => call<T>('PATCH', path, body),
  };
}
