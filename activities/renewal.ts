import { LeaseLost } from '../store/lease-lost.ts';

/** Keeps a lease prolonged, and knows when others may have taken it: by a clock that nobody sets. */
export class Renewal {
  private readonly leaseMs: number;
  private at = performance.now();

  /** To be made before the lease is claimed: what is counted from then on is over no later than the lease. */
  constructor(leaseMs: number) {
    this.leaseMs = leaseMs;
  }

  get over(): boolean {
    return performance.now() - this.at >= this.leaseMs;
  }

  /** Prolongs it when a third of it has gone. */
  async renew(prolong: (leaseMs: number) => Promise<void>): Promise<void> {
    const now = performance.now();
    if (now - this.at < this.leaseMs / 3) return;
    try {
      await prolong(this.leaseMs);
      this.at = now;
    } catch (error) {
      if (error instanceof LeaseLost) this.at = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }
}
