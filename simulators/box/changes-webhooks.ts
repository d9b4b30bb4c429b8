import type { Webhook } from './objects.ts';
import type { BoxState } from './state.ts';

const DAY = 86_400_000;

/** Box ends it by itself, and says so to its address. */
export function endWebhook(state: BoxState, hook: Webhook): void {
  if (!state.webhooks.has(hook.id)) return;
  forgetWebhook(state, hook);
  state.onWebhookEnded(hook);
}

/** With the item that it is on. What happened until then is still told. */
export function endWebhooksOn(state: BoxState, item: number): void {
  if (state.webhooks.size === 0) return;
  for (const hook of state.webhooks.rows.filter(({ target }) => target.id === String(item))) forgetWebhook(state, hook);
}

/** Once all tokens are deleted with which its maker came; those that ran out do not end it. */
export function endWebhooksWithout(state: BoxState, token: { clientId: string; userId: string }): void {
  const now = state.now();
  for (const one of state.tokens.values())
    if (one.clientId === token.clientId && one.userId === token.userId && one.expiresAt > now) return;
  for (const hook of [...state.webhooks.rows])
    if (hook.app === token.clientId && hook.madeWith === token.userId) endWebhook(state, hook);
}

/** The last answer 30 days ago, and still called 14 days after it: Box gives the address up. */
export function noteTrigger(state: BoxState, hook: Webhook): void {
  const { answeredAt } = hook;
  if (state.now() - answeredAt <= 14 * DAY) return;
  state.due.add(answeredAt + 30 * DAY, () => {
    if (hook.answeredAt === answeredAt) endWebhook(state, hook);
  });
}

function forgetWebhook(state: BoxState, hook: Webhook): void {
  hook.endedByBox = true;
  state.webhooks.delete(hook.id);
}
