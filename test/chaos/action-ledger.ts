import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { ActionDocument } from '../../store/action-documents.ts';
import { advanceable } from '../../store/action-states.ts';
import { stubborn } from './stubborn.ts';
import type { Errand, Tenant } from './subject.ts';

type Asked = Errand & { id: string; undo: boolean; at: number };
/** Times of this machine, which is MongoDB's too. */
interface Span {
  from: number;
  to: number;
}

const final = ['failed', 'undoFailed'];
const away: readonly string[] = ['unavailable', 'throttled'];

/** Every action that was asked for in a round at one tenant, and whether each was done as often as it may be. */
export class ActionLedger {
  #asked: Asked[] = [];
  /** Of the actions that are open now: how often an answer may have been lost. */
  #disruptions = 0;
  /** When the vendor did not answer as it does. */
  #away: Span[] = [];
  readonly #db: Db;
  readonly #tenant: Tenant;

  constructor(db: Db, tenant: Tenant) {
    this.#db = db;
    this.#tenant = tenant;
  }

  get size(): number {
    return this.#asked.length;
  }

  /** The vendor may be away from now on, until the answer is called. */
  vendorAway(): () => void {
    const span: Span = { from: Date.now(), to: Infinity };
    this.#away.push(span);
    return () => void (span.to = Math.min(span.to, Date.now()));
  }

  disrupted(): void {
    this.#disruptions += 1;
  }

  asked(id: string, { action, target }: Errand): void {
    this.#asked.push({ id, action, target, undo: false, at: Date.now() });
  }

  undoAsked(id: string): void {
    const asked = this.#asked.find((one) => one.id === id);
    if (asked) asked.undo = true;
  }

  /** Settled ones are forgotten, so that a long run compares only what is new. */
  forget(): void {
    this.#asked = [];
    this.#disruptions = 0;
    this.#away = [];
  }

  /** How many are still to be done or taken back. */
  async open(): Promise<number> {
    const of = { _id: { $in: this.#asked.map(({ id }) => id) }, state: { $in: [...advanceable] } };
    return stubborn(() => this.#db.collection<ActionDocument>('actions').countDocuments(of));
  }

  async stateOf(id: string): Promise<string> {
    const found = await stubborn(() => this.#db.collection<ActionDocument>('actions').findOne({ _id: id }));
    return found?.state ?? 'unknown';
  }

  async until(id: string, so: (state: string) => boolean, withinMs: number): Promise<string> {
    for (const until = Date.now() + withinMs; ; await delay(150)) {
      const state = await this.stateOf(id);
      if (so(state)) return state;
      if (Date.now() > until) throw new Error(`action ${id} is still ${state}`);
    }
  }

  /** Given up for this reason: right where the vendor was away while it was open. Never done twice though. */
  #mayFail({ at }: Asked, { state, problem, history }: ActionDocument): boolean {
    const end = history.at(-1)?.at.getTime() ?? Infinity;
    const wasAway = this.#away.some(({ from, to }) => from < end && to > at);
    return wasAway && final.includes(state) && away.includes(problem?.kind ?? '');
  }

  async differences(): Promise<string[]> {
    if (this.#asked.length === 0) return [];
    const ids = this.#asked.map(({ id }) => id);
    const found = await stubborn(() =>
      this.#db
        .collection<ActionDocument>('actions')
        .find({ _id: { $in: ids } })
        .toArray(),
    );
    const stored = new Map(found.map((action) => [action._id, action]));
    const open = this.#asked.flatMap((asked) => {
      const { id, action, undo } = asked;
      const is = stored.get(id);
      const wanted = undo ? 'undone' : 'done';
      if (!is) return [`action ${id} (${action}) is lost`];
      if (is.state === wanted || this.#mayFail(asked, is)) return [];
      return [`action ${id} (${action}) is ${is.state}, not ${wanted}${is.problem ? `: ${is.problem.what}` : ''}`];
    });
    if (open.length > 0) return open;
    // There may be thousands, and the proxies, which are of this process, stand still meanwhile.
    const same = ({ action, target }: Errand) => `${action} ${JSON.stringify(target)}`;
    const alike = new Map<string, number>();
    for (const one of this.#asked) alike.set(same(one), (alike.get(same(one)) ?? 0) + 1);
    const settled = this.#asked.map((one) => ({
      ...one,
      state: stored.get(one.id)!.state,
      alike: alike.get(same(one))!,
    }));
    return this.#tenant.misdone(settled, this.#disruptions);
  }
}
