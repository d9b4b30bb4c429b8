import { describe, expect, it } from 'vitest';
import { seeded } from '../simulators/kit/seeded.ts';
import type { PaceSample, ScanDocument } from '../store/documents.ts';
import type { PartsSummary, PartSizes } from '../store/positions-interface.ts';
import { noCounts, type Counts, type StageState } from '../workflows/messages.ts';
import { etaOf, paceOf, workLeft } from './eta.ts';

const chunkMs = 60_000;
const begin = Date.parse('2026-01-01T00:00:00Z');
const sample = (seconds: number, pages: number, waitMs = 0): PaceSample => ({
  at: new Date(begin + seconds * 1000),
  pages,
  read: pages * 100,
  waitMs,
});
const steady = (samples: number, pagesEach = 25): PaceSample[] =>
  Array.from({ length: samples }, (_, n) => sample(n * 60, n * pagesEach));

function summary(counts: Partial<Counts>, more: Partial<PartsSummary> = {}, sizes: Partial<PartSizes> = {}) {
  const plain = { total: 1, done: 0, open: 1, failed: 0, blind: 0, skipped: 0, trust: 'trusted' as const, estimate: 0 };
  return {
    ...plain,
    ...more,
    counts: { ...noCounts, ...counts },
    sizes: { listing: false, unestimated: 1, openPages: 0, complete: 0, mean: 0, deviation: 0, ...sizes },
  };
}

const scanOf = (number: number, pages: number, added = pages * 100, phase: StageState['phase'] = 'done') =>
  ({
    number,
    stages: { users: { phase, parts: { total: 1, done: 1, failed: 0 }, counts: { ...noCounts, pages, added } } },
  }) as unknown as ScanDocument;

describe('what is left', () => {
  it('is what the scan before took, in pages', () => {
    const left = workLeft(summary({ pages: 300 }), [scanOf(1, 1000)], 'users');
    expect(left).toEqual({ unit: 'pages', left: 700, deviation: 100, basis: 'previous scan' });
  });

  it('is more where the app says that there are more records than the scan before read', () => {
    const now = summary({ pages: 300 }, { estimate: 150_000 }, { unestimated: 0 });
    expect(workLeft(now, [scanOf(1, 1000)], 'users')?.left).toBeCloseTo(1200);
    const fewer = summary({ pages: 300 }, { estimate: 50_000 }, { unestimated: 0 });
    expect(workLeft(fewer, [scanOf(1, 1000)], 'users')?.left).toBeCloseTo(700);
  });

  it('is as uncertain as earlier scans differed from each other', () => {
    const calm = workLeft(
      summary({ pages: 1 }),
      [1000, 1001, 1000, 999].map((n) => scanOf(1, n)),
      'users',
    );
    const wild = workLeft(
      summary({ pages: 1 }),
      [1000, 500, 900, 400].map((n) => scanOf(1, n)),
      'users',
    );
    expect(calm?.deviation).toBe(20);
    expect(wild?.deviation).toBeGreaterThan(500);
  });

  it('leaves out earlier scans that did not read everything, and tells nothing when they were smaller', () => {
    expect(workLeft(summary({ pages: 5 }), [scanOf(2, 10, 0, 'partial'), scanOf(1, 40)], 'users')?.left).toBe(35);
    expect(workLeft(summary({ pages: 50 }), [scanOf(1, 40)], 'users')).toBeUndefined();
  });

  it('is what the app says, once it has said it of every part', () => {
    const known = summary({ added: 400 }, { estimate: 1000 }, { unestimated: 0 });
    expect(workLeft(known, [], 'users')).toEqual({ unit: 'read', left: 600, deviation: 100, basis: 'app' });
    expect(workLeft(summary({ added: 400 }, { estimate: 1000 }), [], 'users')).toBeUndefined();
    const listing = summary({ added: 400 }, { estimate: 1000 }, { unestimated: 0, listing: true });
    expect(workLeft(listing, [], 'users')).toBeUndefined();
  });

  it('is told by the parts read so far, once there are ten', () => {
    const sizes = { complete: 16, mean: 10, deviation: 4, openPages: 40 };
    const left = workLeft(summary({ pages: 200 }, { open: 64 }, sizes), [], 'users')!;
    expect(left).toMatchObject({ unit: 'pages', left: 600, basis: 'parts' });
    expect(left.deviation).toBeCloseTo(4 * Math.sqrt(64 + 64 ** 2 / 16));
    expect(workLeft(summary({}, { open: 64 }, { ...sizes, complete: 9 }), [], 'users')).toBeUndefined();
    expect(workLeft(summary({}, { open: 64 }, { ...sizes, listing: true }), [], 'users')).toBeUndefined();
  });
});

