import type { Urgency } from '../connectors/quota.ts';
import { WaitingLine, type Asking, type Refusal, type Timers } from './waiting-line.ts';

export interface HeldSlot {
  slot: string;
  urgency: Urgency;
}

export interface SlotSource {
  take(urgency: Urgency): Promise<{ slot: string } | { slot: null; inMs: number; why: string }>;
  renew(slots: readonly string[]): Promise<void>;
  giveBack(slot: string): Promise<void>;
  timers: Timers;
  leaseMs: number;
  problem: (error: unknown) => void;
}

/** A slot nobody needs is kept so long, for the next call of this process. */
const idleMs = 500;

/** The slots of one bucket in this process: handed on from call to call, renewed while held. */
export class SlotPool {
  private readonly line = new WaitingLine<HeldSlot>();
  private readonly source: SlotSource;
  private readonly held = new Set<string>();
  private idle: { slot: HeldSlot; since: number }[] = [];
  private asking = false;
  private refusedUntil = 0;
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
    const reusable = at >= this.noReuseUntil && this.held.has(slot.slot);
    // The slot that is kept for actions stays theirs.
    if (reusable && (slot.urgency !== 'actions' || this.line.first?.urgency === 'actions')) {
      this.idle.push({ slot, since: at });
      this.pump();
      return;
    }
    await this.giveBack(slot);
    this.refusedUntil = 0;
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
    while (this.idle.length > 0 && this.line.length > 0) {
      const { slot } = this.idle.pop()!;
      this.line.shift(at)!.grant(slot);
    }
    this.idle = this.idle.filter((entry) => {
      if (entry.since + idleMs > at) return true;
      this.giveBack(entry.slot).catch(this.source.problem);
      return false;
    });
    this.line.refuseBefore(
      at,
      () => ({ inMs: Math.max(1, this.refusedUntil - at), why: 'as many calls as it allows at once are under way' }),
      () => true,
    );
    if (this.line.length > 0 && !this.asking && at >= this.refusedUntil) {
      this.asking = true;
      void this.request(this.line.first!.urgency).finally(() => {
        this.asking = false;
        this.pump();
      });
    }
    this.schedule(at);
  }

  private async request(urgency: Urgency): Promise<void> {
    try {
      const answer = await this.source.take(urgency);
      const at = this.source.timers.now();
      if (answer.slot === null) {
        const { inMs, why } = answer;
        this.refusedUntil = at + inMs;
        this.line.refuseBefore(
          at + inMs,
          () => ({ inMs, why }),
          () => true,
        );
        return;
      }
      this.held.add(answer.slot);
      this.keepRenewing();
      const slot: HeldSlot = { slot: answer.slot, urgency };
      if (this.line.first && (urgency !== 'actions' || this.line.first.urgency === 'actions'))
        this.line.shift(at)!.grant(slot);
      else if (urgency === 'actions') await this.giveBack(slot);
      else this.idle.push({ slot, since: at });
    } catch (error) {
      this.refusedUntil = this.source.timers.now() + 1_000;
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
      if (this.refusedUntil > at) next.push(this.refusedUntil);
    }
    if (next.length === 0) return;
    this.cancelTimer = this.source.timers.after(Math.max(0.5, Math.min(...next) - at), () => this.pump());
  }
}
