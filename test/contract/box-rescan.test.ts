import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Recalled } from '../../connectors/connector.ts';
import type { Page } from '../../connectors/pages.ts';
import type { AnyRecord, FileRecord } from '../../connectors/records.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

const halfADay = 43_200_000;
const slots = 13;
let enterprise: BoxEnterprise;
let part: string;
/** As a store would have it after the first sweep. */
let stored: ReadonlyMap<string, Recalled>;
/** Accounts and groups, which a scan reads before. */
let others: { accounts: Set<string>; groups: Set<string> };
/** How many items may have collaborations. */
let shared: number;

beforeAll(async () => {
  enterprise = await startEnterprise({
    fill: {
      users: 2,
      coadmins: 0,
      externals: 3,
      groups: 2,
      items: 400,
      sharedFolders: 0.4,
      sharedFiles: 0.2,
      events: 0,
    },
  });
  const { users, items } = enterprise.simulator.control.truth({ only: ['users', 'items'] });
  const owned = (user: unknown) => items!.filter(({ owner }) => owner === user).length;
  const managed = users!.filter(({ kind }) => kind === 'managed').map(({ id }) => String(id));
  part = managed.toSorted((one, other) => owned(other) - owned(one))[0]!;
  const { groups } = enterprise.simulator.control.truth({ only: ['groups'] });
  others = { accounts: new Set(managed), groups: new Set(groups!.map(({ id }) => String(id))) };
  const { records } = await sweep(new Map());
  shared = asked();
  expect(shared).toBeGreaterThan(50);
  const observedAt = new Date();
  stored = new Map(records.map((record) => [record.vendorId, { record, part, observedAt, hash: record.vendorId }]));
}, 30_000);
afterAll(() => enterprise.close());
beforeEach(() => {
  enterprise.simulator.control.knobs({ clockSkewMs: 0 });
  enterprise.simulator.control.resetCounters();
});

const asked = () => {
  const { calls } = enterprise.simulator.control.counters();
  return ['file', 'folder'].reduce((sum, type) => sum + (calls[`GET /${type}s/{${type}_id}/collaborations`] ?? 0), 0);
};

async function sweep(known: ReadonlyMap<string, Recalled>) {
  const session = enterprise.open({
    recall: async (kind, wanted) => {
      if (kind === 'files') return new Map([...known].filter(([id]) => wanted.includes(id)));
      const there = others[kind as 'accounts' | 'groups'];
      return new Map(wanted.flatMap((id) => (there.has(id) ? [[id, {} as Recalled]] : [])));
    },
  });
  const read: Page<AnyRecord>[] = [];
  let cursor: string | undefined;
  do {
    read.push(await box.stages.files!.sweep!(session, { part: { id: part, title: '' }, cursor }));
    cursor = read.at(-1)!.next;
  } while (cursor !== undefined);
  return {
    records: read.flatMap(({ records }) => records) as FileRecord[],
    kept: read.flatMap(({ kept = [] }) => kept),
  };
}
/** Seen lately, by the vendor's clock. */
const seenAt = (skew: number, change: (record: FileRecord) => Partial<FileRecord> = () => ({})) =>
  new Map(
    [...stored].map(([id, one]) => {
      const record = { ...one.record, ...change(one.record as FileRecord) } as FileRecord;
      return [id, { ...one, record, observedAt: new Date(Date.now() + skew) }];
    }),
  );

it('says of each item either what it is, or that it stands', async () => {
  const { records, kept } = await sweep(stored);
  expect(kept.length + asked()).toBe(shared);
  expect(kept.length).toBeGreaterThan(shared * 0.8);
  expect(kept.every(({ hash, vendorId }) => hash === vendorId)).toBe(true);
  expect(new Set([...records, ...kept].map(({ vendorId }) => vendorId))).toEqual(new Set(stored.keys()));
});

it('asks about each item once in a week or less of scans', { timeout: 30_000 }, async () => {
  const turns: number[] = [];
  const resting = new Map<string, number>();
  for (let slot = 0; slot < slots; slot += 1) {
    enterprise.simulator.control.knobs({ clockSkewMs: slot * halfADay });
    enterprise.simulator.control.resetCounters();
    // Of shares that end by themselves Box is asked when they do.
    const { kept } = await sweep(seenAt(slot * halfADay, ({ shares }) => ({ shares: shares.map(withoutEnd) })));
    turns.push(shared - kept.length);
    for (const { vendorId } of kept) resting.set(vendorId, (resting.get(vendorId) ?? 0) + 1);
  }
  expect([...resting.values()].filter((times) => times >= slots)).toEqual([]);
  expect(Math.max(...turns)).toBeLessThan(shared / 3);
});
const withoutEnd = <S extends { expiresAt?: Date | undefined }>(share: S): S => ({ ...share, expiresAt: undefined });

it.each<[string, () => ReadonlyMap<string, Recalled>]>([
  ['were not seen for nearly two weeks', () => seenAt(-13.1 * 2 * halfADay)],
  ['were last seen elsewhere', () => new Map([...stored].map(([id, one]) => [id, { ...one, part: 'another' }]))],
  ['lay elsewhere', () => seenAt(0, ({ path }) => ({ path: `/elsewhere${path}` }))],
  ['looked otherwise', () => seenAt(0, ({ raw }) => ({ raw: { ...(raw as object), name: 'before' } }))],
  ['had somebody whose time is over', () => seenAt(0, () => ({ shares: [{ ...someone, expiresAt: new Date(0) }] }))],
  ['had an insider who is none', () => seenAt(0, () => ({ shares: [{ ...someone, to: '999', sharing: 'internal' }] }))],
  [
    'are shared with a group that is gone',
    () => seenAt(0, () => ({ shares: [{ ...someone, type: 'group', to: '2599999999', sharing: 'internal' }] })),
  ],
])('asks about all that %s', async (_, known) => {
  const { kept } = await sweep(known());
  expect([kept, asked()]).toEqual([[], shared]);
});
const someone = { type: 'user', to: 'guest@partner.test', role: 'viewer', sharing: 'external', evidence: '' } as const;

it('asks about a folder whose permissions were changed, as the stream tells since', async () => {
  const known = seenAt(0);
  const before = (await sweep(known)).kept.map(({ vendorId }) => vendorId);
  const changed = before.find((id) => id.startsWith('folder:'))!;
  const source = { item_type: 'folder', item_id: changed.split(':')[1], item_name: 'changed' };
  enterprise.simulator.control.appendEvents({ events: [{ event_type: 'CHANGE_FOLDER_PERMISSION', source }] });
  const after = (await sweep(known)).kept.map(({ vendorId }) => vendorId);
  expect(after).toEqual(before.filter((id) => id !== changed));
});

it('reads past pages of the stream that have nothing of it: what changed after them does not stand', async () => {
  const { control } = enterprise.simulator;
  const before = await sweep(seenAt(0));
  const { vendorId } = before.kept.find(({ vendorId: id }) => id.startsWith('folder:'))!;
  control.appendEvents({ events: Array.from({ length: 1500 }, () => ({ event_type: 'LOGIN' })) });
  control.invite({ item: vendorId.split(':')[1]!, email: 'late@partner.test', role: 'editor' });
  const { records, kept } = await sweep(seenAt(0));
  expect(kept.map(({ vendorId: id }) => id)).not.toContain(vendorId);
  const { shares } = records.find(({ vendorId: id }) => id === vendorId)!;
  expect(shares.map(({ to }) => to)).toContain('late@partner.test');
});
