/** Who asks, in the order in which a scarce quota serves them. */
export type Urgency = 'actions' | 'watch' | 'sweep' | 'content';

/** One counted limit that a call spends of. `bucket` names who shares it, never the connection. */
export interface Charge {
  bucket: string;
  kind: 'rate' | 'budget' | 'concurrent';
  /** Calls (or `cost` units) a window; for `concurrent` how many at once. Headers correct it. */
  limit: number;
  windowMs?: number;
  /** 1 unless told. */
  cost?: number;
  /** The part of the limit that is ours to use, 0 to 1; 1 unless told. */
  share?: number;
  /** The vendor publishes no figure: start at `limit`, learn. */
  learn?: boolean;
}

/** What one answer said about a quota. */
export interface QuotaReading {
  /** With `throttledForMs` 0 says that too many calls were under way at once (Okta). */
  limit?: number;
  remaining?: number;
  /** Until the window ends, by the vendor's own clock. */
  resetInMs?: number;
  /** The vendor refused the call, and wants this long a pause. */
  throttledForMs?: number;
  /**
   * Which of the call's charges this is about. Without it figures are about the first rate (else budget, else
   * concurrent) one, and a refusal about every rate whose window explains the pause, else every budget.
   */
  bucket?: string;
  /** What the call really cost, where only the answer tells. */
  cost?: number;
}

export interface Permit {
  /**
   * Called exactly once for every permit, whatever came of the call: with what the answer said, which may be nothing
   * (`{}`), or without a reading when no answer came.
   */
  settle(reading?: QuotaReading): Promise<void>;
}

export interface Governor {
  /**
   * Waits until every charge is granted. A wait beyond the caller's patience is a Failure `throttled` with `bucket`
   * and `retryAfterMs`, before anything was sent. Connections that share a bucket take turns.
   */
  acquire(charges: readonly Charge[], urgency: Urgency, signal: AbortSignal, connectionId?: string): Promise<Permit>;
}
