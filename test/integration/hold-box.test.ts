import { expect, it } from 'vitest';
import { startBoxTenant } from '../support/box-tenant.ts';
import { useInstallation } from '../support/installation.ts';

const to = useInstallation({ tenant: { users: 1, groups: 0, events: 0 } });
interface ActionView {
  id: string;
  state: string;
  hold?: { stands?: boolean; repeated: number };
  reverted?: { what: string; by?: { name?: string }; repeatedBy?: string }[];
}

it('a collaborator of a Box file whom somebody invites again is removed again, or reported, as was asked', async () => {
  const { control, body } = await startBoxTenant(to.owner, {
    logFolder: to.logFolder,
    fill: { users: 3, externals: 0, groups: 0, items: 20, events: 0, devicePins: 0 },
  });
  const owner = (await control.createUser({ login: 'owner@acme.test', name: 'Owner' })).id;
  const colleague = (await control.createUser({ login: 'colleague@acme.test', name: 'Colleague' })).id;
  const guest = (await control.createUser({ login: 'guest@partner.test', name: 'Guest', kind: 'external' })).id;
  const files: string[] = [];
  for (const name of ['first', 'second']) {
    const { id: file } = await control.createItem({ type: 'file', name, owner, text: 'x' });
    await control.invite({ item: file, user: guest, role: 'editor' });
    files.push(file);
  }
  const [first, second] = files as [string, string];
  const { id } = await to.connect(body);
  await to.scanned(id);
  const until = (actionId: string, so: (action: ActionView) => unknown) => to.untilAction(actionId, so);
  const remove = (file: string, onRevert: string) =>
    to.api.post<ActionView>(`/v1/connections/${id}/actions`, {
      action: 'removeCollaborator',
      target: { fileId: `file:${file}`, shareTo: 'guest@partner.test' },
      reason: 'test',
      mode: 'apply',
      hold: { onRevert, forMs: 3_600_000 },
    });
  const shares = async (file: string) => (await control.item({ id: file }))!.collaborations.length;
  const [again, report] = [await remove(first, 'again'), await remove(second, 'report')];
  for (const action of [again, report]) await until(action.id, ({ state }) => state === 'done');
  expect([await shares(first), await shares(second)]).toEqual([0, 0]);

  for (const item of files) await control.invite({ item, user: guest, role: 'viewer', by: colleague });
  const repeated = await until(again.id, ({ hold, reverted }) => reverted && hold?.stands);
  expect(repeated).toMatchObject({ state: 'done', hold: { repeated: 1 } });
  expect(repeated.reverted![0]!.what).toContain('guest@partner.test');
  const done = await until(repeated.reverted![0]!.repeatedBy!, ({ state }) => state === 'done');
  expect(done).toMatchObject({ repeats: again.id });
  const reported = await until(report.id, ({ reverted }) => reverted?.[0]?.by);
  expect(reported).toMatchObject({
    hold: { stands: false, repeated: 0 },
    reverted: [{ by: { name: 'colleague@acme.test' } }],
  });
  expect([await shares(first), await shares(second)]).toEqual([0, 1]);
});
