/** Primitives of the governor; all times are durations, told apart from MongoDB's `$$NOW`. */
import type { Urgency } from '../connectors/quota.ts';

/** Calls that may be sent, each at a time of its own; all in milliseconds from when the answer came. */
export interface QuotaGrant {
  /** Calls. */
  granted: number;
  /** The first call's time, negative when it is past; the others follow every `everyMs`. */
  startsInMs: number;
  everyMs: number;
  /** A call that was not sent this long after its time must not be sent any more. */
  expiresInMs: number;
  /** The one call that tries whether the vendor answers again: handed to `observe` with what came of it. */
  probe?: string;
  /** Taken from what is kept for actions; handed to `giveBack`. */
  reserve?: boolean;
}

export type QuotaAnswer = QuotaGrant | { granted: 0; inMs: number; why: string };

/** What is asked of a rate or a budget. */
export interface QuotaWant {
  kind: 'rate' | 'budget';
  limit: number;
  windowMs: number;
  share: number;
  cost: number;
  urgency: Urgency;
  /** How many calls can be used now; one unless told. */
  calls?: number;
  /** Actions: how far ahead a call may be booked; 20 s unless told. */
  withinMs?: number;
  /** The vendor publishes no figure. */
  learn?: boolean;
  /** Who asks beside others, and for how many connections: each connection gets its turn. */
  sharer?: { id: string; connections: number };
}

export interface QuotaObservation {
  limit?: number;
  remaining?: number;
  resetInMs?: number;
  throttledForMs?: number;
  ok?: boolean;
  /** Units of calls of this process that were not answered yet. */
  inFlight?: number;
  /** From when the call might be sent until its answer was there. */
  tookMs?: number;
  /** Of the grant that this is about. */
  probe?: string;
  /** Units that the call cost more (or less) than was charged. */
  costMore?: number;
}

export interface Quotas {
  /**
   * Grants at least one call and at most 250 ms of permits, or says how long to wait: a rate paced evenly (GCRA on one
   * document), a budget spread over what remains of its window.
   */
  take(bucket: string, want: QuotaWant): Promise<QuotaAnswer>;
  /** Units: calls times their cost. */
  giveBack(bucket: string, units: number, grant?: { probe?: string; reserve?: boolean }): Promise<void>;
  /** Holders have their turns, by how many connections each asks for. */
  takeSlot(
    bucket: string,
    want: { limit: number; holder: string; urgency: Urgency; leaseMs: number; connections?: number },
  ): Promise<{ slot: string } | { slot: null; inMs: number; why: string }>;
  renewSlots(bucket: string, slots: readonly string[], leaseMs: number): Promise<void>;
  giveBackSlot(bucket: string, slot: string): Promise<void>;
  /**
   * Corrects downward at once, upward at a reset; with `throttledForMs` stops the bucket for everybody; a throttle
   * with `limit: 0` is one of concurrency and halves the slots for a minute. `changed`: permits at hand are void; `eased`:
   * more may be had than was told.
   */
  observe(bucket: string, reading: QuotaObservation): Promise<{ changed: boolean; eased?: boolean }>;
  list(prefix?: string): Promise<Record<string, unknown>[]>;
}
