import { beforeEach, describe, expect, it } from 'vitest';
import type { FileRecord } from '../connectors/records.ts';
import { file, group, later, page, useOpenPositions } from '../test/support/open-positions.ts';
import type { ReadContent, SkippedContent } from './content-documents.ts';
import { createContents } from './contents.ts';
import type { Lease } from './positions-interface.ts';
import { LeaseLost } from './lease-lost.ts';

const open = useOpenPositions();
const contents = createContents(open.db, { now: () => new Date() });

let id: string;
let scan: number;
let sweeping: Lease;
beforeEach(async () => {
  id = await open.connect();
  scan = 0;
  await turn({ content: 'on' });
});
const turn = (set: object) => open.db.collection<{ _id: string }>('connections').updateOne({ _id: id }, { $set: set });
async function sweep(...files: FileRecord[]): Promise<void> {
  if (scan > 0) await open.positions.release(sweeping);
  sweeping = await open.take(id, (scan += 1), `worker ${scan}`, 'files');
  sweeping = (await open.positions.commit(sweeping, group(page(files)))).lease;
}
async function watch(...files: FileRecord[]): Promise<void> {
  await open.positions.ensureFeed(id, 'pending', { id: '', title: '' });
  const claim = await open.positions.claimFeed(id, 1, 'watcher', 1_000, { stage: 'pending', partId: '' });
  const { lease } = await open.positions.commit(claim.lease!, group(page(files)));
  await open.positions.release(lease);
}
const row = async (vendorId: string) => (await open.row('files', id, vendorId))!;
const versioned = (vendorId: string, version = '1', more: Partial<FileRecord> = {}) =>
  file(vendorId, { version, ...more });
const found = (version = '1'): ReadContent => ({
  version,
  at: new Date(),
  size: 1,
  sha256: 'ab',
  mediaType: 'text/plain',
});
const skipped = (version: string, why: SkippedContent['skipped'], size?: number): SkippedContent => ({
  version,
  at: new Date(),
  skipped: why,
  why: 'because',
  ...(size !== undefined && { size }),
});
async function settle(content: ReadContent | SkippedContent): Promise<string> {
  const lease = (await contents.claim(id, 60_000))!;
  await contents.finish(lease, content);
  return lease.file.vendorId;
}

describe('which contents are to be read', () => {
  it('those of files with a version, once it is switched on, and no others', async () => {
    await turn({ content: 'off' });
    const all = [
      versioned('a'),
      file('link'),
      versioned('folder', '1', { type: 'folder' }),
      versioned('bin', '1', { trashed: true }),
    ];
    await sweep(...all);
    expect(await contents.counts(id)).toEqual({ waiting: 0, done: 0, failed: 0 });
    await turn({ content: 'on' });
    await sweep(...all, versioned('new'));
    expect(await contents.counts(id)).toEqual({ waiting: 2, done: 0, failed: 0 });
    expect(await contents.waiting(id)).toBe(true);
  });

  it('once a version: a rescan and a change of the record keep what was read', async () => {
    await sweep(versioned('a'));
    expect(await settle(found())).toBe('a');
    const { hash } = await row('a');
    await sweep(versioned('a'));
    expect((await row('a'))['hash']).toBe(hash);
    await sweep(versioned('a', '1', { name: 'renamed' }));
    expect(await contents.counts(id)).toEqual({ waiting: 0, done: 1, failed: 0 });
    expect((await row('a'))['content']).toMatchObject({ version: '1', sha256: 'ab' });
    await sweep(versioned('a', '2'));
    expect(await contents.counts(id)).toEqual({ waiting: 1, done: 1, failed: 0 });
    await sweep(versioned('a', '1'));
    expect(await contents.waiting(id)).toBe(false);
  });

  it('what was skipped again with the next scan, but too large a file only when the limit allows it', async () => {
    await sweep(versioned('a'), versioned('b'));
    for (let n = 0; n < 2; n += 1) {
      const lease = (await contents.claim(id, 60_000))!;
      const why = lease.file.vendorId === 'a' ? skipped('1', 'forbidden') : skipped('1', 'tooLarge', 200 * 1024 * 1024);
      await contents.finish(lease, why);
    }
    expect(await contents.counts(id)).toEqual({ waiting: 0, done: 0, failed: 2 });
    await watch(versioned('a'), versioned('b'));
    expect(await contents.waiting(id)).toBe(false);
    await sweep(versioned('a'), versioned('b'));
    expect((await contents.claim(id, 60_000))!.file.vendorId).toBe('a');
    expect(await contents.claim(id, 60_000)).toBeNull();
    await turn({ contentMaxBytes: 300 * 1024 * 1024 });
    await sweep(versioned('a'), versioned('b'));
    expect((await contents.claim(id, 60_000))!.file.vendorId).toBe('b');
  });

  it('what changed while we watch comes before what a sweep found', async () => {
    await sweep(versioned('a'), versioned('b'));
    await watch(versioned('b', '2'), versioned('c'));
    const order = [];
    for (let lease; (lease = await contents.claim(id, 60_000));) order.push(lease.file.vendorId);
    expect(order.at(-1)).toBe('a');
    expect(order.sort()).toEqual(['a', 'b', 'c']);
  });

  it('not of a file that went meanwhile, and again when it is back', async () => {
    await sweep(versioned('a'), versioned('b'));
    sweeping = (await open.positions.commit(sweeping, group(page([], later(), [{ kind: 'files', vendorId: 'a' }]))))
      .lease;
    expect((await contents.claim(id, 60_000))!.file.vendorId).toBe('b');
    expect(await contents.claim(id, 60_000)).toBeNull();
    expect(await contents.counts(id)).toMatchObject({ waiting: 1 });
    await sweep(versioned('a'));
    expect((await contents.claim(id, 60_000))!.file.vendorId).toBe('a');
  });
});

