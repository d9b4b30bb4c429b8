import { expect, it } from 'vitest';
import { useInstallation } from '../support/installation.ts';

const to = useInstallation({ tenant: { users: 60, groups: 4, events: 50 } });
interface ActionView {
  id: string;
  state: string;
  problem?: { what: string };
  undo?: { plan?: string[]; verified?: boolean };
}

it('asks before it undoes what was changed since, fails with the reason, and can be tried again', async () => {
  const { control } = to.tenant;
  const { id } = await to.connect();
  await to.scanned(id);
  const { items } = await to.api.get<{ items: { vendorId: string }[] }>(
    `/v1/connections/${id}/accounts?vendorStatus=ACTIVE&limit=50`,
  );
  const user = items.at(-1)!.vendorId;
  const until = async (actionId: string, ...states: string[]): Promise<ActionView> => {
    for (let tries = 0; tries < 900; tries += 1) {
      const action = await to.api.get<ActionView>(`/v1/actions/${actionId}`);
      if (states.includes(action.state)) return action;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return expect.fail(`the action did not become ${states.join(' or ')}`);
  };
  const action = await to.api.post<ActionView>(`/v1/connections/${id}/actions`, {
    action: 'suspendUser',
    target: { accountId: user },
    reason: 'test',
    mode: 'apply',
  });
  await until(action.id, 'done');

  await control.setStatus({ user, status: 'DEPROVISIONED' });
  await to.api.post(`/v1/actions/${action.id}/undo`, { reason: 'mistake' });
  const asking = await until(action.id, 'undoNeedsAcceptance');
  expect(asking.undo!.plan!.join()).toContain('DEPROVISIONED');

  await to.api.post(`/v1/actions/${action.id}/undo`, { reason: 'mistake', accept: true });
  const failed = await until(action.id, 'undoFailed', 'undone');
  expect(failed.problem!.what).toMatch(/refuses to unsuspend .* DEPROVISIONED/);

  await control.setStatus({ user, status: 'SUSPENDED' });
  await to.api.post(`/v1/actions/${action.id}/undo`, { reason: 'possible now' });
  const undone = await until(action.id, 'undone');
  expect(undone).toMatchObject({ undo: { verified: true } });
  expect(undone.problem).toBeUndefined();
});
