import { describe, expect, it } from 'vitest';
import { putItem } from '../simulators/box/changes-items.ts';
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
const removed = (...ids: string[]) => Promise.all(ids.map(async (id) => (await stored(id)).removedAt !== undefined));
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

  it('shows what a folder holds as soon as it is out of the trash, also what was never seen', async () => {
    const { control, outer, inner, deep, file } = await tree();
    await box.watch();
    control.trash({ id: outer });
    await box.watch();
    expect(await removed(`folder:${inner}`, `folder:${deep}`, `file:${file}`)).toEqual([true, true, true]);

    // While it lies there nobody tells of a share below that ends.
    control.setLink({ id: deep, link: { access: 'company' } });
    const late = control.createItem({ type: 'file', name: 'late.txt', parent: deep, text: 'late' }).id;
    await box.watch();
    control.restore({ id: outer });
    const { calls } = control.counters();
    const listed = Number(calls['GET /folders/{folder_id}/items'] ?? 0);
    await box.watch();
    expect(await removed(`folder:${inner}`, `folder:${deep}`, `file:${file}`)).toEqual([false, false, false]);
    const nth = (await stored(`folder:${outer}`)).name;
    expect(await stored(`file:${file}`)).toMatchObject({
      path: `/${nth}/inner/deep/a.txt`,
      ancestors: [`folder:${outer}`, `folder:${inner}`, `folder:${deep}`],
      sharing: 'internal',
      sharedVia: `folder:${deep}`,
      part: box.owner,
    });
    expect(await stored(`file:${late}`)).toMatchObject({ part: box.owner, sharing: 'internal' });
    expect(await box.store.pending.count(box.connectionId)).toBe(0);
    expect(Number(control.counters().calls['GET /folders/{folder_id}/items'])).toBe(listed + 3);
  });

  it('shows what was thrown away before the folder around it was, as soon as that is back', async () => {
    const { control, outer, inner, deep, file, beside } = await tree();
    for (const id of [file, deep, beside]) control.trash({ id });
    await box.watch();
    control.trash({ id: outer });
    await box.watch();
    // The list of the trash leaves out what lies in a folder there.
    await box.scan();
    const before = [`folder:${deep}`, `folder:${inner}`];
    expect(await removed(...before, `file:${beside}`)).toEqual([true, true, false]);

    const calls = () => Number(control.counters().calls['GET /folders/trash/items'] ?? 0);
    const listed = calls();
    control.restore({ id: outer });
    await box.watch();
    expect(await removed(...before)).toEqual([false, false]);
    expect(await stored(`folder:${deep}`)).toMatchObject({ trashed: true, part: box.owner });
    expect(await box.store.pending.count(box.connectionId)).toBe(0);
    expect(calls()).toBe(listed + 1);

    // What was trashed in it, while it was in the trash by itself too, is with the next that comes out.
    control.restore({ id: deep });
    await box.watch();
    expect(await stored(`file:${file}`)).toMatchObject({ trashed: true, part: box.owner });
    expect(await removed(`file:${file}`)).toEqual([false]);

    // A folder that is only new tells nothing of the trash.
    const after = calls();
    control.createItem({ type: 'folder', name: 'new', parent: outer });
    await box.watch();
    expect(calls()).toBe(after);
  });

  it('shows what a folder holds that was away just when the scan came to it', async () => {
    const { control } = box.simulator;
    const outer = control.createItem({ type: 'folder', name: 'away for a moment', owner: box.owner }).id;
    const gone = control.createItem({ type: 'folder', name: 'gone', owner: box.owner }).id;
    await box.watch();
    const file = putItem(box.simulator.state, box.owner, { type: 'file', name: 'a.txt', parent: Number(outer) }).id;
    const away = (id: string, count: number) =>
      ({ kind: 'status', status: 404, path: `/folders/${id}/items`, count }) as const;
    control.faults({ add: [away(outer, 1), away(gone, 2)] });
    await box.scan();
    expect(await box.store.records.get(box.connectionId, 'files', `file:${file}`)).toBeNull();
    await box.watch('pending');
    expect(await removed(`file:${file}`)).toEqual([false]);
    expect(await box.store.pending.count(box.connectionId)).toBe(0);
  });

  it('hides at once what was in a folder that is gone for good', async () => {
    const { control, outer, inner, deep, file } = await tree();
    await box.watch();
    control.trash({ id: outer });
    control.purge({ id: outer });
    await box.watch();
    expect(await removed(...[outer, inner, deep].map((id) => `folder:${id}`), `file:${file}`)).toEqual(
      Array.from({ length: 4 }, () => true),
    );
  });

  it('shows what a folder holds that comes from somebody else, with who owns it now', async () => {
    const { control } = box.simulator;
    const { inner, file } = await tree();
    await box.watch();
    const other = control.createUser({ login: 'other@acme.test', name: 'Other' }).id;
    control.move({ id: inner, owner: other });
    await box.watch();
    expect(await stored(`file:${file}`)).toMatchObject({ path: '/inner/deep/a.txt', ownerId: other, part: other });

    // What was told of them before they moved, and is looked at late.
    const late = ['folder', 'file'].map((type) => `${type}:${type === 'folder' ? inner : file}`);
    await box.store.pending.add(
      box.connectionId,
      late.map((vendorId) => ({ kind: 'files', vendorId, part: box.owner })),
    );
    await box.watch('pending');
    expect(await removed(...late)).toEqual([false, false]);

    const guest = box.simulator.state.users.rows.find(({ kind }) => kind === 'external')!;
    const foreign = control.createItem({ type: 'folder', name: 'foreign', owner: guest.id }).id;
    const unseen = control.createItem({ type: 'file', name: 'unseen.txt', parent: foreign, text: 'x' }).id;
    await box.watch();
    expect(await box.store.records.get(box.connectionId, 'files', `file:${unseen}`)).toBeNull();
    control.move({ id: foreign, owner: other });
    await box.watch();
    expect(await stored(`file:${unseen}`)).toMatchObject({ path: '/foreign/unseen.txt', part: other });
  });

  it('says settling while a folder is still to be listed, and goes on where it was', async () => {
    const { control, outer, inner } = await tree();
    await box.watch();
    // Without events, as what was copied: more than a page.
    for (let n = 0; n < 250; n += 1)
      putItem(box.simulator.state, box.owner, { type: 'web_link', name: `n${n}`, parent: Number(inner) });
    control.trash({ id: outer });
    await box.watch();
    control.restore({ id: outer });
    control.faults({ add: [{ kind: 'throttle', path: '/items.*[?&]marker=', count: 1 }] });
    expect(await box.watch()).toMatchObject({ delay: { reason: 'throttled' }, more: true });
    expect(await box.store.spreads.waiting(box.connectionId)).toMatchObject({ count: 2 });
    const below = await stored(`folder:${inner}`);
    expect(
      await box.store.spreads.unsettled(box.connectionId, [{ vendorId: 'x', ancestors: [below.vendorId] }]),
    ).toEqual(new Set(['x']));
    const files = { connectionId: box.connectionId, parentId: below.vendorId, removedAt: { $exists: false } };
    expect(await box.db.collection('files').countDocuments(files)).toBe(200);
    await box.watch();
    expect(await box.db.collection('files').countDocuments(files)).toBe(251);
    expect(await box.store.spreads.waiting(box.connectionId)).toEqual({ count: 0 });
  });
});

