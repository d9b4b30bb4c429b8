import { createGovernor, type GovernorOptions, type RunningGovernor } from '../../activities/governor.ts';
import type { Charge, Governor, QuotaReading } from '../../connectors/quota.ts';
import { seeded, type Random } from '../../simulators/kit/seeded.ts';
import { createQuotas, type QuotaOptions } from '../../store/quotas.ts';
import { callUntil, type GovernedCall, type Send } from './governed-calls.ts';
import { LimitedVendor, type VendorOptions } from './limited-vendor.ts';
import { VirtualDatabase } from './virtual-database.ts';
import { VirtualTime } from './virtual-time.ts';

/** How long things take, in milliseconds: from one bound to the other, evenly. */
type Range = readonly [number, number];

export interface ProcessOptions {
  /** Its clock began elsewhere and goes at another speed. */
  clock?: { offsetMs?: number; rate?: number };
  /** To MongoDB, one way. */
  travelMs?: Range;
  options?: Partial<GovernorOptions>;
  times?: QuotaOptions['times'];
}

/** Governors, their database and the vendors they call, all in virtual time and the same for the same seed. */
export class VirtualScene {
  readonly time = new VirtualTime();
  readonly database = new VirtualDatabase(this.time);
  readonly random: Random;
  private readonly governors: RunningGovernor[] = [];
  private readonly end = new AbortController();

  constructor(seed = 1) {
    this.random = seeded(seed);
  }

  between = ([from, until]: Range): number => from + this.random() * (until - from);

  vendor(options: Omit<VendorOptions, 'now'>): LimitedVendor {
    return new LimitedVendor({ ...options, now: () => this.time.now });
  }

  /** A process. Once it is dead nothing that it waits for comes. */
  process({ clock, travelMs = [0.3, 1.5], options, times }: ProcessOptions = {}): RunningGovernor & { die(): void } {
    let alive = true;
    const timers = this.time.timersOf(clock);
    const quotas = createQuotas(
      this.database.seenFrom(() => this.between(travelMs)),
      { monotonic: timers.now, random: this.random, times },
    );
    const governor = createGovernor({
      quotas,
      timers: { now: timers.now, after: (ms, run) => timers.after(ms, () => alive && run()) },
      ...options,
    });
    this.governors.push(governor);
    return Object.assign(governor, { die: () => void (alive = false) });
  }

  /**
   * Calls that travel so long to the vendor, and whose answers come so long after they were counted. With `realCost` only
   * the answer tells what a call spent of the first of the limits.
   */
  send(
    vendors: readonly LimitedVendor[],
    path = '',
    toMs: Range = [1, 4],
    backMs: Range = [6, 20],
    realCost?: () => number,
  ): Send {
    return async (charges) => {
      await this.time.sleep(this.between(toMs));
      const cost = realCost?.();
      const costs = charges.map((charge, n) => (n === 0 && cost !== undefined ? cost : charge.cost));
      const counted = vendors.map((vendor, n) => vendor.begin(path, costs[n]));
      await this.time.sleep(this.between(backMs));
      const readings = counted.map(({ done }) => done());
      const bucket = (n: number) => (vendors.length > 1 ? { bucket: charges[n]!.bucket } : {});
      const refusal = readings.findIndex(({ throttledForMs }) => throttledForMs !== undefined);
      const told: QuotaReading = { ...readings[Math.max(0, refusal)]!, ...bucket(Math.max(0, refusal)) };
      return { ...told, ...(refusal < 0 && cost !== undefined && { cost }) };
    };
  }

  /** So many callers, each one call after the other until the scene ends. */
  call(governor: Governor, call: GovernedCall & { callers: number }): Promise<void> {
    return callUntil(this.end.signal, governor, { sleep: this.time.sleep, ...call });
  }

  /** Lets the scene go on for so long; then all callers stop and the governors are closed. */
  async lasts(ms: number, calling: readonly Promise<unknown>[]): Promise<void> {
    this.time.after(ms, () => this.end.abort(new Error('the scene is over')));
    await this.time.during(Promise.all(calling));
    await this.time.during(Promise.all(this.governors.map((governor) => governor.close())));
  }
}

export const rate = (bucket: string, limit: number, windowMs: number, rest: Partial<Charge> = {}): Charge => ({
  bucket,
  kind: 'rate',
  limit,
  windowMs,
  ...rest,
});
