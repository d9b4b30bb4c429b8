import { pick } from '../kit/seeded.ts';
import { DAY } from './fill-days.ts';
import { FIRST_ITEM } from './base-items.ts';
import { makeEvent } from './record.ts';
import { itemSource } from './render-collab.ts';
import { userMini } from './render-user.ts';
import type { Item, User } from './objects.ts';
import type { BoxState } from './state.ts';

const ON_ITEMS = ['UPLOAD', 'EDIT', 'DOWNLOAD', 'PREVIEW', 'SHARE', 'RENAME', 'MOVE', 'ITEM_SHARED_UPDATE'];
const ON_USERS = ['LOGIN', 'LOGIN', 'FAILED_LOGIN', 'ADD_LOGIN_ACTIVITY_DEVICE', 'ADMIN_LOGIN', 'EDIT_USER'];
const APPS = ['Helper app 1', 'Helper app 2', 'Box Sync', 'Box Drive'];

/** Past events, recorded up to two minutes after they happened and so out of order in the streaming log. */
export function fillEvents(
  state: BoxState,
  users: readonly User[],
  count: number,
  days: number,
  samples: readonly Record<string, unknown>[],
): void {
  const { random, items } = state;
  const now = state.now();
  const made: { at: number; order: number; event: Record<string, unknown> }[] = [];
  for (let nth = 0; nth < count; nth++) {
    const at = now - 60_000 - Math.floor(random() * days * DAY);
    const user = pick(random, users);
    const by = { userId: user.id, ip: `203.0.113.${1 + Math.floor(random() * 250)}` };
    const kind = random();
    const base = { by, at };
    const id = items.base.size > 0 ? FIRST_ITEM + Math.floor(random() * items.base.size) : undefined;
    const item = id === undefined ? undefined : items.get(id);
    let event: Record<string, unknown>;
    if (kind < 0.1) {
      const app = pick(random, APPS);
      const type = 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE';
      const details = { service_id: String(9_000 + APPS.indexOf(app)) };
      event = makeEvent(state, { ...base, by: { ...by, app }, type, source: userMini(state, user.id), details });
    } else if (kind < 0.4 || !item) {
      event = makeEvent(state, { ...base, type: pick(random, ON_USERS), source: userMini(state, user.id) });
    } else {
      event = makeEvent(state, { ...base, type: pick(random, ON_ITEMS), source: itemSource(state, item as Item) });
    }
    made.push({ at, order: at + Math.floor((random() - 0.5) * 240_000), event });
  }
  for (const sample of samples) {
    const at = now - 60_000 - Math.floor(random() * days * DAY);
    const blank = makeEvent(state, { type: '', by: { userId: '' }, source: null, at });
    const { event_id, created_at, recorded_at } = blank;
    made.push({ at, order: at, event: { event_id, created_at, recorded_at, ...sample } });
  }
  for (const { event, at } of made.sort((a, b) => a.order - b.order)) state.events.append(event as never, at, 0);
  state.events.settle(true);
}
