/** The vendor's own count of what was asked and done; tests compare it with what the caller believes. */
export interface Counters {
  /** `GET /folders/{folder_id}/items` → calls that reached the API, refused ones too. */
  calls: Record<string, number>;
  /** Answers by HTTP status. */
  statuses: Record<string, number>;
  throttled: number;
  throttledByConcurrency: number;
  maxConcurrent: number;
  /** Rate windows in the order they began. */
  windows: UserWindow[];
  /** `trash` → object id → how often it was really executed. */
  executed: Record<string, Record<string, number>>;
  /** Requests struck by a fault, by its kind. */
  faults: Record<string, number>;
  hookDeliveries: { sent: number; answered: number; failed: number; lost: number };
  downloads: { files: number; bytes: number };
  /** Credentials that reached the download host, where none belongs. */
  leakedCredentials: number;
}

export interface UserWindow {
  kind: 'requests' | 'uploads';
  /** Id of the user who is charged, or `token …`. */
  principal: string;
  startedAt: number;
  limit: number;
  calls: number;
  refused: number;
}

export function createCounters(): Counters {
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
    downloads: { files: 0, bytes: 0 },
    leakedCredentials: 0,
  };
}

export function resetCounters(counters: Counters): void {
  Object.assign(counters, createCounters());
}

export function countExecuted(counters: Counters, action: string, target: string): void {
  const byTarget = (counters.executed[action] ??= {});
  byTarget[target] = (byTarget[target] ?? 0) + 1;
}
