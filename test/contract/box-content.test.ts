import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import type { Content, ContentWish } from '../../connectors/content.ts';
import { Failure } from '../../connectors/kit/failures.ts';
import { closeTransport } from '../../connectors/kit/transport.ts';
import type { FileRecord } from '../../connectors/records.ts';
import { pieces } from '../../simulators/box/content.ts';
import { createOpenGovernor } from '../support/open-governor.ts';
import { startEnterprise, type BoxEnterprise } from './box-enterprise.ts';

const MB = 1024 * 1024;
let enterprise: BoxEnterprise;
beforeAll(async () => {
  enterprise = await startEnterprise();
});
afterAll(async () => {
  await closeTransport();
  await enterprise.close();
});
beforeEach(() => {
  enterprise.simulator.control.faults({ clear: true });
  enterprise.simulator.control.knobs({ notReadyMs: 0 });
  enterprise.simulator.control.resetCounters();
});

let made = 0;
function create(content: { text?: string; size?: number }): string {
  const name = `content ${(made += 1)}.txt`;
  return enterprise.simulator.control.createItem({ type: 'file', name, owner: enterprise.owner, ...content }).id;
}
async function recordOf(id: string): Promise<FileRecord> {
  const ref = { kind: 'files' as const, vendorId: `file:${id}`, part: enterprise.owner };
  const { records } = await box.stages.files!.lookup!(enterprise.open(), [ref]);
  return records[0] as FileRecord;
}
const read = (file: FileRecord, wish: Partial<ContentWish> = {}, session = enterprise.open()): Promise<Content> =>
  box.content!(session, file, { maxBytes: 500 * MB, ...wish });
async function bytesOf({ stream }: Content): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) all.push(piece);
  return Buffer.concat(all);
}
const failureOf = (work: Promise<unknown>): Promise<Failure> =>
  work.then(
    () => expect.fail('expected a failure'),
    (error: unknown) => (error instanceof Failure ? error : expect.fail(String(error))),
  );
const counters = () => enterprise.simulator.control.counters();

