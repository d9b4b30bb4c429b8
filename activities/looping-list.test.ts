import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { box as connector } from '../connectors/box/index.ts';
import type { Connector } from '../connectors/connector.ts';
import type { Page, PageRequest } from '../connectors/pages.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { PositionDocument } from '../store/documents.ts';
import { file, part } from '../test/support/open-positions.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
const pagesAChunk = 2;
const loopBegins = 2;
const loopEnds = 6;
const length = 8;

let asked: number[] = [];
let loops = false;
let scans = 0;
let round = 0;

/** Where page `n` says that the list goes on. A chunk's time is over after a few pages. */
function turn({ cursor }: PageRequest): { at: number; next: string | undefined } {
  const at = Number(cursor ?? 0);
  asked.push(at);
  if (asked.length % pagesAChunk === 0) later();
  if (loops && at === loopEnds) return { at, next: String(loopBegins) };
  return { at, next: at + 1 < length ? String(at + 1) : undefined };
}

const files = (request: PageRequest): Page<AnyRecord> => {
  const { at, next } = turn(request);
  return { records: [file(`file-${at}`)], next };
};
const positions = () => box.db.collection<PositionDocument>('positions');
const stored = () => box.db.collection('files').distinct('vendorId', { removedAt: { $exists: false } });
const all = Array.from({ length }, (_, at) => `file-${at}`).toSorted();

let later: () => void;
beforeEach(() => {
  const { now } = performance;
  let ahead = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + ahead);
  later = () => (ahead += 60_000);
  asked = [];
  loops = false;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await positions().deleteMany({});
  await box.db.collection('files').deleteMany({});
});

/** What is tried again is due at once. */
const due = (state: PositionDocument['state'] = 'open') =>
  positions().updateMany({ state, notBefore: { $ne: null } }, { $set: { notBefore: new Date(0) } });

function worker(stage: Connector['stages']['files']) {
  const { sweepChunk, watchChunk } = box.activitiesOf({ ...connector, stages: { files: stage! } });
  const { connectionId } = box;
  return {
    /** Until nothing is left to be read, with or without an outcome. */
    async scan() {
      const scan = (scans += 1);
      for (let chunks = 0; ; chunks += 1) {
        if (chunks > 60) throw new Error('it goes round for ever');
        const result = await sweepChunk({ connectionId, stage: 'files', scan });
        if (result.ended) return { result, chunks };
        await due();
      }
    },
    async again() {
      await due('failed');
      return sweepChunk({ connectionId, stage: 'files', scan: scans });
    },
    watch: () => watchChunk({ connectionId, round: (round += 1), scope: 'all' }),
  };
}

describe('a list that goes round over more pages than a chunk reads', () => {
  it('fails as a part, which is told, takes nothing away, and is read on once it leads to its end', async () => {
    const { scan, again } = worker({ sweep: async (_session, request) => files(request) });
    await scan();
    expect(await stored()).toEqual(all);

    loops = true;
    asked = [];
    const { result, chunks } = await scan();
    expect(chunks).toBeGreaterThan(3);
    expect(result).toMatchObject({ parts: { total: 1, done: 0, failed: 1 }, retryInMs: expect.any(Number) });
    expect(result.problem).toMatchObject({ kind: 'unavailable', who: 'vendor' });
    expect(result.problem!.what).toContain('repeats a page');
    expect(asked.length).toBeLessThan(60);
    expect(await stored()).toEqual(all);

    expect((await again()).parts).toMatchObject({ open: 1 });
    loops = false;
    let after = await again();
    // At most once more: where it had been round by when the app was mended.
    for (let tries = 0; after.parts.done === 0 && tries < 10; tries += 1) after = await again();
    expect(after).toMatchObject({ parts: { total: 1, done: 1, failed: 0 }, trust: 'trusted' });
    expect(after.problem).toBeUndefined();
    expect(await positions().findOne({ lane: 'sweep' })).not.toHaveProperty('loopMarker');
    expect(await box.db.collection('files').countDocuments({ missingSince: { $exists: true } })).toBe(0);
  });

  it('as a list of parts fails too, and no part is taken for gone', async () => {
    const { scan } = worker({
      parts: async (_session, request) => {
        const { at, next } = turn(request);
        return { records: [part(`drive-${at}`)], next };
      },
      sweep: async (_session, request) => ({ records: [file(request.part.id.replace('drive', 'file'))] }),
    });
    await scan();
    expect(await stored()).toEqual(all);
    loops = true;
    const { result } = await scan();
    expect(result).toMatchObject({ parts: { failed: 1, done: loopEnds + 1 }, problem: { kind: 'unavailable' } });
    expect(await stored()).toEqual(all);
    expect(await box.db.collection('files').countDocuments({ missingSince: { $exists: true } })).toBe(0);
  });

  it('as a feed fails where it stands, ever longer, and is followed on once it leads to its end', async () => {
    const { watch } = worker({
      changes: async (_session, request) => {
        if (request.checkpoint === undefined) return { records: [], checkpoint: 'begin' };
        return { ...files(request), checkpoint: `seen ${request.cursor ?? 0}` };
      },
    });
    const feed = async () => (await positions().findOne({ lane: 'watch', stage: 'files' }))!;
    const told = async () => (await feed()).failures;
    await watch();
    loops = true;
    asked = [];
    for (let rounds = 0; (await told()) < 6; rounds += 1) {
      if (rounds > 60) throw new Error('it goes round for ever');
      await due();
      await watch();
    }
    expect(asked.length).toBeLessThan(60);
    expect((await feed()).failure).toMatchObject({ kind: 'unavailable', who: 'vendor' });
    expect((await feed()).checkpoint).toMatch(/^seen \d+$/);

    loops = false;
    for (let rounds = 0; (await feed()).cursor !== undefined; rounds += 1) {
      if (rounds > 20) throw new Error('it does not come to its end');
      await due();
      await watch();
    }
    expect(await feed()).toMatchObject({ checkpoint: `seen ${length - 1}`, failures: 0 });
    expect(await feed()).not.toHaveProperty('loopMarker');
    expect(await stored()).toEqual(all);
  });
});
