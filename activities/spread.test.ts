import { describe, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

let trees = 0;
async function tree() {
  const nth = (trees += 1);
  const { control } = box.simulator;
  const { owner } = box;
  const outer = control.createItem({ type: 'folder', name: `outer${nth}`, owner }).id;
  const inner = control.createItem({ type: 'folder', name: 'inner', parent: outer }).id;
  const deep = control.createItem({ type: 'folder', name: 'deep', parent: inner }).id;
  const file = control.createItem({ type: 'file', name: 'a.txt', parent: deep, text: 'a' }).id;
  const beside = control.createItem({ type: 'file', name: `b${nth}.txt`, owner, text: 'b' }).id;
  await box.scan();
  return { control, outer, inner, deep, file, beside };
}

const stored = async (vendorId: string) => {
  const record = await box.store.records.get(box.connectionId, 'files', vendorId);
  if (record?.kind !== 'files') throw new Error(`${vendorId} is not stored`);
  return record;
};
const sharing = async (vendorId: string) => {
  const { sharing, sharedVia } = await stored(vendorId);
  return [sharing, sharedVia];
};

describe('what is shared above', () => {
  it('shows below within one round, and is gone from there when it is removed', async () => {
    const { control, outer, deep, file, beside } = await tree();
    await box.watch();
    expect(await sharing(`file:${file}`)).toEqual(['private', undefined]);

    control.setLink({ id: outer, link: { access: 'open' } });
    await box.watch();
    expect(await sharing(`folder:${outer}`)).toEqual(['public', undefined]);
    expect(await sharing(`folder:${deep}`)).toEqual(['public', `folder:${outer}`]);
    expect(await sharing(`file:${file}`)).toEqual(['public', `folder:${outer}`]);
    expect(await sharing(`file:${beside}`)).toEqual(['private', undefined]);

    // The nearest of those that open it as far.
    const guest = box.simulator.state.users.rows.find(({ kind }) => kind === 'external')!;
    control.setLink({ id: outer, link: null });
    const invited = control.invite({ item: deep, user: guest.id, role: 'viewer' });
    await box.watch();
    expect(await sharing(`file:${file}`)).toEqual(['external', `folder:${deep}`]);
    control.removeCollaboration({ id: invited.id });
    await box.watch();
    expect(await sharing(`file:${file}`)).toEqual(['private', undefined]);
  });

  it('says settling while another worker has it, which goes on where it was', async () => {
    const { control, outer, file } = await tree();
    await box.watch();
    control.setLink({ id: outer, link: { access: 'company' } });
    const { store, connectionId } = box;
    // Another worker took the work and stands still; the round ends without it.
    const positions = box.db.collection<{ _id: string }>('positions');
    const held = { _id: `${connectionId}/sweep/pending/part/spread` };
    await positions.updateOne(held, [{ $set: { holder: 'frozen', leaseUntil: { $add: ['$$NOW', 60_000] } } }]);
    expect(await box.watch()).toMatchObject({ more: false });
    expect(await store.spreads.waiting(connectionId)).toMatchObject({ count: 1 });
    const record = await stored(`file:${file}`);
    expect(await store.spreads.unsettled(connectionId, [record])).toEqual(new Set([`file:${file}`]));
    expect(record.sharing).toBe('private');
    await positions.updateOne(held, [{ $set: { leaseUntil: '$$NOW' } }]);
    await box.watch('pending');
    expect(await store.spreads.waiting(connectionId)).toEqual({ count: 0 });
    expect(await sharing(`file:${file}`)).toEqual(['internal', `folder:${outer}`]);
  });

  it('follows a folder that is moved out of what was shared', async () => {
    const { control, outer, inner, file } = await tree();
    control.setLink({ id: outer, link: { access: 'open' } });
    await box.watch();
    control.move({ id: inner, owner: box.owner });
    await box.watch();
    expect(await stored(`file:${file}`)).toMatchObject({ path: '/inner/deep/a.txt', sharing: 'private' });
  });
});
