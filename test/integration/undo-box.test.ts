import { expect, it } from 'vitest';
import { startBoxTenant } from '../support/box-tenant.ts';
import { useInstallation } from '../support/installation.ts';

const to = useInstallation({ tenant: { users: 1, groups: 0, events: 0 } });
interface ActionView {
  id: string;
  state: string;
  undo?: { verified?: boolean; notRestored?: string[] };
}

it('a Box file comes back in part, and at the second asking whole, each share once', async () => {
  const { control, body } = await startBoxTenant(to.owner, {
    logFolder: to.logFolder,
    fill: { users: 3, externals: 0, groups: 0, items: 20, events: 0, devicePins: 0 },
  });
  const owner = (await control.createUser({ login: 'owner@acme.test', name: 'Owner' })).id;
  const { id: file } = await control.createItem({ type: 'file', name: 'plan', owner, text: 'x' });
  for (const name of ['one', 'two']) {
    const { id: user } = await control.createUser({ login: `${name}@acme.test`, name });
    await control.invite({ item: file, user, role: 'editor' });
  }
  const { id } = await to.connect(body);
  await to.scanned(id);
  const until = (actionId: string, so: (action: ActionView) => unknown) => to.untilAction(actionId, so);
  const action = await to.api.post<ActionView>(`/v1/connections/${id}/actions`, {
    action: 'makePrivate',
    target: { fileId: `file:${file}` },
    reason: 'test',
    mode: 'apply',
  });
  await until(action.id, ({ state }) => state === 'done');
  expect((await control.item({ id: file }))!.collaborations).toEqual([]);

  await control.faults({ add: [{ kind: 'status', status: 404, method: 'POST', path: '/collaborations', count: 1 }] });
  await to.api.post(`/v1/actions/${action.id}/undo`, { reason: 'mistake' });
  const part = await until(action.id, ({ state }) => state === 'undone');
  expect(part.undo!.verified).toBe(false);
  expect(part.undo!.notRestored![0]).toMatch(/did not get access back/);
  expect((await control.item({ id: file }))!.collaborations).toHaveLength(1);

  await control.resetCounters();
  await to.api.post(`/v1/actions/${action.id}/undo`, { reason: 'now it may' });
  const whole = await until(action.id, ({ state, undo }) => state === 'undone' && undo!.verified === true);
  expect(whole.undo!.notRestored).toEqual([]);
  expect((await control.item({ id: file }))!.collaborations).toHaveLength(2);
  expect((await control.counters()).calls['POST /collaborations']).toBe(1);
});
