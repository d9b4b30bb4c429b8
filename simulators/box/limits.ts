import type { UserWindow } from './counters.ts';
import type { BoxState } from './state.ts';

type Window = UserWindow & { endsAt: number };

/** Fixed windows by user and kind of request, beginning with the first call. Box tells nothing about what is left. */
export class Limits {
  readonly #windows = new Map<string, Window>();
  #inFlight = 0;
  #licensed = 0;

  /** Requests that are being worked on. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** False when there are too many requests at once; `leave` must follow either way. */
  enter(state: BoxState): boolean {
    this.#inFlight++;
    const { counters, knobs } = state;
    counters.maxConcurrent = Math.max(counters.maxConcurrent, this.#inFlight);
    if (this.#inFlight <= knobs.concurrency) return true;
    counters.throttledByConcurrency++;
    return false;
  }

  leave(): void {
    this.#inFlight--;
  }

  /** Undefined when the call may go on, otherwise after how many seconds to ask again. */
  take(state: BoxState, kind: UserWindow['kind'], principals: readonly string[]): number | undefined {
    const { knobs } = state;
    const standard = kind === 'uploads' ? knobs.uploadsPerWindow : knobs.requestsPerWindow;
    const limit = Math.max(1, Math.floor(standard * knobs.limitFactor));
    const windows = principals.map((principal) => this.#window(state, kind, principal, limit));
    const now = Date.now();
    const full = windows.filter((one) => {
      const elapsed = Math.min(1, 1 - Math.max(0, one.endsAt - now) / knobs.windowMs);
      return one.calls + Math.floor((limit * knobs.otherConsumer * elapsed) / 100) >= limit;
    });
    const spent = knobs.licensedCalls > 0 && this.#licensed >= knobs.licensedCalls;
    if (full.length === 0 && !spent) {
      for (const one of windows) one.calls++;
      this.#licensed++;
      return undefined;
    }
    for (const one of windows) one.refused++;
    state.counters.throttled++;
    const until = spent ? now + 3_600_000 : Math.max(...full.map((one) => one.endsAt));
    return Math.max(1, Math.ceil((until - now) / 1_000));
  }

  #window(state: BoxState, kind: UserWindow['kind'], principal: string, limit: number): Window {
    const key = `${kind} ${principal}`;
    const now = Date.now();
    let window = this.#windows.get(key);
    if (!window || window.endsAt <= now) {
      window = { kind, principal, startedAt: now, endsAt: now + state.knobs.windowMs, limit, calls: 0, refused: 0 };
      this.#windows.set(key, window);
      state.counters.windows.push(window);
    }
    window.limit = limit;
    return window;
  }
}
