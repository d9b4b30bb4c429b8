import { badRequest } from './respond.ts';
import { pacific } from './pacific-time.ts';
import type { Knobs } from './knobs.ts';
import type { Random } from '../kit/seeded.ts';

export interface BoxEvent {
  event_id: string;
  event_type: string;
  created_at: string;
  recorded_at: string;
  [member: string]: unknown;
}

/** What the log needs of its tenant. */
export interface Clock {
  readonly knobs: Knobs;
  readonly random: Random;
  now: () => number;
}

interface Row {
  event: BoxEvent;
  createdAt: number;
  recordedAt: number;
  seq: number;
}

export interface EventPage {
  entries: BoxEvent[];
  /** 64 bits as decimal text: more than a JavaScript number holds. */
  position: string;
}

const DAY = 86_400_000;
/** The place of the first row ever in the streaming log. */
const FIRST = 1_152_922_976_252_290_000n;
const SPREAD = 1_048_576n;

/**
 * The enterprise's events, read in two ways: `admin_logs_streaming` in the order of recording, at least once, for two
 * weeks; `admin_logs` in the order of happening, once, for a year.
 */
export class EventLog {
  readonly #state: Clock;
  readonly #stream: Row[] = [];
  readonly #history: Row[] = [];
  readonly #held: Row[] = [];
  #echoes: Row[] = [];
  #seq = 0;

  constructor(state: Clock) {
    this.#state = state;
  }

  get count(): number {
    return this.#history.length;
  }

  get held(): number {
    return this.#held.length;
  }

  /** Every row in the order of the streaming log, duplicates included. */
  streamed(): readonly BoxEvent[] {
    return this.#stream.map((row) => row.event);
  }

  /** `delayMs` holds it back from both logs. */
  append(event: BoxEvent, createdAt: number, delayMs?: number): BoxEvent {
    const { knobs, random } = this.#state;
    const now = this.#state.now();
    const late = knobs.lateProbability > 0 && random() < knobs.lateProbability ? knobs.lateMs : 0;
    const delay = delayMs ?? late;
    const recordedAt = Math.max(createdAt, delay > 0 ? now + delay : Math.min(now, createdAt + 2_000));
    const row = { event: { ...event, recorded_at: pacific(recordedAt) }, createdAt, recordedAt, seq: ++this.#seq };
    if (delay > 0) this.#held.push(row);
    else this.#record(row);
    return row.event;
  }

  #record(row: Row): void {
    const { knobs, random } = this.#state;
    let at = this.#history.length;
    while (at > 0 && (this.#history[at - 1] as Row).createdAt > row.createdAt) at--;
    this.#history.splice(at, 0, row);
    this.#stream.push(row);
    if (this.#echoes.length > 0 && random() < 0.5) this.#stream.push(this.#echoes.shift() as Row);
    if (knobs.duplicateProbability > 0 && random() < knobs.duplicateProbability) this.#echoes.push(row);
  }

  /** Brings what was held back until now, and the duplicates that wait. */
  settle(echoes = false): void {
    const now = this.#state.now();
    for (let at = 0; at < this.#held.length;) {
      if ((this.#held[at] as Row).recordedAt > now) at++;
      else this.#record(this.#held.splice(at, 1)[0] as Row);
    }
    if (!echoes) return;
    this.#stream.push(...this.#echoes);
    this.#echoes = [];
  }

  stream(given: { position: string | null; limit: number; types: ReadonlySet<string> | undefined }): EventPage {
    this.settle();
    const oldest = this.#state.now() - 14 * DAY;
    let at: number;
    if (given.position === null || given.position === '0') {
      at = this.#stream.findIndex((row) => row.recordedAt >= oldest);
      if (at < 0) at = this.#stream.length;
    } else if (given.position === 'now') at = this.#stream.length;
    else {
      at = Number(this.#number(given.position) - FIRST);
      if (at < 0 || at > this.#stream.length) throw badPosition();
      if (at < this.#stream.length && (this.#stream[at] as Row).recordedAt < oldest) throw badPosition();
    }
    const entries: BoxEvent[] = [];
    if (given.position === 'now') return { entries, position: String(FIRST + BigInt(at)) };
    const limit = this.#shortened(given.limit);
    // Of so many rows those that were asked for: none of them may be, though more follow.
    for (const end = Math.min(at + limit, this.#stream.length); at < end; at++) {
      const { event } = this.#stream[at] as Row;
      if (!given.types || given.types.has(event.event_type)) entries.push(event);
    }
    return { entries, position: String(FIRST + BigInt(at)) };
  }

  history(given: {
    position: string | null;
    limit: number;
    types: ReadonlySet<string> | undefined;
    after: number | null;
    before: number | null;
  }): EventPage {
    this.settle();
    const place = (row: { createdAt: number; seq: number }): bigint =>
      BigInt(row.createdAt) * SPREAD + (BigInt(row.seq) % SPREAD);
    const from = Math.max(given.after ?? 0, this.#state.now() - 365 * DAY);
    let least = place({ createdAt: from, seq: 0 });
    if (given.position === 'now') least = place({ createdAt: this.#state.now(), seq: 0 });
    else if (given.position !== null && given.position !== '0') {
      const position = this.#number(given.position);
      if (position > least) least = position;
    }
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (place(this.#history[middle] as Row) < least) low = middle + 1;
      else high = middle;
    }
    const entries: BoxEvent[] = [];
    let next = least;
    const limit = this.#shortened(given.limit);
    for (let at = low; at < this.#history.length && entries.length < limit; at++) {
      const row = this.#history[at] as Row;
      if (given.before !== null && row.createdAt >= given.before) break;
      next = place(row) + 1n;
      if (!given.types || given.types.has(row.event.event_type)) entries.push(row.event);
    }
    return { entries, position: String(next) };
  }

  #shortened(limit: number): number {
    const { knobs, random } = this.#state;
    if (knobs.shortPageProbability === 0 || random() >= knobs.shortPageProbability) return limit;
    return Math.max(1, Math.floor(limit * random()));
  }

  #number(text: string): bigint {
    if (!/^\d{1,19}$/.test(text)) throw badPosition();
    return BigInt(text);
  }
}

const badPosition = () => badRequest("Bad Request: 'stream_position' is not valid", 'invalid_parameter');
