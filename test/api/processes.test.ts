import { spawn, type ChildProcess } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { useDatabase } from '../support/use-database.ts';

// A process starts in a second or two, and in many on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

const database = useDatabase();
const environment = {
  PATH: process.env['PATH'],
  MONGODB_URI: database.uri,
  CASTELLAN_DATABASE: database.name,
  CASTELLAN_KEY: 'cd'.repeat(32),
  CASTELLAN_API_PORT: '0',
  // Nothing listens there: the API starts all the same.
  TEMPORAL_ADDRESS: '127.0.0.1:9',
};
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function start(file: string, args: string[] = [], env: Record<string, string | undefined> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (data) => (said.out += String(data)));
  child.stderr.on('data', (data) => (said.err += String(data)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said, ended };
}

async function run(file: string, args: string[] = [], env: Record<string, string | undefined> = {}) {
  const { said, ended } = start(file, args, env);
  return { code: await ended, ...said };
}
describe('npm run key', () => {
  it('makes a key that the store knows', async () => {
    const { code, out } = await run('api/key.ts', ['create', '--name', 'ops', '--role', 'operator', '--json']);
    expect(code).toBe(0);
    const { secret, role } = JSON.parse(out) as Record<string, string>;
    expect([role, secret]).toEqual(['operator', expect.stringMatching(/^cst_/)]);
  });
});

describe('npm run api', () => {
  it('listens, answers, says within 5 s that Temporal is away, and ends on SIGTERM', async () => {
    const { child, said, ended } = start('api/server.ts');
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout!.on('data', () => {
        const ready = /castellan api listening on (http:\S+)/.exec(said.out);
        if (ready) resolve(ready[1]!);
      });
      void ended.then((code) => reject(new Error(`ended with ${code}: ${said.err}${said.out}`)));
    });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ checks: { mongodb: { ok: true }, temporal: { ok: false } } });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it('ends with one line when a variable is wrong', async () => {
    const { code, err, out } = await run('api/server.ts', [], { CASTELLAN_KEY: 'short' });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^CASTELLAN_KEY wants 32 bytes[^\n]*\n$/);
  });
});
