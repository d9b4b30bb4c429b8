import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../store/open-store.ts';
import type { PartsSummary } from '../store/positions-interface.ts';
import type { Store } from '../store/store.ts';
import { useDatabase } from '../test/support/use-database.ts';
import { noCounts, type ConnectionState } from '../workflows/messages.ts';
import { timesOf } from './config.ts';
import { outlook } from './outlook.ts';

const { uri, name } = useDatabase();
const times = timesOf();
const hour = 3600_000;
let store: Store;
let close: () => Promise<void>;
let scans = 0;

beforeAll(async () => {
  const opened = await openStore({ uri, database: name, key: randomBytes(32) });
  store = opened;
  close = () => opened.close();
});
afterAll(() => close());

const at = (pages: number, open = 1): PartsSummary => ({
  total: 1,
  done: 0,
  open,
  failed: 0,
  blind: 0,
  skipped: 0,
  trust: 'trusted',
  counts: { ...noCounts, pages },
  estimate: 0,
  sizes: { listing: false, unestimated: 1, openPages: pages, complete: 0, mean: 0, deviation: 0 },
});

const minutesLong = (pages: number, minutes: number): ConnectionState['stages'][string & 'users'] => ({
  phase: 'done',
  parts: { total: 1, done: 1, failed: 0 },
  counts: { ...noCounts, pages },
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: new Date(Date.parse('2026-01-01T00:00:00.000Z') + minutes * 60_000).toISOString(),
});

/** A connection in its second scan, by a clock of the test; the first took 1,000 pages of users. */
async function scanning(scanEveryMs: number, filesMinutes = 0) {
  const _id = `con_${(scans += 1)}`;
  await store.scans.start(_id, 1);
  await store.scans.finish(_id, 1, {
    users: minutesLong(1000, 40),
    ...(filesMinutes && { files: minutesLong(10, filesMinutes) }),
  });
  await store.scans.start(_id, 2);
  const begun = (await store.scans.list(_id, 1))[0]!.startedAt.getTime();
  let now = begun;
  const clocked: Store = { ...store, now: () => new Date(now) };
  return {
    begun,
    /** A chunk of 25 pages ended after so many minutes. */
    chunk: (minutes: number, pages: number, more: { open?: number; waitMs?: number } = {}) => {
      now = begun + minutes * 60_000;
      const { open, waitMs } = more;
      return outlook(
        { store: clocked, times },
        { _id, scanEveryMs },
        { stage: 'users', scan: 2, summary: at(pages, open), waitMs },
      );
    },
    finish: () => store.scans.finish(_id, 2, {}),
    stored: async () => (await store.scans.list(_id, 1))[0]!,
  };
}

describe('after a chunk', () => {
  it('tells when the stage ends as soon as a few chunks tell the pace, and no end before', async () => {
    const scan = await scanning(12 * hour);
    for (const n of [1, 2, 3]) expect(await scan.chunk(n, n * 25)).toEqual({});
    const { eta, notice } = await scan.chunk(4, 100);
    expect(eta).toMatchObject({ at: new Date(scan.begun + 40 * 60_000).toISOString(), basis: 'previous scan' });
    expect(notice).toBeUndefined();
    expect((await scan.chunk(5, 125, { open: 0 })).eta).toBeUndefined();
  });

  it('counts the wait that is due', async () => {
    const scan = await scanning(12 * hour);
    for (const n of [1, 2, 3]) await scan.chunk(n, n * 25);
    const { eta } = await scan.chunk(4, 100, { waitMs: 30 * 60_000 });
    expect(eta?.at).toBe(new Date(scan.begun + 70 * 60_000).toISOString());
  });

  it('says that a scan will not end inside its interval, with the time it will take', async () => {
    const slow = await scanning(30 * 60_000);
    for (const n of [1, 2, 3]) await slow.chunk(n, n * 25);
    const { notice } = await slow.chunk(4, 100);
    expect(notice).toMatchObject({ kind: 'interval-too-short', who: 'operator' });
    expect(notice?.what).toBe('a scan is due every 30 min, this one is expected to take 40 min');
  });

  it('counts what the stages that follow took the last time', async () => {
    const late = await scanning(hour, 30);
    for (const n of [1, 2, 3]) await late.chunk(n, n * 25);
    expect((await late.chunk(4, 100)).notice?.what).toContain('expected to take 70 min');
  });

  it('says that a scan is over its interval where no end can be told', async () => {
    const scan = await scanning(30 * 60_000);
    expect((await scan.chunk(31, 25)).notice?.what).toBe('a scan is due every 30 min, this one has run for 31 min');
  });

  it('keeps the newest samples, of a running scan only', async () => {
    const scan = await scanning(12 * hour);
    for (let n = 1; n <= 45; n++) await scan.chunk(n, n * 10);
    const { pace } = await scan.stored();
    expect(pace?.users).toHaveLength(40);
    expect(pace?.users?.at(-1)?.pages).toBe(450);
    await scan.finish();
    expect(await scan.chunk(46, 460)).toEqual({});
    expect((await scan.stored()).pace).toBeUndefined();
  });
});
