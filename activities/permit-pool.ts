import { randomUUID } from 'node:crypto';
import type { Urgency } from '../connectors/quota.ts';
import type { QuotaAnswer, QuotaGrant, QuotaWant } from '../store/quotas-interface.ts';
import { WaitingLine, type Asking, type Refusal, type Timers } from './waiting-line.ts';

export interface PoolPermit {
  at: number;
  until: number;
  /** How much later than its time it may be used. */
  slackMs: number;
  probe?: string;
  reserve?: boolean;
}

type Sharer = NonNullable<QuotaWant['sharer']>;

export interface PermitSource {
  take(want: { urgency: Urgency; calls: number; withinMs: number; sharer: Sharer }): Promise<QuotaAnswer>;
  giveBack(calls: number, grant: { probe?: string; reserve?: boolean }): Promise<void>;
  timers: Timers;
  /** Told of what could not be given back: it only costs capacity. */
  problem: (error: unknown) => void;
}

/** So long before the permits at hand run out, the next are asked for. */
const leadMs = 100;
/** Calls in a row that found others waiting behind them: from here on permits are fetched ahead. */
const busyAfter = 4;
/** Where the quota gives far more than is used, as many permits are fetched at once as this long has used. */
const latelyMs = 250;
const ample = 4;
/** Of a quota that is next to unlimited a quarter of a second would be millions. */
const mostAhead = 1_000;
const urgencies: readonly Urgency[] = ['actions', 'watch', 'sweep', 'content'];

/** The permits of one bucket in this process: each is handed out at its own time, and lapses soon after. */
export class PermitPool {
  private readonly id = randomUUID();
  private readonly line = new WaitingLine<PoolPermit>();
  private readonly source: PermitSource;
  private permits: PoolPermit[] = [];
  private asking = false;
  private askingForAction = false;
  /** Calls that were booked for actions which still wait: none is booked twice, or one action took all there is for 20 s. */
  private bookedForActions = 0;
  /** By urgency: not to be asked before, and why. */
  private refused: Partial<Record<Urgency, { until: number; why: string }>> = {};
  private streak = 0;
  private handedOutAt: number[] = [];
  private everyMs = Infinity;
  private holds = 0;
  private generation = 0;
  private readonly requests = new Set<Promise<void>>();
  private cancelTimer: (() => void) | undefined;

  constructor(source: PermitSource) {
    this.source = source;
  }

  async take(asking: Asking, deadline: number, signal: AbortSignal): Promise<PoolPermit | Refusal> {
    const joined = this.line.join(asking, deadline, signal);
    this.pump();
    return joined;
  }

  /** A permit that was not used. Given to whoever waits, else given back. */
  async putBack(permit: PoolPermit): Promise<void> {
    if (this.line.length > 0 && this.holds === 0 && !permit.reserve && permit.until > this.source.timers.now()) {
      this.permits.unshift(permit);
      this.pump();
      return;
    }
    await this.source.giveBack(1, permit);
  }

  /** Hands out nothing until released: what is at hand is void. */
  hold(): void {
    this.holds += 1;
    this.generation += 1;
    this.permits = [];
  }

  release(): void {
    this.holds -= 1;
    this.refused = {};
    this.pump();
  }

  /** The pace has changed: what was booked by the old one is given back. */
  async refresh(): Promise<void> {
    await this.returnUnused();
    this.wake();
  }

  /** Something changed: ask again now. */
  wake(): void {
    this.refused = {};
    this.pump();
  }

  /** Others may use what this process does not. */
  async close(): Promise<void> {
    this.cancelTimer?.();
    await this.returnUnused();
    // For good: what is still being asked for is given back when it comes.
    this.hold();
    await Promise.all(this.requests);
  }

  private async returnUnused(): Promise<void> {
    const unused = this.permits.filter(({ probe, reserve }) => !probe && !reserve);
    const special = this.permits.filter(({ probe, reserve }) => probe ?? reserve);
    this.permits = [];
    if (unused.length > 0) await this.source.giveBack(unused.length, {});
    for (const permit of special) await this.source.giveBack(1, permit);
  }

  private pump(): void {
    const { timers } = this.source;
    if (this.holds > 0) return;
    const at = timers.now();
    this.dispense(at);
    this.line.refuseBefore(
      at,
      ({ urgency }) => this.refusalOf(urgency, at),
      () => true,
    );
    this.ask(at);
    this.schedule(at);
  }

  private dispense(at: number): void {
    while (this.permits.length > 0) {
      const permit = this.permits[0]!;
      if (permit.until < at) {
        this.permits.shift();
        this.streak = 0;
        // Nobody came for it: what is ahead is not needed either.
        if (this.line.length === 0) this.returnUnused().catch(this.source.problem);
        continue;
      }
      if (permit.at > at) return;
      const waiter = this.line.shift(at);
      if (!waiter) return;
      this.permits.shift();
      this.streak = this.line.length > 0 ? this.streak + 1 : this.streak / 2;
      this.handedOutAt = [...this.handedOutAt.filter((then) => then > at - latelyMs), at].slice(-mostAhead);
      waiter.grant(permit);
    }
  }

