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

/** Whose call waits, and how urgent it is. */
export interface Asking {
  urgency: Urgency;
  /** Connections take turns. */
  connection: string;
}

export interface Waiter<T> extends Asking {
  /** By the timers' clock: not granted until then, it is refused. */
  deadline: number;
  grant(given: T): void;
  refuse(refusal: Refusal): void;
}

const rank: Readonly<Record<Urgency, number>> = { actions: 0, watch: 1, sweep: 2, content: 3 };

/** A connection that was served counts as one that asks for so long: its next call is on the way. */
const servedRecentlyMs = 1_000;

/**
 * Those who wait in this process for one thing: actions first, then watches, sweeps, contents. Among equals each connection
 * has its turn, however many of its calls wait; the calls of one are served in order of arrival.
 */
export class WaitingLine<T> {
  private readonly waiters: Waiter<T>[] = [];
  /** Connection → when it was served last; the longest ago first. */
  private readonly served = new Map<string, number>();

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
  join({ urgency, connection }: Asking, deadline: number, signal: AbortSignal): Promise<T | Refusal> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const done = () => signal.removeEventListener('abort', aborted);
      const waiter: Waiter<T> = {
        urgency,
        connection,
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

  /** Takes out whose turn it is, `at` being now. */
  shift(at: number): Waiter<T> | undefined {
    const [head] = this.waiters;
    if (!head) return undefined;
    const lastServed = ({ connection }: Waiter<T>) => this.served.get(connection) ?? -Infinity;
    let next = head;
    for (const waiter of this.waiters) {
      if (waiter.urgency !== head.urgency) break;
      if (lastServed(waiter) < lastServed(next)) next = waiter;
    }
    this.remove(next);
    this.served.delete(next.connection);
    this.served.set(next.connection, at);
    return next;
  }

  /** How many connections share what this process gets. */
  connections(at: number): number {
    for (const [connection, servedAt] of this.served) {
      if (servedAt > at - servedRecentlyMs) break;
      this.served.delete(connection);
    }
    return new Set([...this.served.keys(), ...this.waiters.map(({ connection }) => connection)]).size;
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
