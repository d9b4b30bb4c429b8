import { rssMb } from './process-figures.ts';

/** The most a process has in memory, in MB, looked at each second until `stop`. */
export function watchMemory(pid: number): { stop(): number } {
  let most = rssMb(pid);
  const look = (): void => void (most = Math.max(most, rssMb(pid)));
  const timer = setInterval(look, 1_000);
  return {
    stop() {
      clearInterval(timer);
      look();
      return most;
    },
  };
}
