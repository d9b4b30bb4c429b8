import { removeCollab } from './changes-collabs.ts';
import { countExecuted } from '../kit/counters.ts';
import { record } from './record.ts';
import { userMini } from './render-user.ts';
import { denied, invalid, notFound } from './respond.ts';
import { checked, numberOf, objectOf } from './route.ts';
import type { Call, Route } from './route.ts';
import type { Collab, DevicePin } from './objects.ts';

const render = (call: Call, pin: DevicePin) => ({
  type: 'device_pinner',
  id: pin.id,
  owned_by: userMini(call.state, pin.owner),
  product_name: pin.productName,
});

function pinOf(call: Call): DevicePin {
  const pin = call.state.devicePins.get(call.params.device_pinner_id as string);
  if (!pin) throw notFound();
  return pin;
}

/** Everything an outsider takes part in, one by one. */
function expel(call: Call, id: string): { user_id: string; status: number; detail?: string } {
  const user = call.state.user(id);
  if (!user || user.kind !== 'external') return { user_id: id, status: 404, detail: 'Not Found' };
  const ids = [...(call.state.collabsOfGrantee.get(`user ${id}`) ?? [])];
  call.state.due.add(call.state.now() + call.state.knobs.sessionJobMs, () => {
    countExecuted(call.state.counters, 'expelExternal', id);
    for (const one of ids) {
      const collab = call.state.collabs.get(one) as Collab | undefined;
      if (collab) removeCollab(call.state, call.by, collab);
    }
  });
  return { user_id: id, status: 202 };
}

export const enterpriseRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/enterprises/{enterprise_id}/device_pinners',
    need: 'enterprise',
    admin: true,
    query: ['marker', 'limit', 'direction'],
    handle: (call) => {
      if (call.params.enterprise_id !== call.state.enterprise.id) throw denied();
      const limit = numberOf(call, 'limit', 100, 1_000, 1);
      // Here the marker is a number: the seq of the last row.
      const after = numberOf(call, 'marker', 0, Number.MAX_SAFE_INTEGER);
      const rows = call.state.devicePins.rows.filter((pin) => pin.seq > after);
      const page = rows.slice(0, limit);
      return {
        status: 200,
        body: {
          entries: page.map((pin) => render(call, pin)),
          limit,
          ...(rows.length > limit ? { next_marker: page.at(-1)?.seq } : {}),
          order: [{ by: 'id', direction: 'asc' }],
        },
      };
    },
  },
  {
    method: 'GET',
    path: '/device_pinners/{device_pinner_id}',
    need: 'enterprise',
    admin: true,
    handle: (call) => ({ status: 200, body: render(call, pinOf(call)) }),
  },
  {
    method: 'DELETE',
    path: '/device_pinners/{device_pinner_id}',
    need: 'enterprise',
    admin: true,
    handle: (call) => {
      const pin = pinOf(call);
      call.state.devicePins.delete(pin.id);
      countExecuted(call.state.counters, 'removeDevice', pin.id);
      record(call.state, {
        type: 'REMOVE_DEVICE_ASSOCIATION',
        by: call.by,
        source: userMini(call.state, pin.owner),
        details: { device_name: pin.productName },
      });
      return { status: 204 };
    },
  },
  {
    method: 'POST',
    path: '/external_users/submit_delete_job',
    need: 'users',
    admin: true,
    version: '2025.0',
    handle: (call) => {
      const { external_users: users } = checked(objectOf(call), { external_users: 'array' });
      if (!Array.isArray(users) || users.length === 0) throw invalid('external_users', 'is required');
      const entries = users.map((user) => expel(call, String((user as { id?: unknown }).id)));
      return { status: 207, body: { entries } };
    },
  },
];