describe('the pace', () => {
  it('is that of the time spent reading: waits count, a pause does not', () => {
    const waits = [sample(0, 0, 300_000), sample(300, 30, 300_000), sample(600, 60, 300_000), sample(900, 90)];
    expect(paceOf(waits, 'pages', chunkMs)?.pace).toBeCloseTo(90 / 900_000);
    const hour = 3600;
    const paused = [
      ...steady(4),
      ...steady(4).map((one) => sample(hour + one.at.getTime() / 1000 - begin / 1000, 75 + one.pages)),
    ];
    expect(paceOf(paused, 'pages', chunkMs)).toMatchObject({ pace: 25 / 60_000, intervals: 6 });
  });

  it('is not told by two intervals, nor where nothing was read', () => {
    expect(paceOf(steady(3), 'pages', chunkMs)).toBeUndefined();
    expect(paceOf(steady(9, 0), 'pages', chunkMs)).toBeUndefined();
  });

  it('takes samples of several readers in the order of their times', () => {
    const [a, b, c, d] = steady(4) as [PaceSample, PaceSample, PaceSample, PaceSample];
    expect(paceOf([b, a, d, c], 'pages', chunkMs)).toEqual(paceOf([a, b, c, d], 'pages', chunkMs));
  });
});

describe('the end', () => {
  const now = new Date(begin + 600_000);
  const work = { unit: 'pages', left: 250, deviation: 25, basis: 'previous scan' } as const;

  it('is what is left at that pace, after the wait that is due', () => {
    const eta = etaOf(now, work, steady(11), { chunkMs, waitMs: 90_000 })!;
    expect(eta.at).toBe('2026-01-01T00:21:30.000Z');
    expect(eta.basis).toBe('previous scan');
    expect(eta.earliest < eta.at && eta.at < eta.latest).toBe(true);
    // A steady pace: the range is that of what is left, 250 ± 1.645 · 25 pages at 25 a minute.
    expect(Date.parse(eta.latest) - Date.parse(eta.at)).toBeCloseTo(1.645 * 60_000, -1);
  });

  it('has a wider range where the pace varies and where few intervals tell', () => {
    const uneven = (n: number) => Array.from({ length: n }, (_, at) => sample(at * 60, at * 25 + (at % 2 ? 5 : 0)));
    const width = (samples: PaceSample[]): number => {
      const { earliest, latest } = etaOf(now, work, samples, { chunkMs, waitMs: 0 })!;
      return Date.parse(latest) - Date.parse(earliest);
    };
    expect(width(uneven(20))).toBeGreaterThan(width(steady(20)));
    expect(width(uneven(5))).toBeGreaterThan(1.5 * width(uneven(20)));
  });

  it('is not told where the pace may as well be three times as much', () => {
    const bursts = [0, 1, 2, 100, 101, 200].map((pages, n) => sample(n * 60, pages));
    expect(etaOf(now, work, bursts, { chunkMs, waitMs: 0 })).toBeUndefined();
    expect(etaOf(now, undefined, steady(9), { chunkMs, waitMs: 0 })).toBeUndefined();
  });

  it('lies in its range in nine of ten cases, also when only a few chunks tell', () => {
    const random = seeded(7);
    const about = (mean: number, spread: number) =>
      mean + spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    for (const chunks of [4, 8, 30]) {
      let inside = 0;
      const tries = 400;
      for (let n = 0; n < tries; n++) {
        const total = about(2000, 200);
        const samples = [sample(0, 0)];
        for (let k = 1; k <= chunks; k++)
          samples.push(sample(k * 60, samples[k - 1]!.pages + Math.max(about(25, 5), 1)));
        const done = samples.at(-1)!;
        const left = { ...work, left: 2000 - done.pages, deviation: 200 };
        let ends = done.at.getTime();
        for (let pages = total - done.pages; pages > 0;) {
          const step = Math.max(about(25, 5), 1);
          ends += 60_000 * Math.min(1, pages / step);
          pages -= step;
        }
        const eta = etaOf(done.at, left, samples, { chunkMs, waitMs: 0 })!;
        if (ends >= Date.parse(eta.earliest) && ends <= Date.parse(eta.latest)) inside += 1;
      }
      expect(inside / tries).toBeGreaterThan(0.87);
    }
  });
});
