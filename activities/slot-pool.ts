import type { Urgency } from '../connectors/quota.ts';
import { WaitingLine, type Asking, type Refusal, type Timers } from './waiting-line.ts';

export interface HeldSlot {
  slot: string;
  urgency: Urgency;
  /** Asked for anew from then on: others may wait for it. */
  until: number;
}

export interface SlotSource {
  /** For so many connections of this process. */
  take(urgency: Urgency, connections: number): Promise<{ slot: string } | { slot: null; inMs: number; why: string }>;
  renew(slots: readonly string[]): Promise<void>;
  giveBack(slot: string): Promise<void>;
  timers: Timers;
  leaseMs: number;
  problem: (error: unknown) => void;
}

/** A slot nobody needs is kept so long, for the next call of this process. */
const idleMs = 100;
/** A slot is handed on from call to call so long. */
const turnMs = 1_000;
const urgencies: readonly Urgency[] = ['actions', 'watch', 'sweep', 'content'];

const moreUrgent = (one: Urgency, other: Urgency) => urgencies.indexOf(one) < urgencies.indexOf(other);

/** The slots of one bucket in this process: handed on from call to call, renewed while held. */
export class SlotPool {
  private readonly line = new WaitingLine<HeldSlot>();
  private readonly source: SlotSource;
  private readonly held = new Set<string>();
  private idle: { slot: HeldSlot; since: number }[] = [];
  private asking = false;
  /** Who is as urgent or less does not ask before. */
  private refused: { until: number; urgency: Urgency } = { until: 0, urgency: 'content' };
  private noReuseUntil = 0;
  private cancelTimer: (() => void) | undefined;
  private cancelRenewal: (() => void) | undefined;

  constructor(source: SlotSource) {
    this.source = source;
  }

  async take(asking: Asking, deadline: number, signal: AbortSignal): Promise<HeldSlot | Refusal> {
    const joined = this.line.join(asking, deadline, signal);
    this.pump();
    return joined;
  }

  async release(slot: HeldSlot): Promise<void> {
    const at = this.source.timers.now();
    const reusable = at >= this.noReuseUntil && at < slot.until && this.held.has(slot.slot);
    // Who is less urgent asks for its own: others that are more so may wait for it elsewhere.
    const next = this.line.first?.urgency ?? (slot.urgency === 'actions' ? 'content' : slot.urgency);
    if (reusable && !moreUrgent(slot.urgency, next)) {
      this.idle.push({ slot, since: at });
      this.pump();
      return;
    }
    await this.giveBack(slot);
    this.refused.until = 0;
    this.pump();
  }

  /** Too many at once: nothing is handed on for so long, so that the smaller number takes hold. */
  async narrow(ms: number): Promise<void> {
    this.noReuseUntil = this.source.timers.now() + ms;
    const idle = this.idle.splice(0);
    for (const { slot } of idle) await this.giveBack(slot);
  }

  async close(): Promise<void> {
    this.cancelTimer?.();
    await this.narrow(Number.MAX_SAFE_INTEGER);
    this.cancelRenewal?.();
  }

  private async giveBack(slot: HeldSlot): Promise<void> {
    this.held.delete(slot.slot);
    await this.source.giveBack(slot.slot);
  }

  private pump(): void {
    const at = this.source.timers.now();
    while (this.line.first) {
      const { urgency } = this.line.first;
      const fitting = this.idle.findLastIndex(({ slot }) => !moreUrgent(slot.urgency, urgency));
      if (fitting < 0) break;
      const { slot } = this.idle[fitting]!;
      this.idle.splice(fitting, 1);
      this.line.shift(at)!.grant(slot);
    }
    this.idle = this.idle.filter((entry) => {
      if (entry.since + idleMs > at) return true;
      this.giveBack(entry.slot).catch(this.source.problem);
      return false;
    });
    this.line.refuseBefore(
      at,
      () => ({ inMs: Math.max(1, this.refused.until - at), why: 'as many calls as it allows at once are under way' }),
      () => true,
    );
    const { first } = this.line;
    if (first && !this.asking && (at >= this.refused.until || moreUrgent(first.urgency, this.refused.urgency))) {
      this.asking = true;
      void this.request(first.urgency).finally(() => {
        this.asking = false;
        this.pump();
      });
    }
    this.schedule(at);
  }

  private async request(urgency: Urgency): Promise<void> {
    try {
      const answer = await this.source.take(urgency, this.line.connections(this.source.timers.now()));
      const at = this.source.timers.now();
      if (answer.slot === null) {
        const { inMs, why } = answer;
        this.refused = { until: at + inMs, urgency };
        this.line.refuseBefore(
          at + inMs,
          () => ({ inMs, why }),
          (other) => !moreUrgent(other, urgency),
        );
        return;
      }
      this.held.add(answer.slot);
      this.keepRenewing();
      const slot: HeldSlot = { slot: answer.slot, urgency, until: at + turnMs };
      if (this.line.first && !moreUrgent(urgency, this.line.first.urgency)) this.line.shift(at)!.grant(slot);
      else if (urgency === 'actions') await this.giveBack(slot);
      else this.idle.push({ slot, since: at });
    } catch (error) {
      this.refused = { until: this.source.timers.now() + 1_000, urgency: 'actions' };
      this.source.problem(error);
      this.line.fail(error);
    }
  }

  private keepRenewing(): void {
    if (this.cancelRenewal) return;
    this.cancelRenewal = this.source.timers.after(this.source.leaseMs / 3, () => {
      this.cancelRenewal = undefined;
      if (this.held.size === 0) return;
      this.source.renew([...this.held]).catch(this.source.problem);
      this.keepRenewing();
    });
  }

  private schedule(at: number): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    const next: number[] = this.idle.map(({ since }) => since + idleMs);
    if (this.line.length > 0) {
      next.push(this.line.earliestDeadline);
      if (this.refused.until > at) next.push(this.refused.until);
    }
    if (next.length === 0) return;
    this.cancelTimer = this.source.timers.after(Math.max(0.5, Math.min(...next) - at), () => this.pump());
  }
}
