import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

it('is what a co-admin may not see: told as blind, and nothing in it goes', async () => {
  const { control } = box.simulator;
  const users = control.truth({ only: ['users'] }).users as { id: string; role: string }[];
  const admin = users.find(({ role }) => role === 'admin')!.id;
  const blind = users.filter(({ role }) => role === 'admin' || role === 'coadmin').length;
  const file = control.createItem({ type: 'file', name: 'of the admin.txt', owner: admin, text: 'x' }).id;
  const removedAt = async () => (await box.store.records.get(box.connectionId, 'files', `file:${file}`))!.removedAt;
  const trust = async (scan: number) => {
    const { store, connectionId } = box;
    const { trust, blind, example } = await store.positions.summary(connectionId, 'sweep', 'files', scan);
    return { trust, blind, why: example?.failure?.what };
  };
  await box.scan();
  expect(await trust(1)).toEqual({ trust: 'trusted', blind: 0 });

  control.putApp({ reach: 'belowAdmins' });
  control.trash({ id: file });
  await box.scan();
  expect(await trust(2)).toEqual({ trust: 'blind', blind, why: expect.stringMatching(/^user \d+ cannot be acted as/) });
  expect(await removedAt()).toBeUndefined();

  control.putApp({ reach: 'all' });
  control.purge({ id: file });
  await box.scan();
  expect(await trust(3)).toEqual({ trust: 'trusted', blind: 0 });
  expect(await removedAt()).toBeInstanceOf(Date);
});
