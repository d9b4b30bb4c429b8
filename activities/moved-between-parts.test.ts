import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

/** A folder of each of two owners in which the other may edit, as Box wants of who moves; a file in that of the first. */
async function tree(name: string) {
  const { control } = box.simulator;
  const users = control.truth({ only: ['users'] }).users as { id: string; kind: string; status: string }[];
  const owners = users.filter(({ kind, status }) => kind === 'managed' && status === 'active').slice(0, 2);
  const folders = owners.map(({ id }, nth) => {
    const folder = control.createItem({ type: 'folder', name: `${name} ${nth}`, owner: id }).id;
    return { owner: id, folder, path: `/${name} ${nth}/a.txt` };
  });
  for (const [nth, { folder }] of folders.entries())
    control.invite({ item: folder, user: owners[1 - nth]!.id, role: 'editor' });
  const [from, to] = folders as [(typeof folders)[number], (typeof folders)[number]];
  const file = control.createItem({ type: 'file', name: 'a.txt', parent: from.folder, text: 'a' }).id;
  await box.scan();
  return { control, from, to, file };
}

async function stored(file: string) {
  const record = await box.store.records.get(box.connectionId, 'files', `file:${file}`);
  if (record?.kind !== 'files') throw new Error(`${file} is not stored`);
  const { part, ownerId, path, removedAt } = record;
  return { part, ownerId, path, gone: removedAt !== undefined };
}

const there = ({ owner, path }: { owner: string; path: string }) => ({ ownerId: owner, path, gone: false });

describe('a file that goes from one part to another in the middle of a sweep', () => {
  for (const slow of ['from', 'to'] as const) {
    for (const back of [false, true]) {
      const where = slow === 'from' ? 'leaves the folder that is being listed' : 'comes into the folder being listed';
      it(`is never taken for gone where it ${where}, ${back ? 'of the later' : 'of the earlier'} owner`, async () => {
        const named = await tree(`${slow} ${back}`);
        const { control, file } = named;
        let { from, to } = named;
        if (back) {
          control.move({ id: file, parent: to.folder });
          await box.scan();
          [from, to] = [to, from];
        }
        expect(await stored(file)).toEqual({ ...there(from), part: from.owner });

        const listing = `^/2.0/folders/${slow === 'from' ? from.folder : to.folder}/items`;
        control.faults({ add: [{ kind: 'late', path: listing, ms: 300, count: 1 }] });
        const scanning = box.scan();
        while (!control.faults().some(({ struck }) => struck > 0)) await delay(5);
        control.move({ id: file, parent: to.folder });
        await scanning;
        control.faults({ clear: true });
        expect((await stored(file)).gone).toBe(false);
        await box.watch();
        expect(await stored(file)).toMatchObject(there(to));
        await box.scan();
        expect(await stored(file)).toEqual({ ...there(to), part: to.owner });
      });
    }
  }
});
