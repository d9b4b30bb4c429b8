import { expect, it } from 'vitest';
import type { Ref } from '../connectors/pages.ts';
import { file, group, page, part, useOpenPositions } from '../test/support/open-positions.ts';

const at = useOpenPositions();
const { positions } = at;

const drives = Array.from({ length: 1_000 }, (_, n) => `drive-${String(n).padStart(4, '0')}`);
const locked = drives[500]!;
const problem = { kind: 'unavailableSubject', what: `${locked} is locked`, who: 'tenant-admin' as const, since: '' };
const keptOf = (drive: string) => [1, 2, 3, 4].map((n) => file(`${drive}-kept-${n}`));
const lostOf = (drive: string) => file(`${drive}-lost`);
const rule = {
  kinds: ['files' as const],
  suspectShare: 0.3,
  lookup: async (refs: readonly Ref[]) => [{ records: [], removed: refs, observedAt: new Date() }],
};

async function list(con: string, scan: number): Promise<void> {
  await positions.beginStage(con, 'files', scan, { listing: true });
  const listing = (await positions.claim(con, 'sweep', 'files', scan, 'w', 60_000)).lease!;
  const lease = await positions.addParts(
    listing,
    drives.map((id) => part(id)),
    null,
    { feeds: false },
  );
  await positions.complete(lease, rule);
}

/** As the four readers of a connection do it. */
async function scan(con: string, number: number): Promise<void> {
  await list(con, number);
  const reader = async (name: string) => {
    for (;;) {
      const { lease } = await positions.claim(con, 'sweep', 'files', number, name, 60_000);
      if (!lease) return;
      const { id } = lease.position.part;
      if (id === locked) await positions.fail(lease, 'skipped', problem);
      else {
        const read = await positions.commit(lease, group(page(keptOf(id), new Date())));
        expect(await positions.complete(read.lease, rule)).toMatchObject({ suspect: false });
      }
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(reader));
}

it(
  'of a thousand drives one is locked for ever: it keeps what it had, the others lose what is gone, and that is told',
  {
    timeout: 120_000,
  },
  async () => {
    const con = await at.connect();
    await list(con, 1);
    // All that a first scan would have written, at once.
    const first = (await positions.claim(con, 'sweep', 'files', 1, 'w', 60_000)).lease!;
    const pages = drives.map((drive) => ({ ...page([...keptOf(drive), lostOf(drive)]), part: drive }));
    await positions.commit(first, group(...pages));

    await scan(con, 2);
    const files = at.db.collection('files');
    const gone = { connectionId: con, removedAt: { $exists: true } };
    expect(await files.countDocuments({ ...gone, vendorId: /-lost$/ })).toBe(999);
    expect(await files.countDocuments(gone)).toBe(999);
    const there = { connectionId: con, part: locked, removedAt: { $exists: false }, missingSince: { $exists: false } };
    expect(await files.countDocuments(there)).toBe(5);

    const summary = await positions.summary(con, 'sweep', 'files', 2);
    expect(summary).toMatchObject({ total: 1_000, done: 999, open: 0, skipped: 1, trust: 'trusted' });
    expect(summary.counts.removed).toBe(999);
    expect(summary.example).toMatchObject({ part: { id: locked }, failure: problem });
    const { items } = await positions.list(con, { state: 'skipped', limit: 10 });
    expect(items.map(({ part: { id }, failure }) => [id, failure])).toEqual([[locked, problem]]);
  },
);
