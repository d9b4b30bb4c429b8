import { seededUuid } from '../kit/seeded.ts';
import type { Random } from '../kit/seeded.ts';
import type { Knobs } from './knobs.ts';

export type LogEvent = Record<string, unknown> & { uuid: string; published: string; eventType: string };

/** What was logged; `event` may be made when it is asked for. */
export interface Logged {
  readonly publishedAt: number;
  readonly event: LogEvent;
}

export class LogRow implements Logged {
  /** Place in the order of persistence. */
  readonly seq: number;
  readonly persistedAt: number;
  readonly #logged: Logged;

  constructor(seq: number, persistedAt: number, logged: Logged) {
    this.seq = seq;
    this.persistedAt = persistedAt;
    this.#logged = logged;
  }

  get publishedAt(): number {
    return this.#logged.publishedAt;
  }

  get event(): LogEvent {
    return this.#logged.event;
  }
}

/** Index of the first row that is not before. */
export function indexBy<T>(rows: readonly T[], isBefore: (row: T) => boolean): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(rows[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const RETENTION_MS = 90 * 86_400_000;

/**
 * The System Log. Rows have two orders: the one they were persisted in, which polling follows, and the one of
 * `published`, which bounded queries follow. They differ as soon as an event is late.
 */
export class SystemLog {
  readonly #random: Random;
  readonly #now: () => number;
  readonly #knobs: Knobs;
  readonly #rows: LogRow[] = [];
  /** The next to come at the end. */
  readonly #late: { due: number; logged: Logged }[] = [];
  readonly #byPublished: LogRow[] = [];
  /** Told of every row once it is persisted. */
  onPersisted: (event: LogEvent) => void = () => undefined;

  constructor(random: Random, now: () => number, knobs: Knobs) {
    this.#random = random;
    this.#now = now;
    this.#knobs = knobs;
  }

  /** Gives `uuid` and `published` where missing. `delayMs` holds the row back; without it the knobs decide. */
  append(event: Record<string, unknown>, delayMs?: number): LogEvent {
    const now = this.#now();
    const given = typeof event.published === 'string' ? Date.parse(event.published) : NaN;
    const publishedAt = Number.isNaN(given) ? now : given;
    const whole = {
      ...event,
      uuid: typeof event.uuid === 'string' ? event.uuid : seededUuid(this.#random),
      published: Number.isNaN(given) ? new Date(now).toISOString() : event.published,
    } as LogEvent;
    let delay = delayMs ?? 0;
    if (delayMs === undefined && this.#knobs.lateProbability > 0 && this.#random() < this.#knobs.lateProbability)
      delay = this.#knobs.lateMs;
    if (delay > 0) this.hold({ event: whole, publishedAt }, now + delay);
    else this.#persist({ event: whole, publishedAt }, now);
    return whole;
  }

  /** For filling: the row was persisted at that time. Times must not go backwards. */
  seed(logged: Logged, persistedAt: number): void {
    this.#push(logged, persistedAt);
  }

  /** Comes when it is due. */
  hold(logged: Logged, due: number): void {
    const at = indexBy(this.#late, (one) => one.due > due);
    this.#late.splice(at, 0, { due, logged });
  }

  #persist(logged: Logged, persistedAt: number): void {
    const twice = this.#knobs.duplicateProbability > 0 && this.#random() < this.#knobs.duplicateProbability;
    for (let times = twice ? 2 : 1; times > 0; times--) this.#push(logged, persistedAt);
    this.onPersisted(logged.event);
  }

  #push(logged: Logged, persistedAt: number): void {
    const row = new LogRow(this.#rows.length + 1, persistedAt, logged);
    this.#rows.push(row);
    const last = this.#byPublished.at(-1);
    const isLast = !last || last.publishedAt <= row.publishedAt;
    const at = isLast
      ? this.#byPublished.length
      : indexBy(this.#byPublished, (one) => one.publishedAt <= row.publishedAt);
    this.#byPublished.splice(at, 0, row);
  }

  /** Rows in the order of persistence; late ones join when they are due. */
  persisted(): readonly LogRow[] {
    const now = this.#now();
    for (let next = this.#late.at(-1); next && next.due <= now; next = this.#late.at(-1)) {
      this.#late.pop();
      this.#persist(next.logged, now);
    }
    return this.#rows;
  }

  /** Rows ordered by `published`, then by persistence. */
  published(): readonly LogRow[] {
    this.persisted();
    return this.#byPublished;
  }

  get held(): number {
    return this.#late.length;
  }
}
