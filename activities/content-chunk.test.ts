import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';
import type { ContentResult } from './results.ts';

const MB = 1024 * 1024;
type Fields = Record<string, unknown>;

const box = useGovernedBox();
let count = 0;

beforeEach(async () => {
  const { control } = box.simulator;
  control.faults({ clear: true });
  control.knobs({ downloadBytesPerSecond: 0, notReadyMs: 0 });
  await box.store.connections.update(box.connectionId, { content: 'on', contentMaxBytes: 50 * MB });
  // From the first on the stream of events is followed.
  await box.watch();
  await box.scan();
  await readAll();
  control.resetCounters();
});

function create(content: { text?: string; size?: number }, name = `file ${(count += 1)}.txt`): string {
  return box.simulator.control.createItem({ type: 'file', name, owner: box.owner, ...content }).id;
}
const chunk = () => box.activities.contentChunk({ connectionId: box.connectionId });
async function readAll(): Promise<ContentResult> {
  for (let chunks = 0; chunks < 50; chunks += 1) {
    const result = await chunk();
    if (!result.more) return result;
    if (result.delay) await delay(Math.min(result.delay.ms, 1_000));
  }
  throw new Error('contents do not come to an end');
}
const row = (id: string) =>
  box.db.collection<Fields & { _id: string }>('files').findOne({ _id: `${box.connectionId}/file:${id}` });
const contentOf = async (id: string) => (await row(id))!['content'] as Fields | undefined;
const set = (id: string, fields: object) =>
  box.db.collection<{ _id: string }>('files').updateOne({ _id: `${box.connectionId}/file:${id}` }, { $set: fields });
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const downloadsOf = (id: string) => box.simulator.control.counters().executed['download']?.[id] ?? 0;
const bytes = () => box.simulator.control.counters().downloads.bytes;
/** Until a transfer of this file is under way and some of it was put aside. */
async function underWay(id: string): Promise<void> {
  for (let n = 0; n < 400; n += 1) {
    if (((await row(id))?.['contentWork'] as Fields | undefined)?.['progress']) return;
    await delay(25);
  }
  throw new Error('no progress was put aside');
}

describe('contents of files', () => {
  it('are read once a version: by the sweep that finds them, and when one changes', async () => {
    const pdf = create({ text: '%PDF-1.7\nnot really' }, 'notes.txt');
    const text = create({ text: 'grüezi' }, 'letter.txt');
    const empty = create({ text: '' }, 'empty.txt');
    const large = create({ size: 3 * MB });
    await box.scan();
    const { counts } = await readAll();
    expect(counts).toMatchObject({ waiting: 0, failed: 0 });
    expect(await contentOf(pdf)).toMatchObject({ mediaType: 'application/pdf', declaredType: 'text/plain' });
    expect(await contentOf(text)).toMatchObject({ sha256: sha256('grüezi'), mediaType: 'text/plain', size: 7 });
    expect(await contentOf(empty)).toMatchObject({ sha256: sha256(''), size: 0 });
    expect((await contentOf(empty))!['mediaType']).toBeUndefined();
    expect(await contentOf(large)).toMatchObject({ size: 3 * MB, mediaType: 'text/plain' });
    await box.scan();
    await readAll();
    expect([pdf, text, empty, large].map(downloadsOf)).toEqual([1, 1, 1, 1]);

    box.simulator.control.addVersion({ id: text, text: 'changed' });
    box.simulator.control.rename({ id: pdf, name: 'renamed.txt' });
    expect((await box.watch()).contentWaiting).toBe(true);
    await readAll();
    expect(await contentOf(text)).toMatchObject({ sha256: sha256('changed'), version: (await row(text))!['version'] });
    expect([pdf, text, empty, large].map(downloadsOf)).toEqual([1, 2, 1, 1]);
    expect(box.simulator.control.counters().leakedCredentials).toBe(0);
    const { items } = await box.store.records.list(box.connectionId, 'files', {
      where: { trueMediaType: 'application/pdf' },
      limit: 10,
    });
    expect(items.map(({ vendorId }) => vendorId)).toEqual([`file:${pdf}`]);
  });

  it('are left alone where nobody asked for them', async () => {
    await box.store.connections.update(box.connectionId, { content: 'off' });
    const id = create({ text: 'x' });
    await box.scan();
    expect((await box.watch()).contentWaiting).toBe(false);
    expect(await chunk()).toMatchObject({ more: false });
    expect(downloadsOf(id)).toBe(0);
    await box.store.connections.update(box.connectionId, { content: 'on' });
    await box.scan();
    await readAll();
    expect(downloadsOf(id)).toBe(1);
  });

  it('that are too large are not asked for, and are once the limit allows it', async () => {
    await box.store.connections.update(box.connectionId, { contentMaxBytes: 1000 });
    const id = create({ size: 1001 });
    await box.scan();
    await readAll();
    expect(await contentOf(id)).toMatchObject({
      skipped: 'tooLarge',
      size: 1001,
      why: expect.stringContaining('1000'),
    });
    expect(downloadsOf(id)).toBe(0);
    await box.store.connections.update(box.connectionId, { contentMaxBytes: 1001 });
    await box.scan();
    await readAll();
    expect(await contentOf(id)).toMatchObject({ size: 1001, sha256: expect.any(String) });
  });
});

