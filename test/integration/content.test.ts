import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Document } from 'mongodb';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Control } from '../../simulators/box/control.ts';
import type { Remote } from '../../simulators/kit/control-client.ts';
import { startBoxTenant } from '../support/box-tenant.ts';
import { useInstallation, type Shown } from '../support/installation.ts';

const MB = 1024 * 1024;
const to = useInstallation({ tenant: { users: 5, groups: 1, events: 0 }, env: { CASTELLAN_WATCH_SECONDS: '1-2' } });
let control: Remote<Control>;
let body: object;
let id: string;
let owner: string;

beforeAll(async () => {
  const tenant = await startBoxTenant(to.owner, {
    logFolder: to.logFolder,
    fill: { users: 4, groups: 1, items: 80, events: 0 },
    knobs: { limitFactor: 100 },
  });
  ({ control } = tenant);
  owner = (await control.createUser({ login: 'owner@acme.test', name: 'Owner' } as never)).id;
  body = {
    ...tenant.body,
    settings: { ...tenant.body.settings, callsPerMinute: 100_000 },
    credential: { ...tenant.body.credential, webhookKeys: ['primary-key-1', 'secondary-key-1'] },
    content: 'on',
  };
}, 60_000);

const shown = (so: (content: { waiting?: number; done?: number }) => boolean) =>
  to.until(id, (now) => so((now as Shown & { content: object }).content), 90_000);
const files = () => to.db.collection<Document & { _id: string }>('files');
const row = (file: string) => files().findOne({ _id: `${id}/file:${file}` });
const downloads = async () => (await control.counters()).executed['download'] ?? {};
async function until(file: string, so: (row: Document) => boolean): Promise<Document> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(25)) {
    const found = await row(file);
    if (found && so(found)) return found;
  }
  throw new Error(`it did not come to that: ${JSON.stringify(await row(file))}; ${to.logFolder}`);
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('contents of a Box enterprise', () => {
  it('are all read once after the first scan, without a credential at the download host', async () => {
    ({ id } = await to.connect(body));
    await to.scanned(id);
    await shown(({ waiting, done }) => waiting === 0 && (done ?? 0) > 0);
    const readable = await files()
      .find({
        connectionId: id,
        type: 'file',
        trashed: false,
        version: { $exists: true },
        removedAt: { $exists: false },
      })
      .toArray();
    expect(readable.length).toBeGreaterThan(20);
    expect(readable.filter((file) => !(file['content'] as Document | undefined)?.['sha256'])).toEqual([]);
    const counts = await downloads();
    for (const { vendorId } of readable as unknown as { vendorId: string }[])
      expect(counts[vendorId.split(':')[1]!], vendorId).toBe(1);
    expect((await control.counters()).leakedCredentials).toBe(0);
    const { content } = readable[0] as Document;
    const { items } = await to.api.get<{ items: Document[] }>(
      `/v1/connections/${id}/files?sha256=${content['sha256']}&trueMediaType=${encodeURIComponent(content['mediaType'])}`,
    );
    expect(items.length).toBeGreaterThan(0);
    expect(items[0]!['content']).toMatchObject({ sha256: content['sha256'] });
    expect(Object.keys(items[0]!)).not.toContain('contentWork');
  });

  it('are read again when they change, and those only', async () => {
    const before = await downloads();
    const file = (await control.createItem({ type: 'file', name: 'report.txt', owner, text: '%PDF-1.7' })).id;
    await until(file, ({ content }) => content?.mediaType === 'application/pdf');
    await control.addVersion({ id: file, text: 'changed' });
    await until(file, ({ content }) => content?.sha256 === sha256('changed'));
    expect(await downloads()).toEqual({ ...before, [file]: 2 });
  });

  it('show whom a folder above lets in, and say that they are settling until it has come down to them', async () => {
    const parent = (await control.createItem({ type: 'folder', name: 'above', owner })).id;
    const below = (await control.createItem({ type: 'folder', name: 'below', parent })).id;
    const file = (await control.createItem({ type: 'file', name: 'deep.txt', parent: below, text: 'deep' })).id;
    const path = `/v1/connections/${id}/files/file:${file}`;
    const shows = async (wanted: object) =>
      expect.poll(() => to.api.get<object>(path).catch(() => ({})), { timeout: 60_000 }).toMatchObject(wanted);
    await shows({ sharing: 'private', path: '/above/below/deep.txt' });
    await control.setLink({ id: parent, link: { access: 'open' } });
    await shows({ sharing: 'public', sharedVia: `folder:${parent}` });

    // Somebody who has taken the work stands still: what is not done yet is told.
    const spread = { _id: `${id}/sweep/pending/part/spread` as never };
    const positions = to.db.collection('positions');
    await positions.updateOne(spread, [
      { $set: { holder: 'frozen', leaseUntil: { $add: ['$$NOW', 600_000] }, seq: { $add: ['$seq', 1] } } },
    ]);
    await control.setLink({ id: parent, link: null });
    await shows({ sharing: 'public', settling: true });
    expect(await to.show(id)).toMatchObject({ settling: { folders: 1 } });
    await positions.updateOne(spread, [{ $set: { leaseUntil: '$$NOW' } }]);
    await control.rename({ id: file, name: 'woken.txt' });
    await shows({ sharing: 'private', path: '/above/below/woken.txt' });
    expect(await to.api.get(path)).not.toHaveProperty('settling');

    // The folder takes it into the trash, and out again.
    await control.trash({ id: parent });
    await shows({ removedAt: expect.any(String) as string });
    await control.restore({ id: parent });
    await expect.poll(() => to.api.get<object>(path), { timeout: 60_000 }).not.toHaveProperty('removedAt');
    await shows({ sharing: 'private', path: '/above/below/woken.txt' });
  });

  it('go on where they were when the worker dies in the middle', async () => {
    await control.knobs({ downloadBytesPerSecond: 4 * MB });
    const file = (await control.createItem({ type: 'file', name: 'large.bin', owner, size: 40 * MB })).id;
    await until(file, ({ contentWork }) => contentWork?.progress !== undefined);
    await to.killWorker(to.worker);
    const { received } = (await row(file))!['contentWork'].progress as { received: number };
    await control.knobs({ downloadBytesPerSecond: 0 });
    await control.resetCounters();
    await to.anotherWorker();
    const { content } = await until(file, (now) => now['content'] !== undefined);
    expect(content).toMatchObject({ size: 40 * MB, mediaType: 'text/plain' });
    expect(received).toBeGreaterThan(0);
    const { downloads: done, executed } = await control.counters();
    expect(executed['download']).toEqual({ [file]: 1 });
    expect(done.bytes).toBe(40 * MB - received);
  });
});
