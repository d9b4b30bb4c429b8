import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
const made = 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE';

it('a token that an event tells of is stored, outlives the sweeps, and is refused to be revoked with what helps', async () => {
  const { control } = box.simulator;
  const { activities, connectionId, owner } = box;
  const vendorId = `token:${owner}:helper`;
  const happened = (event_type: string) => {
    const user = { type: 'user', id: owner, name: 'Owner', login: 'owner@acme.test' };
    const additional_details = { service_id: 'helper', service_name: 'Helper' };
    control.appendEvents({ events: [{ event_type, created_by: user, source: user, additional_details }] });
  };
  const stored = () => box.store.records.get(connectionId, 'appPermissions', vendorId);
  await box.watch();
  happened(made);
  await box.watch();
  expect(await stored()).toMatchObject({ status: 'observed', accountId: owner, appName: 'Helper', part: 'observed' });

  for (const scan of [11, 12, 13]) {
    await activities.beginScan({ connectionId, scan });
    for (const stage of ['users', 'permissions', 'activities'] as const)
      for (let chunks = 0; chunks < 50; chunks += 1)
        if ((await activities.sweepChunk({ connectionId, stage, scan })).ended) break;
  }
  expect(await stored()).toMatchObject({ status: 'observed' });
  expect((await stored())!.removedAt).toBeUndefined();

  const plan = await box.ask('revokeAppPermission', { appPermissionId: vendorId }, { mode: 'plan' });
  await box.lane();
  expect(await box.get(plan._id)).toMatchObject({
    state: 'refused',
    problem: {
      what: expect.stringContaining('only the app that holds a token'),
      remedy: expect.stringMatching(/suspend/),
    },
  });

  happened('OAUTH2_ACCESS_TOKEN_REVOKE');
  await box.watch();
  expect(await stored()).toMatchObject({ status: 'revoked' });
  control.deleteUser({ user: owner });
  for (let rounds = 0; rounds < 5; rounds += 1) await box.watch();
  expect((await stored())!.removedAt).toBeInstanceOf(Date);
});
