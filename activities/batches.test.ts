import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

it('a batch is applied by its budget, waits in sight for the rest, and is undone as a whole', async () => {
  const { control } = box.simulator;
  const files = [1, 2, 3].map((n) => {
    const { id } = control.createItem({ type: 'file', name: `file ${n}`, owner: box.owner, text: 'x' });
    control.setLink({ id, link: { access: 'open' } });
    return id;
  });
  const open = () => files.filter((id) => control.item({ id })!.link?.access === 'open').length;
  await box.scan();
  const { batch } = await box.store.batches.request({
    connectionId: box.connectionId,
    app: 'box',
    action: 'removeLink',
    mode: 'apply',
    requestedBy: 'a governor',
    reason: 'test',
    targets: files.map((id) => ({ fileId: `file:${id}` })),
    asked: 'digest',
    perHour: 2,
    lifeMs: 86_400_000,
  });
  const waits = await box.lane();
  expect(open()).toBe(1);
  const { counts, budgetFreeAt, waiting } = await box.store.batches.progress(batch);
  expect([counts, waiting]).toEqual([{ done: 2, requested: 1 }, 1]);
  expect(waits).toMatchObject([
    { reason: 'budget', why: `waiting for the budget of batch ${batch._id} until ${budgetFreeAt!.toISOString()}` },
  ]);
  await box.store.batches.setBudget(batch._id, 3);
  expect(await box.lane()).toEqual([]);
  expect(open()).toBe(0);

  expect(await box.store.batches.requestUndo(batch._id, { by: 'a governor', reason: 'mistake', accept: false })).toBe(
    3,
  );
  await box.lane();
  expect((await box.store.batches.progress(batch)).counts).toEqual({ undone: 3 });
  expect(open()).toBe(3);
});
