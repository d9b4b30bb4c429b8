import { afterEach, beforeEach, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Session } from '../../connectors/connector.ts';
import type { Page } from '../../connectors/pages.ts';
import type { AnyRecord } from '../../connectors/records.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

let enterprise: BoxEnterprise;
let session: Session;
beforeEach(async () => {
  enterprise = await startEnterprise({ knobs: { duplicateProbability: 0.5 } });
  session = enterprise.open();
});
afterEach(() => enterprise.close());

const part = { id: '', title: '' };
const { changes, sweep } = box.stages.activities!;
const made = 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE';
function happened(event_type: string, app: string, daysAgo = 0) {
  const { owner, simulator } = enterprise;
  const user = { type: 'user', id: owner, name: 'Owner', login: 'owner@acme.test' };
  const created_at = new Date(Date.now() - daysAgo * 86_400_000).toISOString();
  const additional_details = { service_id: app, service_name: `The ${app}` };
  simulator.control.appendEvents({
    events: [{ event_type, created_at, created_by: user, source: user, additional_details }],
  });
}
async function observedBy(ask: (cursor?: string) => Promise<Page<AnyRecord>>) {
  const found = new Map<string, string[]>();
  let cursor: string | undefined;
  do {
    const page = await ask(cursor);
    for (const { vendorId, status } of page.observed ?? []) {
      found.set(vendorId, [...(found.get(vendorId) ?? []), status]);
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return Object.fromEntries([...found].map(([id, statuses]) => [id, [...new Set(statuses)]]));
}

it('tokens of apps come with the stream and with the history; our own, and what has run out, do not', async () => {
  const opened = await changes!(session, { part });
  expect(opened.observed ?? []).toEqual([]);
  happened(made, 'helper');
  happened(made, 'other', 59);
  happened(made, 'ended', 61);
  happened('OAUTH2_REFRESH_TOKEN_REVOKE', 'other');
  happened('LOGIN', 'none');
  // Each session has a token of its own, which is an event too.
  await box.verify(enterprise.open());
  const token = (app: string) => `token:${enterprise.owner}:${app}`;
  const wanted = { [token('helper')]: ['observed'], [token('other')]: expect.arrayContaining(['observed', 'revoked']) };
  const streamed = await observedBy((cursor) => changes!(session, { part, checkpoint: opened.checkpoint, cursor }));
  expect(streamed).toEqual(wanted);
  const from = new Date(Date.now() - 90 * 86_400_000);
  const until = new Date(Date.now() + 60_000);
  expect(await observedBy((cursor) => sweep!(session, { part, cursor, from, until }))).toEqual(wanted);
});

it('of such a token the plan says that Box lets nobody revoke it, and what to do instead', async () => {
  const { revokeAppPermission } = box.actions;
  const appPermissionId = `token:${enterprise.owner}:helper`;
  await expect(revokeAppPermission!.read(session, { appPermissionId })).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining('only the app that holds a token'),
    details: { remedy: expect.stringMatching(/revokeSessions.*suspend.*Admin Console/) },
  });
});

it('a look can tell nothing of it', async () => {
  const ref = { kind: 'appPermissions' as const, vendorId: `token:${enterprise.owner}:helper` };
  expect(await box.stages.permissions!.lookup!(session, [ref])).toEqual({ records: [], absent: [], unknown: [ref] });
});
