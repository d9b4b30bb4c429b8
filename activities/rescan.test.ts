import { describe, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
const files = 60;
/** Half a day's share of the items is asked about all the same. */
const most = files / 4;

let scans = 0;
async function scan(): Promise<{ asked: number; listed: number }> {
  const { control } = box.simulator;
  control.resetCounters();
  scans += 1;
  await box.scan();
  const { calls } = control.counters();
  return {
    asked: calls['GET /files/{file_id}/collaborations'] ?? 0,
    listed: calls['GET /folders/{folder_id}/items'] ?? 0,
  };
}
const stored = async (file: string) => {
  const record = await box.store.records.get(box.connectionId, 'files', `file:${file}`);
  if (record?.kind !== 'files') throw new Error(`${file} is not stored`);
  return record;
};
const people = async (file: string) => (await stored(file)).shares.map(({ role }) => role);

describe('a rescan of what is shared', () => {
  let folder: string;
  const ids: string[] = [];

  it('lists everything, and asks about the people of what no event told of only in turn', async () => {
    const { control, state } = box.simulator;
    folder = control.createItem({ type: 'folder', name: 'shared', owner: box.owner }).id;
    const guest = state.users.rows.find(({ kind }) => kind === 'external')!.id;
    control.invite({ item: folder, user: guest, role: 'viewer' });
    for (let at = 0; at < files; at += 1)
      ids.push(control.createItem({ type: 'file', name: `${at}.txt`, parent: folder, text: `${at}` }).id);
    const first = await scan();
    expect(first.asked).toBe(files);
    const second = await scan();
    expect(second.listed).toBe(first.listed);
    expect(second.asked).toBeLessThan(most);
    for (const id of ids) expect(await stored(id)).toMatchObject({ seenScan: scans, sharing: 'external' });
  });

  it('sees who was let in, what was renamed, and what is gone, though nobody followed the changes', async () => {
    const { control, state } = box.simulator;
    const [invited, renamed, removed] = ids as [string, string, string];
    const guest = state.users.rows.filter(({ kind }) => kind === 'external').at(-1)!.id;
    control.invite({ item: invited, user: guest, role: 'editor' });
    control.rename({ id: renamed, name: 'renamed.txt' });
    control.trash({ id: removed });
    control.purge({ id: removed });
    expect((await scan()).asked).toBeLessThan(most + 2);
    expect(await people(invited)).toEqual(['editor']);
    expect(await stored(renamed)).toMatchObject({ name: 'renamed.txt', path: '/shared/renamed.txt' });
    expect((await stored(removed)).removedAt).toBeInstanceOf(Date);
    const group = state.groups.rows[0]!.id;
    control.invite({ item: renamed, group, role: 'viewer' });
    expect((await scan()).asked).toBeLessThan(most + 2);
    expect(await people(renamed)).toEqual(['viewer']);
    const [one] = control.item({ id: invited })!.collaborations;
    control.removeCollaboration({ id: one!.id });
    await scan();
    expect(await people(invited)).toEqual([]);
  });

  it('asks about everybody where the stream may not be read, or does not say which item it means', async () => {
    const { control } = box.simulator;
    const present = files - 1;
    control.faults({ add: [{ kind: 'status', status: 403, path: '^/2.0/events' }] });
    expect((await scan()).asked).toBe(present);
    control.faults({ clear: true });
    expect((await scan()).asked).toBeLessThan(most);
    control.appendEvents({ events: [{ event_type: 'COLLABORATION_REMOVE', source: null }] });
    expect((await scan()).asked).toBe(present);
  });
});