describe('the lease of a content', () => {
  it('is one at a time, ends by itself and hands over how far it came', async () => {
    await sweep(versioned('a'));
    const first = (await contents.claim(id, 50))!;
    await contents.keep(first, 50, { version: 'v', received: 9, state: 's' });
    expect(await contents.claim(id, 50)).toBeNull();
    let second = null;
    for (let n = 0; n < 200 && !second; n += 1) {
      second = await contents.claim(id, 60_000);
      if (!second) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(second).toMatchObject({ progress: { version: 'v', received: 9, state: 's' }, failures: 0 });
    for (const late of [
      () => contents.keep(first, 50, undefined),
      () => contents.release(first, undefined),
      () => contents.finish(first, found()),
    ])
      await expect(late()).rejects.toThrow(LeaseLost);
    await contents.finish(second!, found());
    expect(await row('a')).toMatchObject({ content: { sha256: 'ab' } });
    expect(Object.keys(await row('a'))).not.toContain('contentWork');
  });

  it('is lost when the content changes under it', async () => {
    await sweep(versioned('a'));
    const lease = (await contents.claim(id, 60_000))!;
    await sweep(versioned('a', '1', { name: 'renamed' }));
    await contents.keep(lease, 60_000, { version: '1', received: 5, state: '' });
    await sweep(versioned('a', '2'));
    await expect(contents.finish(lease, found())).rejects.toThrow(LeaseLost);
    const next = (await contents.claim(id, 60_000))!;
    expect(next.file.version).toBe('2');
    expect(next.progress).toBeUndefined();
  });

  it('counts failed tries and waits before the next; what is handed over keeps its place', async () => {
    await sweep(versioned('a'));
    await sweep(versioned('a'), versioned('b'));
    let lease = (await contents.claim(id, 60_000))!;
    await contents.release(lease, { version: '1', received: 7, state: 'x' });
    lease = (await contents.claim(id, 60_000))!;
    expect(lease).toMatchObject({ file: { vendorId: 'a' }, failures: 0, progress: { received: 7 } });
    await contents.release(lease, undefined, { inMs: 90_000 });
    expect((await contents.claim(id, 60_000))!.file.vendorId).toBe('b');
    expect(await contents.nextInMs(id)).toBeGreaterThan(50_000);
    expect(await contents.waiting(id)).toBe(false);
    expect((await row('a'))['contentWork']).toEqual({ failures: 1 });
  });
});
