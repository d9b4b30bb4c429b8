import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

it('blinds nobody for the rest of the tree, and nothing below it is taken for gone', async () => {
  const { control } = box.simulator;
  const owner = (control.truth({ only: ['users'] }).users as { id: string; role: string; kind: string }[]).find(
    ({ role, kind }) => role === 'user' && kind === 'managed',
  )!.id;
  const folder = (name: string, parent?: string) =>
    control.createItem({ type: 'folder', name, ...(parent === undefined ? { owner } : { parent }) }).id;
  const file = (parent: string) => control.createItem({ type: 'file', name: 'a.txt', parent, text: 'x' }).id;
  const [refused, read] = [folder('refused'), folder('read')];
  const below = folder('below', refused);
  const inside = [`folder:${below}`, `file:${file(below)}`, `file:${file(refused)}`];
  const shared = file(read);
  control.invite({ item: shared, email: 'guest@partner.test', role: 'viewer' });
  const rows = async (ids: readonly string[]) => {
    const stored = await box.store.records.recall(box.connectionId, 'files', ids);
    return ids.filter((id) => stored.has(id));
  };
  const positionOf = async () => {
    const all = await box.store.positions.list(box.connectionId, { lane: 'sweep', stage: 'files', limit: 100 });
    const { state, trust, unread } = all.items.find(({ part }) => part.id === owner)!;
    return { state, trust, unread };
  };
  await box.scan();
  expect(await rows(inside)).toEqual(inside);

  // Neither the folder nor what lies in it tells anything, nor one file elsewhere whom it is shared with.
  const no = { kind: 'status', status: 403 } as const;
  const ids = inside.map((id) => id.split(':')[1]);
  control.faults({ add: [{ ...no, path: `^/2.0/folders/${refused}/items` }] });
  control.faults({ add: [{ ...no, path: `^/2.0/f[a-z]+/(${ids.join('|')})\\b` }] });
  control.faults({ add: [{ ...no, path: `^/2.0/files/${shared}/collaborations` }] });
  for (let scans = 0; scans < 2; scans += 1) {
    const elsewhere = `file:${control.createItem({ type: 'file', name: `new ${scans}`, parent: read, text: 'x' }).id}`;
    await box.scan();
    expect(await rows([...inside, `file:${shared}`, elsewhere])).toEqual([...inside, `file:${shared}`, elsewhere]);
    const { state, trust, unread } = await positionOf();
    expect({ state, trust }).toEqual({ state: 'complete', trust: 'trusted' });
    expect(unread?.map(({ vendorId }) => vendorId).toSorted()).toEqual([`file:${shared}`, `folder:${refused}`]);
    expect(unread?.every(({ why }) => why.includes('403'))).toBe(true);
  }

  control.faults({ clear: true });
  control.purge({ id: ids[2]! });
  await box.scan();
  expect((await positionOf()).unread).toBeUndefined();
  expect(await rows(inside)).toEqual(inside.slice(0, 2));
});
