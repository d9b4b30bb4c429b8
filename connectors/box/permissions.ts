import { z } from 'zod';
import type { Stage } from '../connector.ts';
import type { Looked, Page, PageRequest, Ref } from '../pages.ts';
import { createCursor } from '../kit/cursor.ts';
import type { AppPermissionRecord } from '../records.ts';
import { call, listByMarker, segment } from './api.ts';
import { lookEach } from '../kit/look-each.ts';
import { parseTokenId } from './observed-tokens.ts';
import { devicePin, type DevicePin } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';

const cursor = createCursor(1, z.object({ marker: z.string() }));

/**
 * Box lists no token that a user gave to an app: those are told by events (`observed-tokens.ts`). What it does list,
 * where an enterprise has device pinning, are the devices that Box's own apps are trusted on.
 */
function permissionOf(pin: DevicePin): AppPermissionRecord {
  const product = pin.product_name || 'unknown';
  return {
    kind: 'appPermissions',
    vendorId: pin.id,
    accountId: pin.owned_by?.id,
    appId: product,
    appName: `${product} (pinned device)`,
    type: 'trust',
    scopes: [],
    status: 'active',
    raw: pin,
  };
}

async function sweep(session: BoxSession, request: PageRequest): Promise<Page<AppPermissionRecord>> {
  const { enterpriseId } = session.settings;
  const operation = '/enterprises/{enterprise_id}/device_pinners';
  const page = await listByMarker(session, operation, `/enterprises/${enterpriseId}/device_pinners`, devicePin, {
    marker: request.cursor === undefined ? undefined : cursor.read(request.cursor).marker,
    query: { limit: 1000 },
    // An enterprise without device pinning has no such list.
    accept: [404],
  });
  return {
    records: page.rows.map(permissionOf),
    skipped: page.skipped,
    next: page.next === undefined ? undefined : cursor.write({ marker: page.next }),
  };
}

export async function readPin(session: BoxSession, id: string): Promise<DevicePin | undefined> {
  const path = `/device_pinners/${segment(id)}`;
  const answer = await call(session, 'GET', '/device_pinners/{device_pinner_id}', path, { accept: [404] });
  return answer.status === 404 ? undefined : answer.json(devicePin);
}

const lookup = (session: BoxSession, refs: readonly Ref[]): Promise<Looked<AppPermissionRecord>> =>
  lookEach(refs, async (ref) => {
    if (parseTokenId(ref.vendorId)) return 'unknown';
    const pin = await readPin(session, ref.vendorId);
    return pin ? { records: [permissionOf(pin)] } : { records: [], absent: [ref] };
  });

export const permissionsStage: Stage<AppPermissionRecord, Settings> = { sweep, lookup };
