import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second here, whatever the kernel's own tick. */
const tickMs = 10;

/** Resident memory of a process, in MB. */
export const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;

/** Milliseconds of a core that a process has used since it began: as much on a busy machine as on a quiet one. */
export function cpuMs(pid: number): number {
  // The name in brackets may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Of processes by name: the milliseconds of a core that each has used since. */
export function cpuSince(pids: Readonly<Record<string, number>>): () => Record<string, number> {
  const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, ms: cpuMs(pid) }));
  return () => Object.fromEntries(before.map(({ name, pid, ms }) => [name, cpuMs(pid) - ms]));
}
