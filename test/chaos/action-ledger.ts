import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { ActionName } from '../../connectors/actions.ts';
import type { ActionDocument } from '../../store/documents.ts';
import type { OktaTenant } from '../support/okta-tenant.ts';
import { stubborn } from './stubborn.ts';

interface Asked {
  id: string;
  action: ActionName;
  target: Record<string, string>;
  undo: boolean;
}

const final = ['done', 'failed', 'refused', 'expired', 'cancelled', 'undone', 'undoFailed', 'undoNeedsAcceptance'];

/** What the vendor's own count must say of each: which call, how often it may have been carried out. */
const counted: Partial<Record<ActionName, { does: string; undoes?: string; harmless?: true }>> = {
  suspendUser: { does: 'suspend', undoes: 'unsuspend' },
  revokeSessions: { does: 'clear_sessions', harmless: true },
  requirePasswordReset: { does: 'expire_password' },
};

/** Every action that was asked for in the run, and whether each was done as often as it may be. */
export class ActionLedger {
  #asked: Asked[] = [];
  /** Of the actions that are open now: how often an answer may have been lost. */
  #disruptions = 0;
  readonly #db: Db;
  readonly #okta: OktaTenant;

  constructor(db: Db, okta: OktaTenant) {
    this.#db = db;
    this.#okta = okta;
  }

  get size(): number {
    return this.#asked.length;
  }

  disrupted(): void {
    this.#disruptions += 1;
  }

  asked(id: string, action: ActionName, target: Record<string, string>): void {
    this.#asked.push({ id, action, target, undo: false });
  }

  undoAsked(id: string): void {
    const asked = this.#asked.find((one) => one.id === id);
    if (asked) asked.undo = true;
  }

  /** Settled ones are forgotten, so that a long run compares only what is new. */
  forget(): void {
    this.#asked = [];
    this.#disruptions = 0;
  }

  async stateOf(id: string): Promise<string> {
    const found = await stubborn(() => this.#db.collection<ActionDocument>('actions').findOne({ _id: id }));
    return found?.state ?? 'unknown';
  }

  async until(id: string, so: (state: string) => boolean, withinMs: number): Promise<string> {
    for (const until = Date.now() + withinMs; ; await delay(25)) {
      const state = await this.stateOf(id);
      if (so(state)) return state;
      if (Date.now() > until) throw new Error(`action ${id} is still ${state}`);
    }
  }

  /**
   * `mayFail`: the vendor was away for so long that giving up with the reason is right; never done twice though, and never
   * refused, which would say that somebody else changed the object.
   */
  async differences(mayFail: boolean): Promise<string[]> {
    if (this.#asked.length === 0) return [];
    const ids = this.#asked.map(({ id }) => id);
    const [found, { executed }] = await Promise.all([
      stubborn(() =>
        this.#db
          .collection<ActionDocument>('actions')
          .find({ _id: { $in: ids } })
          .toArray(),
      ),
      this.#okta.control.counters(),
    ]);
    const stored = new Map(found.map((action) => [action._id, action]));
    return this.#asked.flatMap(({ id, action, target, undo }) => {
      const is = stored.get(id);
      const name = `action ${id} (${action})`;
      if (!is) return [`${name} is lost`];
      const done = undo ? 'undone' : 'done';
      if (is.state !== done && !(mayFail && is.state !== 'refused' && final.includes(is.state)))
        return [`${name} is ${is.state}, not ${done}${is.problem ? `: ${is.problem.what}` : ''}`];
      const rule = counted[action];
      if (!rule) return [];
      const asked = this.#asked.filter(
        (one) => one.action === action && one.target['accountId'] === target['accountId'],
      );
      const times = (what: string) => executed[what]?.[target['accountId'] ?? ''] ?? 0;
      const most = rule.harmless ? asked.length + this.#disruptions : asked.length;
      const least = is.state === done ? asked.length : 0;
      const wrong = (what: string, count: number, from: number, to: number) =>
        count < from || count > to ? [`${name}: the vendor did "${what}" ${count} times, not ${from} to ${to}`] : [];
      return [
        ...wrong(rule.does, times(rule.does), least, most),
        ...(rule.undoes && undo ? wrong(rule.undoes, times(rule.undoes), least, 1) : []),
        ...(rule.undoes && !undo ? wrong(rule.undoes, times(rule.undoes), 0, 0) : []),
        ...(action === 'suspendUser' && is.state === done && times('clear_sessions') === 0
          ? [`${name}: suspended, but the sessions and tokens were never ended`]
          : []),
      ];
    });
  }
}
