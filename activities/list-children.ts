import type { AnyRecord } from '../connectors/records.ts';
import type { Children } from '../connectors/pages.ts';
import { Failure } from '../connectors/kit/failures.ts';
import { inParallel } from '../connectors/kit/in-parallel.ts';
import type { PendingDocument } from '../store/documents.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Dependencies } from './dependencies.ts';
import type { Opened } from './open-session.ts';

const atOnce = 5;

/**
 * One page of what each of these folders holds, from where it was left, written together. A folder among it that was not
 * there before waits to be listed in turn. Returns those that may not be listed, and those that the app failed on.
 */
export async function listChildren(
  { store }: Dependencies,
  { connector, session }: Opened,
  lease: Lease,
  folders: readonly PendingDocument[],
): Promise<{ lease: Lease; refused: PendingDocument[]; failed: { docs: PendingDocument[]; why?: Failure } }> {
  const children = connector.stages.files?.children;
  const read = await inParallel(folders, atOnce, async (folder) => {
    const observedAt = store.now();
    try {
      const { cursor } = folder;
      // An app of which no folder can be listed: a sweep will.
      const page: Children<AnyRecord> = children ? await children(session, folder, cursor) : { records: [], part: '' };
      if (page.next !== undefined && page.next === cursor)
        throw new Failure('unavailable', `folder ${folder.vendorId} repeats a page`, { who: 'vendor' });
      return { folder, observedAt, page };
    } catch (error) {
      if (!Failure.is(error) || Failure.is(error, 'throttled', 'unauthorized')) throw error;
      return { folder, why: error };
    }
  });
  const listed = read.filter((one) => one.page !== undefined);
  const [failed, refused] = [true, false].map((fails) =>
    read.filter(({ why }) => why && Failure.is(why, 'unavailable', 'restart') === fails),
  ) as [typeof read, typeof read];
  const done = await store.positions.commit(lease, {
    pages: listed.map(({ observedAt, page: { records, kept, part } }) => ({
      records,
      kept,
      removed: [],
      observedAt,
      part,
    })),
    touched: [],
    skipped: listed.reduce((sum, { page }) => sum + (page.skipped?.length ?? 0), 0),
    settled: listed.map(({ folder: { _id, stamp }, page: { next } }) => ({ _id, stamp, next })),
  });
  return {
    lease: done.lease,
    refused: refused.map(({ folder }) => folder),
    failed: { docs: failed.map(({ folder }) => folder), why: failed[0]?.why },
  };
}
