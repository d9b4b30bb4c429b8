import { seededUuid } from '../kit/seeded.ts';
import type { Random } from '../kit/seeded.ts';
import type { Knobs } from './knobs.ts';

export type LogEvent = Record<string, unknown> & { uuid: string; published: string; eventType: string };

export interface LogRow {
  /** Place in the order of persistence. */
  seq: number;
  persistedAt: number;
  publishedAt: number;
  event: LogEvent;
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
  readonly #late: { due: number; event: LogEvent; publishedAt: number }[] = [];
  #byPublished: LogRow[] | undefined = [];
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
    if (delay > 0) this.#late.push({ due: now + delay, event: whole, publishedAt });
    else this.#persist(whole, publishedAt, now);
    return whole;
  }

  /** For filling: the row was persisted at that time. Times must not go backwards. */
  seed(event: LogEvent, publishedAt: number, persistedAt: number): void {
    this.#push({ seq: this.#rows.length + 1, persistedAt, publishedAt, event });
  }

  #persist(event: LogEvent, publishedAt: number, persistedAt: number): void {
    const twice = this.#knobs.duplicateProbability > 0 && this.#random() < this.#knobs.duplicateProbability;
    for (let times = twice ? 2 : 1; times > 0; times--) {
      this.#push({ seq: this.#rows.length + 1, persistedAt, publishedAt, event });
    }
    this.onPersisted(event);
  }

  #push(row: LogRow): void {
    this.#rows.push(row);
    const last = this.#byPublished?.at(-1);
    if (this.#byPublished && (!last || last.publishedAt <= row.publishedAt)) this.#byPublished.push(row);
    else this.#byPublished = undefined;
  }

  /** Rows in the order of persistence; late ones join when they are due. */
  persisted(): readonly LogRow[] {
    if (this.#late.length > 0) {
      const now = this.#now();
      const due = this.#late.filter((row) => row.due <= now).sort((a, b) => a.due - b.due);
      for (const row of due) {
        this.#late.splice(this.#late.indexOf(row), 1);
        this.#persist(row.event, row.publishedAt, now);
      }
    }
    return this.#rows;
  }

  /** Rows ordered by `published`, then by persistence. */
  published(): readonly LogRow[] {
    const rows = this.persisted();
    this.#byPublished ??= rows.slice().sort((a, b) => a.publishedAt - b.publishedAt || a.seq - b.seq);
    return this.#byPublished;
  }

  get held(): number {
    return this.#late.length;
  }
}
