import type { BoxEvent } from './event-log.ts';
import { badRequest } from './respond.ts';

const KEPT = 2_000;

/** The events of single users (`stream_type` all, changes, sync): what happened to items that they see. */
export class PersonalLog {
  readonly #byUser = new Map<string, { from: number; rows: BoxEvent[] }>();

  append(userId: string, event: BoxEvent): void {
    const log = this.#byUser.get(userId) ?? { from: 0, rows: [] };
    log.rows.push(event);
    if (log.rows.length > KEPT) {
      log.rows.shift();
      log.from++;
    }
    this.#byUser.set(userId, log);
  }

  read(userId: string, position: string | null, limit: number): { entries: BoxEvent[]; position: string } {
    const log = this.#byUser.get(userId) ?? { from: 0, rows: [] };
    const end = log.from + log.rows.length;
    if (position === 'now') return { entries: [], position: String(end) };
    if (position !== null && !/^\d{1,15}$/.test(position)) {
      throw badRequest("Bad Request: 'stream_position' is not valid", 'invalid_parameter');
    }
    const at = Math.max(Number(position ?? 0), log.from);
    const entries = log.rows.slice(at - log.from, at - log.from + limit);
    return { entries, position: String(at + entries.length) };
  }
}
