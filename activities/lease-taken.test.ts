import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { box as connector } from '../connectors/box/index.ts';
import type { Stage } from '../connectors/connector.ts';
import type { Page, PageRequest } from '../connectors/pages.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { PositionDocument } from '../store/documents.ts';
import type { Claim } from '../store/positions-interface.ts';
import { file } from '../test/support/open-positions.ts';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();
const length = 4;
const names = Array.from({ length }, (_, at) => `file-${at}`);

let asked: number[];
let later: () => void;
let takeAway: () => Promise<Claim>;
let taken: Claim | undefined;

beforeEach(() => {
  const { now } = performance;
  let ahead = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + ahead);
  // More than a group may wait, less than a lease lasts.
  later = () => (ahead += 1_500);
  asked = [];
  taken = undefined;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await box.db.collection('positions').deleteMany({});
  await box.db.collection('files').deleteMany({});
});

/** The first page is written by itself; while the app works on the third another takes the position. */
async function page({ cursor }: PageRequest): Promise<Page<AnyRecord>> {
  const at = Number(cursor ?? 0);
  asked.push(at);
  if (at === 0) later();
  if (at === 2 && !taken) taken = await takeAway();
  return { records: [file(names[at]!)], next: at + 1 < length ? String(at + 1) : undefined };
}

const position = (lane: PositionDocument['lane']) =>
  box.db.collection<PositionDocument>('positions').findOne({ lane, stage: 'files' });
const stored = () => box.db.collection('files').distinct('vendorId');
const worker = (stage: Stage<AnyRecord>) => box.activitiesOf({ ...connector, stages: { files: stage as never } });
/** Once the first page is stored. */
async function lapse(lane: PositionDocument['lane']): Promise<void> {
  for (; (await position(lane))?.cursor !== '1'; await delay(5));
  await box.db.collection('positions').updateOne({ lane, stage: 'files' }, { $set: { leaseUntil: new Date(0) } });
}

it('a sweep from which another takes the part in the middle writes no more of it, and nothing is counted twice', async () => {
  const { positions } = box.store;
  const { connectionId } = box;
  takeAway = async () => {
    await lapse('sweep');
    return positions.claim(connectionId, 'sweep', 'files', 1, 'another', 60_000);
  };
  const { sweepChunk } = worker({ sweep: (_session, request) => page(request) });
  const chunk = () => sweepChunk({ connectionId, stage: 'files', scan: 1 });
  expect(await chunk()).toMatchObject({ ended: false, held: true, delay: { reason: 'lease' }, counts: { added: 1 } });
  const lease = taken!.lease!;
  expect(await position('sweep')).toEqual(lease.position);
  expect(lease.position).toMatchObject({ cursor: '1', holder: 'another', counts: { added: 1, pages: 1 } });
  expect(await stored()).toEqual(names.slice(0, 1));

  await positions.release(lease);
  const counts = { added: length, changed: 0, unchanged: 0, removed: 0, pages: length };
  expect(await chunk()).toMatchObject({ ended: true, counts, trust: 'trusted' });
  expect(asked.slice(-3)).toEqual([1, 2, 3]);
  expect(await stored()).toEqual(names);
});

it('a watch from which another takes the feed in the middle writes and acknowledges no more of it', async () => {
  const { positions } = box.store;
  const { connectionId } = box;
  takeAway = async () => {
    await lapse('watch');
    const feed = { stage: 'files', partId: '' } as const;
    return positions.claimFeed(connectionId, Number.MAX_SAFE_INTEGER, 'another', 60_000, feed);
  };
  const acknowledged: string[] = [];
  const { watchChunk } = worker({
    async changes(_session, request) {
      if (request.checkpoint === undefined) return { records: [], checkpoint: 'opened' };
      const read = await page(request);
      return { ...read, checkpoint: `after ${read.next ?? 'all'}`, receipt: `receipt ${asked.at(-1)!}` };
    },
    acknowledge: async (_session, receipt) => void acknowledged.push(receipt),
  });
  const watch = (round: number) => watchChunk({ connectionId, round, scope: 'all' });
  await watch(1);
  expect(await watch(2)).toMatchObject({ changes: 1 });
  const lease = taken!.lease!;
  expect(await position('watch')).toEqual(lease.position);
  expect(lease.position).toMatchObject({ checkpoint: 'after 1', scan: 1, holder: 'another', counts: { added: 1 } });
  expect(await stored()).toEqual(names.slice(0, 1));
  expect(acknowledged).toEqual(['receipt 0']);

  await positions.release(lease);
  expect(await watch(3)).toMatchObject({ changes: length - 1 });
  expect(await position('watch')).toMatchObject({
    checkpoint: 'after all',
    scan: 3,
    counts: { added: length, changed: 0, unchanged: 0 },
  });
  expect(asked.slice(-3)).toEqual([1, 2, 3]);
  expect(acknowledged).toEqual(names.map((_, at) => `receipt ${at}`));
  expect(await stored()).toEqual(names);
});