  private ask(at: number): void {
    const actions = this.line.count('actions');
    const soon = this.permits.filter((permit) => permit.at <= at + leadMs).length;
    this.bookedForActions = Math.min(this.bookedForActions, actions, this.permits.length);
    if (actions > Math.max(soon, this.bookedForActions) && !this.askingForAction && this.allowed('actions', at)) {
      this.askingForAction = true;
      const withinMs = Math.max(0, this.line.first!.deadline - at);
      void this.request('actions', 1, withinMs).finally(() => {
        this.askingForAction = false;
        this.pump();
      });
    }
    const watches = this.line.count('watch');
    if (actions === this.line.length || this.asking) return;
    const last = this.permits.at(-1);
    const busy = this.streak >= busyAfter;
    if (this.permits.length >= this.line.length && !(busy && last && last.at - at < leadMs)) return;
    if (last && this.permits.length > 0 && busy && last.at - at >= leadMs) return;
    const urgency = watches > 0 ? 'watch' : this.line.count('sweep') > 0 ? 'sweep' : 'content';
    if (!this.allowed(urgency, at)) return;
    this.asking = true;
    const used = this.handedOutAt.filter((then) => then > at - latelyMs).length;
    const lately = used * this.everyMs * ample < latelyMs ? used : 0;
    const calls = watches > 0 ? watches : busy ? mostAhead : Math.max(this.line.length, lately) - this.permits.length;
    void this.request(urgency, Math.max(1, calls), 0).finally(() => {
      this.asking = false;
      this.pump();
    });
  }

  private allowed(urgency: Urgency, at: number): boolean {
    const refused = this.refused[urgency];
    return !refused || refused.until <= at;
  }

  private request(urgency: Urgency, calls: number, withinMs: number): Promise<void> {
    const request = this.fetch(urgency, calls, withinMs).finally(() => this.requests.delete(request));
    this.requests.add(request);
    return request;
  }

  private async fetch(urgency: Urgency, calls: number, withinMs: number): Promise<void> {
    const { generation } = this;
    let answer: QuotaAnswer;
    try {
      const sharer = { id: this.id, connections: this.line.connections(this.source.timers.now()) };
      answer = await this.source.take({ urgency, calls, withinMs, sharer });
    } catch (error) {
      this.refused[urgency] = { until: this.source.timers.now() + 1_000, why: 'MongoDB did not answer' };
      this.source.problem(error);
      this.line.fail(error);
      return;
    }
    const at = this.source.timers.now();
    if ('inMs' in answer) {
      const { inMs, why } = answer;
      // Whoever is less urgent is not served before.
      for (const other of urgencies.slice(urgencies.indexOf(urgency))) this.refused[other] = { until: at + inMs, why };
      this.line.refuseBefore(
        at + inMs,
        () => ({ inMs, why }),
        (other) => urgencies.indexOf(other) >= urgencies.indexOf(urgency),
      );
      return;
    }
    if (generation !== this.generation) {
      await this.source.giveBack(answer.granted, answer).catch(this.source.problem);
      return;
    }
    delete this.refused[urgency];
    const unwanted = answer.reserve === true && this.line.count('actions') === 0;
    if (unwanted) await this.source.giveBack(1, answer).catch(this.source.problem);
    else this.keep(answer, at);
    if (urgency === 'actions' && !answer.reserve) this.bookedForActions += answer.granted;
  }

  private keep(grant: QuotaGrant, at: number): void {
    this.everyMs = grant.everyMs;
    for (let n = 0; n < grant.granted; n += 1) {
      const due = at + grant.startsInMs + n * grant.everyMs;
      // The first is good however long the answer took, or a slow database would never grant anything.
      const start = n === 0 ? Math.max(due, at) : due;
      this.permits.push({
        at: start,
        until: start + grant.expiresInMs,
        slackMs: grant.expiresInMs,
        probe: grant.probe,
        reserve: grant.reserve,
      });
    }
    this.permits.sort((a, b) => a.at - b.at);
  }

  private refusalOf(urgency: Urgency, at: number): Refusal {
    const refused = this.refused[urgency];
    const next = this.permits[0];
    const inMs = Math.max(1, (refused?.until ?? 0) - at, next ? next.at - at : 0);
    return { inMs, why: refused?.why ?? 'others are before it' };
  }

  private schedule(at: number): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    const next: number[] = [];
    const [permit] = this.permits;
    if (this.line.length > 0) {
      next.push(this.line.earliestDeadline);
      if (permit) next.push(permit.at);
      for (const urgency of urgencies) {
        const until = this.refused[urgency]?.until;
        if (until !== undefined && until > at && this.line.count(urgency) > 0) next.push(until);
      }
      const last = this.permits.at(-1);
      if (last && last.at - leadMs > at) next.push(last.at - leadMs);
    } else if (permit) next.push(permit.until + 1);
    if (next.length === 0) return;
    const { timers } = this.source;
    this.cancelTimer = timers.after(Math.max(0.5, Math.min(...next) - at), () => this.pump());
  }
}
