import { mkdirSync, readdirSync } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { removeOlderThan } from '../abandoned-folders.ts';
import type { ProcessOwner } from '../processes.ts';

const WEEK_MS = 7 * 86_400_000;

/** Where fetched servers are kept: `CASTELLAN_CACHE`, else `castellan` in the user's cache folder. */
export function cacheFolder(): string {
  const { CASTELLAN_CACHE, XDG_CACHE_HOME } = process.env;
  return CASTELLAN_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'castellan');
}

/** A new folder for the logs of one run, kept for a week. */
export function newLogFolder(): string {
  const logs = join(cacheFolder(), 'logs');
  const folder = join(logs, `${new Date().toISOString().replace(/[:.]/g, '-')}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(logs)) removeOlderThan(join(logs, old), WEEK_MS);
  return folder;
}

/**
 * Fills a cache entry so that two runs can do it at once and none sees half of it: the content is made in a folder beside
 * and moved into place in one step; who comes second uses the first one's.
 * @returns the folder of the entry
 */
export async function installOnce(
  owner: ProcessOwner,
  entry: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const target = join(cacheFolder(), entry);
  const making = owner.folder('installing', cacheFolder());
  try {
    const content = join(making, 'content');
    await mkdir(content);
    await fill(content);
    await mkdir(dirname(target), { recursive: true });
    await rename(content, target);
  } catch (error) {
    const taken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (!taken || !(await isFolder(target))) throw error;
  } finally {
    await owner.discard(making);
  }
  return target;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
