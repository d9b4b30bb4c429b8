import type { Urgency } from '../connectors/quota.ts';

/** Monotonic milliseconds and timers; tests bring their own. */
export interface Timers {
  now(): number;
  /** Calls `run` after `ms`; the answer cancels. */
  after(ms: number, run: () => void): () => void;
}

export const processTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, 2_000_000_000));
    return () => clearTimeout(timer);
  },
};

/** Nothing was granted: when to come again, and why. */
export interface Refusal {
  inMs: number;
  why: string;
}

export interface Waiter<T> {
  urgency: Urgency;
  /** By the timers' clock: not granted until then, it is refused. */
  deadline: number;
  grant(given: T): void;
  refuse(refusal: Refusal): void;
}

const rank: Readonly<Record<Urgency, number>> = { actions: 0, watch: 1, sweep: 2 };

/** Those who wait in this process for one thing: actions first, then watches, then sweeps; each in order of arrival. */
export class WaitingLine<T> {
  private readonly waiters: Waiter<T>[] = [];

  get length(): number {
    return this.waiters.length;
  }

  count(urgency: Urgency): number {
    return this.waiters.filter((waiter) => waiter.urgency === urgency).length;
  }

  get first(): Waiter<T> | undefined {
    return this.waiters[0];
  }

  /** Rejects with the signal's reason; what comes too late for an aborted waiter goes to the next. */
  join(urgency: Urgency, deadline: number, signal: AbortSignal): Promise<T | Refusal> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const done = () => signal.removeEventListener('abort', aborted);
      const waiter: Waiter<T> = {
        urgency,
        deadline,
        grant: (given) => {
          done();
          resolve(given);
        },
        refuse: (refusal) => {
          done();
          resolve(refusal);
        },
      };
      const aborted = () => {
        this.remove(waiter);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', aborted, { once: true });
      const place = this.waiters.findIndex((other) => rank[other.urgency] > rank[urgency]);
      this.waiters.splice(place < 0 ? this.waiters.length : place, 0, waiter);
    });
  }

  shift(urgency?: Urgency): Waiter<T> | undefined {
    if (urgency && this.first?.urgency !== urgency) return undefined;
    return this.waiters.shift();
  }

  /** Refuses those whose deadline is before `until`. */
  refuseBefore(until: number, refusal: (waiter: Waiter<T>) => Refusal, which: (urgency: Urgency) => boolean): void {
    for (const waiter of [...this.waiters]) {
      if (waiter.deadline > until || !which(waiter.urgency)) continue;
      this.remove(waiter);
      waiter.refuse(refusal(waiter));
    }
  }

  get earliestDeadline(): number {
    return Math.min(...this.waiters.map(({ deadline }) => deadline));
  }

  fail(error: unknown): void {
    for (const waiter of this.waiters.splice(0))
      waiter.refuse({ inMs: 1_000, why: `MongoDB does not answer: ${String(error)}` });
  }

  private remove(waiter: Waiter<T>): void {
    const at = this.waiters.indexOf(waiter);
    if (at >= 0) this.waiters.splice(at, 1);
  }
}
