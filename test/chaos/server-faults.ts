import type { Fault } from './fault.ts';

/** Servers that keep what they know when they are killed. */
type Kept = 'mongodb' | 'temporal';

const minuteMs = 60_000;

/** It dies, and is started again on the same data after so long. */
export const killedFor = (place: Kept, kind: string, downMs: number): Fault => ({
  kind,
  place,
  at: 'any',
  async inject(world) {
    await world.subject.scanning();
    await world[place].kill('SIGKILL');
    await world.pause(downMs);
    await world[place].start();
  },
});

/** It stands still for a minute, and goes on as if nothing had been. */
export const awayForAMinute = (place: Kept): Fault => ({
  kind: `${place}-away-for-a-minute`,
  place,
  at: 'any',
  async inject(world) {
    await world.subject.scanning();
    await world[place].kill('SIGSTOP');
    await world.pause(minuteMs);
    await world[place].kill('SIGCONT');
  },
});
