import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const HOUR_MS = 3_600_000;

/**
 * Removes folders `<prefix>-<pid>-...` whose process is gone. They must also be untouched for an hour: in containers that
 * share a folder, a process of another one looks like none.
 */
export function removeAbandoned(parent: string, prefix: string, now: number = Date.now()): void {
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(`${prefix}-`) ? Number(name.slice(prefix.length + 1).split('-')[0]) : Number.NaN;
    if (Number.isInteger(pid) && pid > 0 && !isRunning(pid)) removeOlderThan(join(parent, name), HOUR_MS, now);
  }
}

/** Another run may remove the same thing at the same time. */
export function removeOlderThan(path: string, ageMs: number, now: number = Date.now()): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && found.mtimeMs < now - ageMs) rmSync(path, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
