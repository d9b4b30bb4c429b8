import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

it('gives back a file that was last seen with who keeps the quarantine', async () => {
  const { control } = box.simulator;
  const { id } = control.createItem({ type: 'file', name: 'secret', owner: box.owner, text: 'x' });
  const fileId = `file:${id}`;
  const ownerKnown = async () => {
    const record = await box.store.records.get(box.connectionId, 'files', fileId);
    return record?.kind === 'files' && !record.removedAt ? record.ownerId : undefined;
  };
  control.setLink({ id, link: { access: 'open' } });
  await box.scan();
  // The feed is opened by the first round, and tells who owns the file by the second.
  await box.watch();
  const { _id } = await box.ask('quarantineFile', { fileId });
  await box.lane();
  expect((await box.get(_id)).state).toBe('done');
  await box.watch();
  const keeper = control.item({ id })!.owner;
  expect(keeper).not.toBe(box.owner);
  expect(await ownerKnown()).toBe(keeper);
  // Who is told late of the move asks whose it was.
  await box.store.pending.add(box.connectionId, [{ kind: 'files', vendorId: fileId, part: box.owner }]);
  await box.watch('pending');
  expect(await ownerKnown()).toBe(keeper);

  await box.store.actions.requestUndo(_id, { by: 'a governor', reason: 'mistake', accept: false });
  await box.lane();
  const document = await box.get(_id);
  expect([document.state, document.problem, document.undo?.verified]).toEqual(['undone', undefined, true]);
  expect(control.item({ id })).toMatchObject({ owner: box.owner, link: { access: 'open' } });
  await box.watch();
  expect(await ownerKnown()).toBe(box.owner);
});
