import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

const row = (vendorId: string) =>
  box.db.collection<{ _id: string }>('files').findOne({ _id: `${box.connectionId}/${vendorId}` });

it('a file that changed hands is its new owner’s at once: what is read of the old one’s does not take it away', async () => {
  const { control, state } = box.simulator;
  const heir = state.users.rows.find(({ id, kind }) => kind === 'managed' && id !== box.owner)!.id;
  const { id } = control.createItem({ type: 'file', name: 'given.txt', owner: box.owner, text: 'x' });
  const file = `file:${id}`;
  await box.scan();
  await box.watch();
  expect(await row(file)).toMatchObject({ part: box.owner, ownerId: box.owner });

  control.move({ id, owner: heir });
  await box.watch();
  expect(await row(file)).toMatchObject({ part: heir, ownerId: heir, seenScan: 1 });
  await box.scan();
  expect(await row(file)).toMatchObject({ part: heir, seenScan: 2 });
  expect(await row(file)).not.toHaveProperty('removedAt');
});
