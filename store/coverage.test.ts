import { describe, expect, it } from 'vitest';
import { activity, group, page, useOpenPositions } from '../test/support/open-positions.ts';
import { holesIn, mergeInterval } from './coverage-intervals.ts';
import { createCoverage } from './coverage.ts';

const at = useOpenPositions();
const interval = (from: number, until: number) => ({ from: new Date(from), until: new Date(until) });

describe('intervals', () => {
  it('become one where they touch or overlap, in whatever order they come', () => {
    const all = [interval(30, 40), interval(0, 10), interval(10, 20), interval(35, 50), interval(2, 5), interval(7, 7)];
    const merged = all.reduce<ReturnType<typeof interval>[]>((sum, one) => mergeInterval(sum, one), []);
    expect(merged).toEqual([interval(0, 20), interval(30, 50)]);
    expect(holesIn(merged)).toEqual([interval(20, 30)]);
    expect(mergeInterval(merged, interval(15, 35))).toEqual([interval(0, 50)]);
    expect(holesIn([])).toEqual([]);
  });
});

describe('what was read of a source', () => {
  it('is stored with its records, or not at all, and shows its holes', async () => {
    const con = await at.connect();
    let lease = await at.take(con, 1, 'w', 'activities');
    const stale = lease;
    const covered = (from: number, until: number) => ({
      ...group(page([activity(`e${from}`)])),
      covered: { ...interval(from, until), latenessMs: 5 },
    });
    ({ lease } = await at.positions.commit(lease, covered(0, 10)));
    await at.positions.commit(lease, covered(50, 60));
    await expect(at.positions.commit(stale, covered(10, 50))).rejects.toThrow('no longer');
    expect(await createCoverage(at.db).get(con)).toEqual([
      {
        _id: `${con}/`,
        connectionId: con,
        part: '',
        latenessMs: 5,
        intervals: [interval(0, 10), interval(50, 60)],
        holes: [interval(10, 50)],
      },
    ]);
  });

  it('grows where nothing was found, and joins what it meets', async () => {
    const con = await at.connect();
    let lease = await at.take(con, 1, 'w', 'activities');
    const steps: [number, number, number[][]][] = [
      [0, 10, [[0, 10]]],
      [0, 30, [[0, 30]]],
      [0, 20, [[0, 30]]],
      [
        50,
        60,
        [
          [0, 30],
          [50, 60],
        ],
      ],
      [
        5,
        40,
        [
          [0, 40],
          [50, 60],
        ],
      ],
      [
        50,
        70,
        [
          [0, 40],
          [50, 70],
        ],
      ],
      [0, 50, [[0, 70]]],
    ];
    for (const [from, until, expected] of steps) {
      const covered = { ...interval(from, until), latenessMs: 5 };
      ({ lease } = await at.positions.commit(lease, { ...group(page([])), covered }));
      const [{ intervals } = { intervals: [] }] = await createCoverage(at.db).get(con);
      expect(intervals).toEqual(expected.map(([a, b]) => interval(a!, b!)));
    }
    expect(lease.position).toMatchObject({ counts: { pages: steps.length } });
  });
});
