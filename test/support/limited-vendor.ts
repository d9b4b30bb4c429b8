import type { QuotaReading } from '../../connectors/quota.ts';
import { limitCounters, type LimitKind } from './limit-counters.ts';

export interface VendorOptions {
  kind: LimitKind;
  limit: number;
  windowMs: number;
  /** Calls at once; as many as they like unless told. */
  atOnce?: number;
  /** Whether answers tell the figures of the limit; they do unless told. */
  headers?: boolean;
  /** Milliseconds by its own clock. */
  now: () => number;
}

/** Calls of one side, in milliseconds from the first call of all. */
interface Counted {
  accepted: number[];
  refused: number[];
}

/** A vendor with a limit, strict and counting for itself. */
export class LimitedVendor implements Counted {
  readonly accepted: number[] = [];
  readonly refused: number[] = [];
  /** Calls refused because as many as it allows were under way. */
  crowded = 0;
  /** The path of each accepted call. */
  readonly paths: string[] = [];
  /** Somebody else's calls. */
  readonly others: Counted = { accepted: [], refused: [] };
  /** What was spent by anybody. */
  private readonly spent: { at: number; units: number }[] = [];
  private readonly options: VendorOptions;
  private readonly counter;
  private limit: number;
  private atOnce = 0;
  private first: number | undefined;

  constructor(options: VendorOptions) {
    this.options = options;
    this.limit = options.limit;
    this.counter = limitCounters[options.kind](options.windowMs);
  }

  setLimit(limit: number): void {
    this.limit = limit;
  }

  /** A call comes in; `done` when its answer goes out. */
  begin(path = '', cost = 1): { ok: boolean; done: () => QuotaReading } {
    const { now, atOnce = Infinity, headers = true } = this.options;
    const crowded = this.atOnce >= atOnce;
    if (crowded) this.crowded += 1;
    const ok = !crowded && this.count(this, cost);
    if (ok) this.paths.push(path);
    this.atOnce += 1;
    const remaining = this.counter.remaining(now(), this.limit);
    const resetInMs = Math.round(this.counter.resetInMs(now(), this.limit));
    const reading: QuotaReading = {
      ...(headers ? { limit: this.limit, remaining, resetInMs } : {}),
      ...(ok ? {} : { throttledForMs: Math.max(1, resetInMs) }),
    };
    return {
      ok,
      done: () => {
        this.atOnce -= 1;
        return crowded ? { limit: 0, throttledForMs: 1_000 } : reading;
      },
    };
  }

  /** Calls of somebody else. */
  consume(calls: number): void {
    for (let n = 0; n < calls; n += 1) this.count(this.others, 1);
  }

  /** The part of the limit that was used in so many whole windows from the first call, by us and by others. */
  utilisation(windows: number): number {
    return this.between(0, windows) / (this.options.limit * windows);
  }

  /** Units spent by anybody in these windows from the first call. */
  between(from: number, until: number): number {
    const { windowMs } = this.options;
    const inside = this.spent.filter(({ at }) => at >= from * windowMs && at < until * windowMs);
    return inside.reduce((sum, { units }) => sum + units, 0);
  }

  private count(whose: Counted, cost: number): boolean {
    const at = this.options.now();
    this.first ??= at;
    const ok = this.counter.take(at, this.limit, cost);
    (ok ? whose.accepted : whose.refused).push(at - this.first);
    if (ok) this.spent.push({ at: at - this.first, units: cost });
    return ok;
  }
}
