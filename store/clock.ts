import { performance } from 'node:perf_hooks';
import type { Db } from 'mongodb';

export interface Clock {
  /** Our estimate of MongoDB's clock. */
  now(): Date;
}

export interface RunningClock extends Clock {
  /** Asks MongoDB once more. */
  measure(): Promise<void>;
  stop(): void;
}

export interface ClockOptions {
  /** Milliseconds between measurements; 30 s unless told. */
  everyMs?: number;
  /** A clock that never jumps, in milliseconds. */
  monotonic?: () => number;
  failed?: (error: unknown) => void;
}

/**
 * Follows MongoDB's clock, so that all processes judge leases and the age of records alike whatever their machines'
 * clocks say. The offset is to the monotonic clock: a machine whose wall clock is set in between stays right.
 */
export async function createClock(db: Db, options: ClockOptions = {}): Promise<RunningClock> {
  const { everyMs = 30_000, monotonic = () => performance.now() } = options;
  let offset = 0;

  async function sample(): Promise<{ roundTrip: number; offset: number }> {
    const sent = monotonic();
    const { localTime } = await db.admin().command({ hello: 1 });
    if (!(localTime instanceof Date)) throw new Error('MongoDB told no time in its hello');
    const came = monotonic();
    return { roundTrip: came - sent, offset: localTime.getTime() - (sent + came) / 2 };
  }

  /** Of three, the quickest answer is the most exact one. */
  async function measure(): Promise<void> {
    let best = await sample();
    for (let n = 1; n < 3; n += 1) {
      const next = await sample();
      if (next.roundTrip < best.roundTrip) best = next;
    }
    offset = best.offset;
  }

  await measure();
  const timer = setInterval(() => {
    measure().catch((error: unknown) => options.failed?.(error));
  }, everyMs);
  timer.unref();

  return {
    now: () => new Date(Math.round(monotonic() + offset)),
    measure,
    stop: () => clearInterval(timer),
  };
}
