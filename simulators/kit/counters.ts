/** The vendor's own count of what was asked and done; tests compare it with what the caller believes. */
export interface Counters<W> {
  /** `GET /api/v1/users/{id}` → calls that reached the API, refused ones too. */
  calls: Record<string, number>;
  /** Answers by HTTP status. */
  statuses: Record<string, number>;
  throttled: number;
  throttledByConcurrency: number;
  maxConcurrent: number;
  /** Rate windows in the order they began. */
  windows: W[];
  /** `suspend` → user id → how often it was really executed. */
  executed: Record<string, Record<string, number>>;
  /** Requests struck by a fault, by its kind. */
  faults: Record<string, number>;
  hookDeliveries: { sent: number; answered: number; failed: number; lost: number };
}

/** What was used of one limit by one caller. */
export interface Window {
  principal: string;
  startedAt: number;
  limit: number;
  calls: number;
  refused: number;
}

export function noCounts<W>(): Counters<W> {
  return {
    calls: {},
    statuses: {},
    throttled: 0,
    throttledByConcurrency: 0,
    maxConcurrent: 0,
    windows: [],
    executed: {},
    faults: {},
    hookDeliveries: { sent: 0, answered: 0, failed: 0, lost: 0 },
  };
}

/** One more of `name`. */
export function count(of: Record<string, number>, name: string | number): void {
  of[name] = (of[name] ?? 0) + 1;
}

export function countExecuted(counters: Counters<unknown>, action: string, target: string): void {
  count((counters.executed[action] ??= {}), target);
}
