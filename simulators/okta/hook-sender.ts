import { letters, seededUuid } from '../kit/seeded.ts';
import { makeEvent } from './log-event.ts';
import { SYSTEM } from './principal.ts';
import type { Hook, OktaState } from './state.ts';
import type { LogEvent } from './system-log-store.ts';

/**
 * Sends the System Log's eligible rows to verified hooks: several events a delivery, 3 s for the answer, one retry on a
 * time-out or 5xx only, at least once, in no promised order. Never more than the hook's own list of types.
 */
export class HookSender {
  readonly #state: OktaState;
  readonly #base: () => string;
  readonly #waiting = new Map<string, LogEvent[]>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(state: OktaState, base: () => string) {
    this.#state = state;
    this.#base = base;
    state.log.onPersisted = (event) => this.#take(event);
  }

  close(): void {
    this.#closed = true;
    this.#state.log.onPersisted = () => undefined;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Asks the endpoint once for the challenge that it was sent; true when it gave it back. */
  async verify(hookId: string): Promise<boolean> {
    const hook = this.#state.hooks.get(hookId);
    if (!hook) return false;
    const challenge = letters(this.#state.random, 40);
    try {
      const response = await this.#fetch(hook, 'GET', { 'x-okta-verification-challenge': challenge });
      if (!response.ok || !/^application\/json/.test(response.headers.get('content-type') ?? '')) return false;
      const answer = (await response.json()) as { verification?: unknown };
      return answer.verification === challenge;
    } catch {
      return false; // Unreachable, too slow or not JSON: for Okta all the same, the hook stays unverified.
    }
  }

  #take(event: LogEvent): void {
    const { knobs, random, hooks, counters } = this.#state;
    for (const hook of hooks.rows) {
      if (hook.status !== 'ACTIVE' || hook.verificationStatus !== 'VERIFIED') continue;
      if (!hook.items.includes(event.eventType)) continue;
      if (knobs.hooks.lossProbability > 0 && random() < knobs.hooks.lossProbability) {
        counters.hookDeliveries.lost++;
        continue;
      }
      const waiting = this.#waiting.get(hook.id);
      if (waiting) waiting.push(event);
      else {
        this.#waiting.set(hook.id, [event]);
        this.#later(knobs.hooks.batchMs + knobs.hooks.lagMs, () => this.#flush(hook));
      }
    }
  }

  #later(ms: number, work: () => void): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  #flush(hook: Hook): void {
    const events = this.#waiting.get(hook.id) ?? [];
    this.#waiting.delete(hook.id);
    const { batchMax, duplicateProbability, reorder } = this.#state.knobs.hooks;
    const batches: LogEvent[][] = [];
    for (let at = 0; at < events.length; at += batchMax) batches.push(events.slice(at, at + batchMax));
    if (reorder) {
      batches.reverse();
      for (const batch of batches) batch.reverse();
    }
    for (const batch of batches) {
      const twice = duplicateProbability > 0 && this.#state.random() < duplicateProbability;
      for (let times = twice ? 2 : 1; times > 0; times--) void this.#deliver(hook, batch, 1);
    }
  }

  async #deliver(hook: Hook, events: readonly LogEvent[], attempt: number): Promise<void> {
    const { counters } = this.#state;
    counters.hookDeliveries.sent++;
    let status: number;
    try {
      const body = {
        eventType: 'com.okta.event_hook',
        eventTypeVersion: '1.0',
        cloudEventsVersion: '0.1',
        source: `${this.#base()}/api/v1/eventHooks/${hook.id}`,
        eventId: seededUuid(this.#state.random),
        eventTime: this.#state.iso(this.#state.now()),
        contentType: 'application/json',
        data: { events },
      };
      const response = await this.#fetch(hook, 'POST', { 'content-type': 'application/json' }, JSON.stringify(body));
      status = response.status;
      await response.arrayBuffer();
    } catch {
      status = 0; // A time-out or a broken connection; told apart from an answer below.
    }
    if (this.#closed) return;
    if (status >= 200 && status < 300) {
      counters.hookDeliveries.answered++;
      return;
    }
    if (attempt === 1 && (status === 0 || status >= 500)) {
      await this.#deliver(hook, events, 2);
      return;
    }
    counters.hookDeliveries.failed++;
    this.#state.log.append(
      makeEvent({
        eventType: 'event_hook.delivery',
        displayMessage: 'Event hook delivery',
        actor: SYSTEM,
        severity: 'WARN',
        outcome: { result: 'FAILURE', reason: status === 0 ? 'The endpoint did not answer in time' : `HTTP ${status}` },
        targets: [{ id: hook.id, type: 'EventHook', alternateId: hook.name, displayName: hook.name }],
      }),
    );
  }

  #fetch(hook: Hook, method: string, headers: Record<string, string>, body?: string): Promise<Response> {
    const all = new Headers(headers);
    for (const { key, value } of hook.headers) all.set(key, value);
    if (hook.authScheme) all.set(hook.authScheme.key, hook.authScheme.value);
    const signal = AbortSignal.timeout(this.#state.knobs.hooks.timeoutMs);
    return fetch(hook.uri, { method, headers: all, body, signal, redirect: 'manual' });
  }
}
