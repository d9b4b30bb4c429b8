import { createHmac } from 'node:crypto';
import { noteTrigger } from './changes-webhooks.ts';
import { pacific } from './pacific-time.ts';
import { userMini } from './render-user.ts';
import type { App, Item, Webhook } from './objects.ts';
import type { BoxState } from './state.ts';

interface Delivery {
  hook: Webhook;
  body: string;
}

/** The two signatures of a delivery: base64 of HMAC-SHA256 over the body and then the timestamp. */
export function signature(key: string, body: string, timestamp: string): string {
  return createHmac('sha256', key).update(body, 'utf8').update(timestamp, 'utf8').digest('base64');
}

/**
 * Calls the webhooks of an item and of the folders above it: one event a delivery, at least once, in no promised
 * order, repeated while the answer is not 2xx. The id of the event stays, the id of the delivery changes.
 */
export class HookSender {
  readonly #state: BoxState;
  readonly #timers = new Set<NodeJS.Timeout>();
  #deliveries = 0;
  #held: Delivery | undefined;
  #closed = false;

  constructor(state: BoxState) {
    this.#state = state;
    state.onTrigger = (trigger, item, source, userId) => this.#take(trigger, item, source, userId);
    state.onWebhookEnded = (hook) =>
      this.#line({ hook, body: this.#body(hook, 'WEBHOOK.DELETED', hook.target, { reason: 'auto_cleanup' }) });
  }

  close(): void {
    this.#closed = true;
    this.#state.onTrigger = () => undefined;
    this.#state.onWebhookEnded = () => undefined;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #take(trigger: string, item: Item, source: Record<string, unknown>, userId: string): void {
    const { webhooks, items, knobs, random, counters } = this.#state;
    if (webhooks.size === 0) return;
    const path = new Set<string>();
    for (let at = item.id; at >= 0; at = items.parentOf(at)) path.add(String(at));
    for (const hook of webhooks.rows) {
      if (!hook.triggers.includes(trigger) || !path.has(hook.target.id)) continue;
      if (knobs.hooks.lossProbability > 0 && random() < knobs.hooks.lossProbability) {
        counters.hookDeliveries.lost++;
        continue;
      }
      // Without a session of the app Box cannot look at the item, and tells no more than that.
      const thin = !this.#state.apps.get(hook.app)?.authorized;
      const body = thin
        ? this.#body(hook, 'NO_ACTIVE_SESSION', { type: item.type, id: String(item.id) })
        : this.#body(hook, trigger, source, [], userMini(this.#state, userId));
      noteTrigger(this.#state, hook);
      const twice = knobs.hooks.duplicateProbability > 0 && random() < knobs.hooks.duplicateProbability;
      for (let times = twice ? 2 : 1; times > 0; times--) this.#line({ hook, body });
    }
  }

  #body(hook: Webhook, trigger: string, source: unknown, info: unknown = [], by: unknown = null): string {
    return JSON.stringify({
      type: 'webhook_event',
      id: this.#state.uuid(),
      created_at: pacific(this.#state.now()),
      trigger,
      webhook: { id: hook.id, type: 'webhook' },
      created_by: by,
      source,
      additional_info: info,
    });
  }

  /** In the order of happening, or each pair the other way round. */
  #line(delivery: Delivery): void {
    const { lagMs, reorder } = this.#state.knobs.hooks;
    if (!reorder) return this.#later(lagMs, () => void this.#deliver(delivery, 1));
    const before = this.#held;
    if (!before) {
      this.#held = delivery;
      // Nobody follows: it goes alone.
      this.#later(lagMs + 50, () => {
        if (this.#held !== delivery) return;
        this.#held = undefined;
        void this.#deliver(delivery, 1);
      });
      return;
    }
    this.#held = undefined;
    this.#later(lagMs, () => void this.#deliver(delivery, 1).then(() => this.#deliver(before, 1)));
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

  async #deliver(delivery: Delivery, attempt: number): Promise<void> {
    const { hook, body } = delivery;
    const { counters, knobs, webhooks } = this.#state;
    // One that its maker deleted is called no more, not even for what happened before.
    if (this.#closed || (!webhooks.has(hook.id) && !hook.endedByBox)) return;
    const app = this.#state.apps.get(hook.app) as App;
    const timestamp = pacific(this.#state.now());
    counters.hookDeliveries.sent++;
    let status: number;
    try {
      const response = await fetch(hook.address, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'Box-WH-Client/0.1',
          'box-delivery-id': `delivery-${++this.#deliveries}-${hook.id}`,
          'box-delivery-timestamp': timestamp,
          'box-signature-primary': signature(app.signatureKeys.primary, body, timestamp),
          'box-signature-secondary': signature(app.signatureKeys.secondary, body, timestamp),
          'box-signature-version': '1',
          'box-signature-algorithm': 'HmacSHA256',
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(knobs.hooks.timeoutMs),
      });
      status = response.status;
      await response.arrayBuffer();
    } catch {
      status = 0; // A time-out or a broken connection: tried again like any answer but 2xx.
    }
    if (this.#closed) return;
    if (status >= 200 && status < 300) {
      counters.hookDeliveries.answered++;
      hook.answeredAt = this.#state.now();
      return;
    }
    counters.hookDeliveries.failed++;
    if (attempt >= knobs.hooks.attempts) return;
    this.#later(knobs.hooks.retryMs * 2 ** (attempt - 1), () => void this.#deliver(delivery, attempt + 1));
  }
}
