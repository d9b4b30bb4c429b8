import { expect, it } from 'vitest';
import { useInstallation } from '../support/installation.ts';

const to = useInstallation({ tenant: { users: 30, groups: 2, events: 20 } });
interface ActionView {
  id: string;
  state: string;
  hold?: { stands?: boolean; repeated: number };
  reverted?: { by?: { name?: string }; repeatedBy?: string }[];
}

it('a suspended user whom somebody unsuspends is suspended again, or reported, as was asked', async () => {
  const { control } = to.tenant;
  const { id } = await to.connect();
  await to.scanned(id);
  const { items } = await to.api.get<{ items: { vendorId: string }[] }>(
    `/v1/connections/${id}/accounts?vendorStatus=ACTIVE&limit=50`,
  );
  const [first, second] = items.slice(-2).map(({ vendorId }) => vendorId);
  const until = (actionId: string, so: (action: ActionView) => unknown) => to.untilAction(actionId, so);
  const suspend = (user: string, onRevert: string) =>
    to.api.post<ActionView>(`/v1/connections/${id}/actions`, {
      action: 'suspendUser',
      target: { accountId: user },
      reason: 'test',
      mode: 'apply',
      hold: { onRevert, forMs: 3_600_000 },
    });
  const [again, report] = [await suspend(first!, 'again'), await suspend(second!, 'report')];
  for (const action of [again, report]) await until(action.id, ({ state }) => state === 'done');

  for (const user of [first!, second!]) await control.setStatus({ user, status: 'ACTIVE' });
  const repeated = await until(again.id, ({ hold, reverted }) => reverted && hold?.stands);
  expect(repeated).toMatchObject({ state: 'done', hold: { repeated: 1 } });
  expect(await until(repeated.reverted![0]!.repeatedBy!, ({ state }) => state === 'done')).toMatchObject({
    repeats: again.id,
  });
  expect((await until(report.id, ({ reverted }) => reverted)).hold).toMatchObject({ stands: false, repeated: 0 });
  const truth = await control.truth();
  const statusOf = (user: string) =>
    (truth.users as { id: string; status: string }[]).find((one) => one.id === user)!.status;
  expect([statusOf(first!), statusOf(second!)]).toEqual(['SUSPENDED', 'ACTIVE']);
  const { holds } = await to.api.get<{ holds: object }>(`/v1/connections/${id}/summary`);
  expect(holds).toEqual({ held: 2, reverted: 1 });
});
