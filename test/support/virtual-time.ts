import type { Timers } from '../../activities/waiting-line.ts';

/**
 * A clock that stands still while anything is left to do, and then jumps to the next thing that is due: an hour takes
 * as long as what happens in it, and the same happens every time.
 */
export class VirtualTime {
  /** Milliseconds. */
  now = 0;
  private readonly due: { at: number; run: () => void }[] = [];

  after(ms: number, run: () => void): () => void {
    const event = { at: this.now + Math.max(0, ms), run };
    let place = this.due.length;
    while (place > 0 && this.due[place - 1]!.at > event.at) place -= 1;
    this.due.splice(place, 0, event);
    return () => {
      const at = this.due.indexOf(event);
      if (at >= 0) this.due.splice(at, 1);
    };
  }

  readonly sleep = (ms: number): Promise<void> => new Promise((resolve) => void this.after(ms, resolve));

  /** Of a process that began at another time, and whose clock goes by `rate`. */
  timersOf({ offsetMs = 0, rate = 1 }: { offsetMs?: number; rate?: number } = {}): Timers {
    return {
      now: () => offsetMs + this.now * rate,
      after: (ms, run) => this.after(ms / rate, run),
    };
  }

  /** Lets time pass until the work is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const end = () => (done = true);
    work.then(end, end);
    for (;;) {
      // Everything that can go on without time passing does so first.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return work;
      const next = this.due.shift();
      if (!next) throw new Error('all wait, and nothing is due');
      this.now = next.at;
      next.run();
    }
  }
}
