import type { Charge, Governor, QuotaReading, Urgency } from '../../connectors/quota.ts';

export interface GovernedCall {
  charges: readonly Charge[];
  urgency: Urgency;
  settled: number;
  reading?: QuotaReading;
}

/** A governor that grants everything at once and remembers what was asked, so that tests can count and compare. */
export function createOpenGovernor(): Governor & { calls: GovernedCall[] } {
  const calls: GovernedCall[] = [];
  return {
    calls,
    async acquire(charges, urgency, signal) {
      signal.throwIfAborted();
      const call: GovernedCall = { charges, urgency, settled: 0 };
      calls.push(call);
      return {
        async settle(reading) {
          call.settled += 1;
          call.reading = reading;
        },
      };
    },
  };
}
