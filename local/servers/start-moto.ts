import { join } from 'node:path';
import { onFreePorts } from '../free-ports.ts';
import type { ProcessOwner } from '../processes.ts';
import { isExecutable } from '../find-on-path.ts';
import { cacheFolder, installOnce } from './cache-folder.ts';
import { findPython, makeVenv, PIP_OPTIONS, type Python } from './python.ts';
import { firstThatWorks, NothingFound, type Found, type Source, type Tried } from './source-chain.ts';

export interface MotoServer {
  /** Base URL of all AWS services, e.g. `http://127.0.0.1:4566`. */
  endpoint: string;
  version: string;
  source: string;
  tried: readonly Tried[];
  logFile: string;
  pid: number;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const MOTO = '5.2.5';
const INSTALL_MS = 600_000;

/** The AWS stand-in made by others, or why it cannot be had on this machine (Python is missing, no packages). */
export async function startMoto(
  owner: ProcessOwner,
  { logFolder }: { logFolder: string },
): Promise<MotoServer | { unavailable: string }> {
  let found: Found<string>;
  try {
    found = await findMoto(owner);
  } catch (error) {
    if (!(error instanceof NothingFound)) throw error;
    return { unavailable: error.tried.map(({ source, why }) => `${source}: ${why}`).join('; ') };
  }
  return onFreePorts(1, async ([port]) => {
    const endpoint = `http://127.0.0.1:${port}`;
    const { logFile, pid, stop, kill } = await owner.start({
      name: 'moto (AWS stand-in)',
      server: true,
      command: found.value,
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
      env: { PYTHONUNBUFFERED: '1', NO_COLOR: '1' },
      logFile: join(logFolder, `moto-${port}.log`),
      ready: {
        line: new RegExp(`Running on ${endpoint.replace(/\./g, '\\.')}\\b`),
        probe: () => answers(`${endpoint}/moto-api/`),
      },
      readyWithinMs: 60_000,
      graceMs: 2_000,
      advice: `remove ${join(cacheFolder(), 'moto-*')} to have it installed anew`,
    });
    const { version, source, tried } = found;
    return { endpoint, version, source, tried, logFile, pid, stop: () => stop(), kill };
  });
}

/** The Python of a virtual environment that has moto, made once in the cache. */
async function findMoto(owner: ProcessOwner): Promise<Found<string>> {
  const entryOf = (python: Python) => `moto-${MOTO}-python${python.version}`;
  const cached: Source<string> = {
    name: 'the cache',
    find: async () => {
      const path = join(cacheFolder(), entryOf(await findPython(owner)), 'bin', 'python');
      if (!isExecutable(path)) throw new Error('nothing there yet');
      return { value: path, version: await motoVersion(owner, path) };
    },
  };
  const installed: Source<string> = {
    name: `Python package moto[server] ${MOTO} in a virtual environment`,
    find: async () => {
      const python = await findPython(owner);
      const folder = await installOnce(owner, entryOf(python), async (making) => {
        const venvPython = await makeVenv(owner, python, making);
        // Compiling every dependency takes half of the time, and most are never used.
        const install = ['-m', 'pip', 'install', ...PIP_OPTIONS, '--no-compile', `moto[server]==${MOTO}`];
        await owner.run(venvPython, install, { timeoutMs: INSTALL_MS });
      });
      const path = join(folder, 'bin', 'python');
      return { value: path, version: await motoVersion(owner, path) };
    },
  };
  return firstThatWorks('moto', [cached, installed], 'install Python 3.9 or newer with venv');
}

async function motoVersion(owner: ProcessOwner, python: string): Promise<string> {
  const script = 'from importlib.metadata import version; print(version("moto"))';
  return (await owner.run(python, ['-c', script], { timeoutMs: 20_000 })).trim();
}

async function answers(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
}
