import { createHash } from 'node:crypto';
import { seeded, seededUuid } from '../kit/seeded.ts';
import { makeEvent, userTarget } from './log-event.ts';
import type { OktaState, User } from './state.ts';
import type { Logged, LogEvent } from './system-log-store.ts';

export interface Generated {
  rows: number;
  /** Over so many days until now. */
  days: number;
  /** Part of the rows that are published with the others and persisted later: at any time of the next `lateMs`. */
  late: number;
  lateMs: number;
  /** Part of the rows that are there twice. */
  duplicated: number;
}

/** A row that is its number until somebody reads it: a million take no more memory than a list. */
class GeneratedRow implements Logged {
  readonly publishedAt: number;
  readonly #number: number;
  readonly #people: readonly User[];

  constructor(number: number, publishedAt: number, people: readonly User[]) {
    this.#number = number;
    this.publishedAt = publishedAt;
    this.#people = people;
  }

  get event(): LogEvent {
    const user = this.#people[this.#number % this.#people.length] as User;
    const signIn = makeEvent({
      eventType: 'user.session.start',
      displayMessage: 'User login to Okta',
      actor: { ...userTarget(user), type: 'User' },
      ip: `198.51.100.${1 + (this.#number % 250)}`,
    });
    const uuid = seededUuid(seeded(Math.imul(this.#number + 1, 0x9e3779b1)));
    return { ...signIn, uuid, published: new Date(this.publishedAt).toISOString() } as LogEvent;
  }
}

/** Sign-ins, in the order of their publishing but for those that are late. */
export function generateLog(state: OktaState, { rows, days, late, lateMs, duplicated }: Generated): void {
  const now = state.now();
  const span = days * 86_400_000;
  const people = state.users.rows;
  for (let number = 0; number < rows; number++) {
    const publishedAt = now - span + Math.floor((span * number) / rows);
    const row = new GeneratedRow(number, publishedAt, people);
    if (state.random() < late) state.log.hold(row, now + Math.floor(state.random() * lateMs));
    else for (let times = state.random() < duplicated ? 2 : 1; times > 0; times--) state.log.seed(row, publishedAt);
  }
}

/** The log as a set: how many different rows, and a hash over their sorted uuids, one a line. */
export function digestOf(state: OktaState): { rows: number; distinct: number; held: number; hash: string } {
  const rows = state.log.persisted();
  const uuids = [...new Set(rows.map(({ event }) => event.uuid))].sort();
  const hash = createHash('sha256');
  for (const uuid of uuids) hash.update(`${uuid}\n`);
  return { rows: rows.length, distinct: uuids.length, held: state.log.held, hash: hash.digest('hex') };
}