describe('a transfer', () => {
  it('that is cut goes on from the byte it had', async () => {
    const id = create({ size: 8 * MB });
    await box.scan();
    box.simulator.control.faults({ add: [{ kind: 'torn', path: '^/d/1/', count: 1 }] });
    await readAll();
    expect(await contentOf(id)).toMatchObject({ size: 8 * MB, sha256: expect.any(String) });
    expect(downloadsOf(id)).toBe(2);
    // Half came before the cut, so about half was asked for after it.
    expect(bytes()).toBeLessThan(13 * MB);
  });

  it('whose worker has to let go is taken up where it was', async () => {
    const id = create({ size: 6 * MB });
    await box.scan();
    box.simulator.control.knobs({ downloadBytesPerSecond: 2 * MB });
    const going = box.cancellable('contentChunk');
    await underWay(id);
    going.cancel();
    await expect(going.done).rejects.toThrow('let go');
    const { received } = ((await row(id))!['contentWork'] as Fields)['progress'] as { received: number };
    expect(received).toBeGreaterThan(0);
    box.simulator.control.knobs({ downloadBytesPerSecond: 0 });
    box.simulator.control.resetCounters();
    await readAll();
    expect(bytes()).toBe(6 * MB - received);
    expect(await contentOf(id)).toMatchObject({ size: 6 * MB });
  });

  it('begins anew when the content changes midway, and only the new one is told', async () => {
    const id = create({ size: 6 * MB });
    await box.scan();
    box.simulator.control.knobs({ downloadBytesPerSecond: 2 * MB });
    const going = chunk();
    await underWay(id);
    box.simulator.control.addVersion({ id, text: 'new' });
    await box.watch();
    box.simulator.control.knobs({ downloadBytesPerSecond: 0 });
    await going;
    await readAll();
    expect(await contentOf(id)).toMatchObject({ sha256: sha256('new'), version: (await row(id))!['version'] });
  });

  it('of bytes that are not what the app says is not believed', async () => {
    const id = create({ text: 'right' });
    await box.scan();
    await set(id, { 'raw.sha1': '0'.repeat(40) });
    const { delay: wait } = await chunk();
    expect(wait).toMatchObject({ reason: 'unavailable' });
    expect((await row(id))!['contentWork']).toEqual({ failures: 1 });
    await set(id, { 'contentWork.failures': 5, contentDue: new Date(0) });
    await chunk();
    expect(await contentOf(id)).toMatchObject({ skipped: 'unavailable', why: expect.stringContaining('sha1') });
    box.simulator.control.trash({ id });
  });
});

describe('what fails', () => {
  it('for good is told in the record, and asked for again by the next scan', async () => {
    const before = (await chunk()).counts.failed;
    const id = create({ text: 'x' });
    await box.scan();
    box.simulator.control.faults({ add: [{ kind: 'status', status: 403, path: '/content', count: 1 }] });
    expect(await readAll()).toMatchObject({ counts: { waiting: 0, failed: before + 1 } });
    expect(await contentOf(id)).toMatchObject({ skipped: 'forbidden', why: expect.stringContaining('403') });
    await box.scan();
    expect(await readAll()).toMatchObject({ counts: { failed: before } });
    expect(await contentOf(id)).toMatchObject({ sha256: sha256('x') });
  });

  it('because the version is gone has the record looked at again', async () => {
    const id = create({ text: 'x' });
    await box.scan();
    await set(id, { version: '1', hash: 'as it was' });
    await chunk();
    expect(await contentOf(id)).toMatchObject({ skipped: 'notFound' });
    await box.watch('pending');
    await readAll();
    expect(await contentOf(id)).toMatchObject({ sha256: sha256('x') });
  });

  it('for a while is tried again, not before the app said', async () => {
    const id = create({ text: 'x' });
    await box.scan();
    box.simulator.control.knobs({ notReadyMs: 30_000 });
    const { delay: wait, more } = await chunk();
    expect(more).toBe(true);
    expect(wait!.ms).toBeGreaterThan(20_000);
    expect(await contentOf(id)).toBeUndefined();
    box.simulator.control.knobs({ notReadyMs: 0 });
    await set(id, { contentDue: new Date(0) });
    await readAll();
    expect(await contentOf(id)).toMatchObject({ sha256: sha256('x') });
  });

  it('by a throttle or a refused credential ends the chunk, and nothing is held against the file', async () => {
    const id = create({ text: 'x' });
    await box.scan();
    box.simulator.control.faults({ add: [{ kind: 'throttle', ms: 9_000, path: '/content', count: 1 }] });
    expect((await chunk()).delay).toMatchObject({ reason: 'throttled', ms: 9_000 });
    box.simulator.control.faults({ clear: true, add: [{ kind: 'status', status: 401, path: '/content' }] });
    expect((await chunk()).unauthorized).toMatchObject({ credentialVersion: 1 });
    expect((await row(id))!['contentWork']).toEqual({ failures: 0 });
    box.simulator.control.faults({ clear: true });
    await readAll();
    expect(await contentOf(id)).toMatchObject({ sha256: sha256('x') });
  });
});