describe('content of Box', () => {
  it('tells nobody by mail that it was read, where the enterprise wants that and Box lets the app', async () => {
    const { control } = enterprise.simulator;
    const file = await recordOf(create({ text: 'read without a word' }));
    const noticesOf = async (settings: object) => {
      const before = control.counters().downloads.notices;
      await bytesOf(await read(file, {}, enterprise.open({}, settings)));
      return control.counters().downloads.notices - before;
    };
    expect(await noticesOf({ quietDownloads: true })).toBe(1);
    control.putApp({ quiet: true });
    expect(await noticesOf({ quietDownloads: true })).toBe(0);
    expect(await noticesOf({})).toBe(1);
    control.putApp({ quiet: false });
  });

  it('comes whole, with its version and what Box says it comes to, for one call of the quota', async () => {
    const id = create({ text: 'hello, content' });
    const file = await recordOf(id);
    const governor = createOpenGovernor();
    const content = await read(file, {}, enterprise.open({ governor }));
    expect(String(await bytesOf(content))).toBe('hello, content');
    expect(content).toMatchObject({ version: file.version, start: 0, size: 14 });
    expect(content.digest).toEqual({
      algorithm: 'sha1',
      value: createHash('sha1').update('hello, content').digest('hex'),
    });
    const charged = governor.calls.filter(({ charges }) => charges.length > 0);
    // The token, who the service account is, and the download.
    expect(charged.length).toBe(3);
    expect(governor.calls.every(({ settled }) => settled === 1)).toBe(true);
  });

  it('is asked of the download host without a credential', async () => {
    const file = await recordOf(create({ text: 'x' }));
    await bytesOf(await read(file));
    expect(counters()).toMatchObject({ leakedCredentials: 0, downloads: { files: 1, bytes: 1 } });
  });

  it('goes on with the byte it had when a transfer was cut', async () => {
    const id = create({ size: 3 * MB });
    const file = await recordOf(id);
    enterprise.simulator.control.faults({ add: [{ kind: 'torn', path: '^/d/1/', count: 1 }] });
    const hash = createHash('sha1');
    let came = 0;
    const cut = await read(file);
    const failure = await failureOf(
      (async () => {
        for await (const piece of cut.stream as AsyncIterable<Buffer>) {
          hash.update(piece);
          came += piece.length;
        }
      })(),
    );
    expect(failure.kind).toBe('unavailable');
    expect(came).toBeGreaterThan(0);
    expect(came).toBeLessThan(3 * MB);
    const rest = await read(file, { from: { start: came, version: cut.version } });
    expect(rest).toMatchObject({ start: came, size: 3 * MB, version: cut.version });
    const bytes = await bytesOf(rest);
    expect(bytes.length).toBe(3 * MB - came);
    expect(hash.update(bytes).digest('hex')).toBe(cut.digest!.value);
    // What the host counts is what it meant to send: the whole, then the rest alone.
    expect(counters().downloads.bytes).toBe(3 * MB + bytes.length);
  });

  it('is of the version that the record names, and never a mixture', async () => {
    const id = create({ text: 'first' });
    const before = await recordOf(id);
    enterprise.simulator.control.addVersion({ id, text: 'second' });
    const after = await recordOf(id);
    expect(after.version).not.toBe(before.version);
    expect(String(await bytesOf(await read(before)))).toBe('first');
    expect(String(await bytesOf(await read(after)))).toBe('second');
    const from = { start: 2, version: before.version! };
    expect(await failureOf(read(after, { from }))).toMatchObject({ kind: 'restart' });
    expect(await failureOf(read(after, { from: { start: 99, version: after.version! } }))).toMatchObject({
      kind: 'restart',
    });
  });

  it('ends as invalid once it is longer than the caller takes', async () => {
    const content = await read(await recordOf(create({ size: 3 * MB })), { maxBytes: MB });
    expect(content.size).toBe(3 * MB);
    expect(await failureOf(bytesOf(content))).toMatchObject({ kind: 'invalid' });
  });

  it('is not followed to any other host', async () => {
    const asked: string[] = [];
    const stranger = createServer((request, response) => {
      asked.push(JSON.stringify(request.headers));
      response.end('not from Box');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const to = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const file = await recordOf(create({ text: 'x' }));
    enterprise.simulator.control.faults({ add: [{ kind: 'foreign', to, path: '/content' }] });
    expect(await failureOf(read(file))).toMatchObject({ kind: 'unavailable' });
    expect(asked).toEqual([]);
    await new Promise((resolve) => stranger.close(resolve));
  });

  it('says why there is none: gone, in the trash, locked, not ready', async () => {
    const gone = await recordOf(create({ text: 'x' }));
    expect(await failureOf(read({ ...gone, vendorId: 'file:999999999' }))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(read({ ...gone, version: '1' }))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(read({ ...gone, vendorId: 'folder:1' }))).toMatchObject({ kind: 'invalid' });
    const trashed = create({ text: 'x' });
    const record = await recordOf(trashed);
    enterprise.simulator.control.trash({ id: trashed });
    expect(await failureOf(read(record))).toMatchObject({ kind: 'notFound' });
    enterprise.simulator.control.faults({ add: [{ kind: 'status', status: 403, path: '/content', count: 1 }] });
    expect(await failureOf(read(gone))).toMatchObject({ kind: 'forbidden' });
    enterprise.simulator.control.faults({ add: [{ kind: 'throttle', ms: 7_000, path: '/content', count: 1 }] });
    expect(await failureOf(read(gone))).toMatchObject({ kind: 'throttled', details: { retryAfterMs: 7_000 } });
    enterprise.simulator.control.knobs({ notReadyMs: 60_000 });
    const failure = await failureOf(read(await recordOf(create({ text: 'x' }))));
    expect(failure.kind).toBe('unavailable');
    expect(failure.details.retryAfterMs).toBeGreaterThan(50_000);
  });

  it('gives its permit back when the stream is left, or never read', async () => {
    const file = await recordOf(create({ size: 5 * MB }));
    for (const leave of [
      (content: Content) => content.stream.destroy(),
      async (content: Content) => {
        for await (const piece of content.stream as AsyncIterable<Buffer>) if (piece.length > 0) break;
      },
    ]) {
      const governor = createOpenGovernor();
      const content = await read(file, {}, enterprise.open({ governor }));
      const closed = new Promise((resolve) => content.stream.once('close', resolve));
      await leave(content);
      await closed;
      expect(governor.calls.at(-1)!.settled).toBe(1);
    }
  });

  it('flows: 200 MB come at once without being held', async () => {
    const size = 200 * MB;
    const file = await recordOf(create({ size }));
    const hash = createHash('sha1');
    const content = await read(file);
    const began = performance.now();
    const held = () => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    const before = held();
    let most = 0;
    let came = 0;
    let nextLook = 0;
    for await (const piece of content.stream as AsyncIterable<Buffer>) {
      came += piece.length;
      hash.update(piece);
      if (came < nextLook) continue;
      nextLook = came + 4 * MB;
      most = Math.max(most, held() - before);
    }
    const ms = performance.now() - began;
    expect(came).toBe(size);
    expect(hash.digest('hex')).toBe(content.digest!.value);
    console.log(`200 MB in ${Math.round(ms)} ms, at most ${Math.round(most / MB)} MB more memory`);
    expect(most).toBeLessThan(60 * MB);
  });

  it('the simulator makes the bytes that it says', () => {
    const all = Buffer.concat([...pieces({ seed: 7, size: 200_000 })]);
    const parts = [...pieces({ seed: 7, size: 200_000 }, 0, 70_001), ...pieces({ seed: 7, size: 200_000 }, 70_001)];
    expect(Buffer.concat(parts).equals(all)).toBe(true);
  });
});