describe('what belonged to a user or a group', () => {
  it('is gone within one round when they are deleted', async () => {
    const { control } = box.simulator;
    const user = control.createUser({ login: 'leaver@acme.test', name: 'Leaver' }).id;
    const groups = ['one', 'two'].map((name) => control.createGroup({ name }).id);
    for (const group of groups) for (const member of [user, box.owner]) control.addMember({ group, user: member });
    control.updateUser({ user, role: 'coadmin' });
    await box.scan();
    await box.watch();
    const of = async (kind: 'memberships' | 'privileges') =>
      (await box.store.records.list(box.connectionId, kind, { where: {}, limit: 100 })).items
        .map(({ vendorId }) => vendorId)
        .filter((id) => id.includes(user) || groups.some((group) => id.startsWith(group)))
        .sort();
    const members = groups.flatMap((group) => [`${group}:${user}`, `${group}:${box.owner}`]).sort();
    expect([await of('memberships'), await of('privileges')]).toEqual([members, [`role:${user}:coadmin`]]);

    control.deleteUser({ user });
    await box.watch();
    expect([await of('memberships'), await of('privileges')]).toEqual([
      members.filter((id) => !id.endsWith(`:${user}`)),
      [],
    ]);
    control.deleteGroup({ group: groups[0]! });
    await box.watch();
    expect(await of('memberships')).toEqual([`${groups[1]}:${box.owner}`]);
  });

  it('is gone with a user who owned files, but for what somebody else was given', async () => {
    const { control } = box.simulator;
    const user = control.createUser({ login: 'owned@acme.test', name: 'Owned' }).id;
    const make = (name: string) => {
      const folder = control.createItem({ type: 'folder', name, owner: user }).id;
      return [folder, control.createItem({ type: 'file', name: 'in it.txt', parent: folder, text: 'x' }).id];
    };
    const [[kept, keptFile], [lost, lostFile]] = [make('kept'), make('lost')];
    await box.scan();
    await box.watch();
    expect(await removed(`folder:${kept}`, `file:${keptFile}`, `folder:${lost}`, `file:${lostFile}`)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    control.move({ id: kept!, owner: box.owner });
    control.deleteUser({ user });
    await box.watch();
    expect(await removed(`folder:${lost}`, `file:${lostFile}`)).toEqual([true, true]);
    expect(await stored(`file:${keptFile}`)).toMatchObject({ ownerId: box.owner, path: '/kept/in it.txt' });
    expect(await removed(`folder:${kept}`, `file:${keptFile}`)).toEqual([false, false]);
  });
});
