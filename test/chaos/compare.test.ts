import { describe, expect, it } from 'vitest';
import { differencesFromUndisturbed, idOf, rowDifferences } from './compare.ts';

const rows = (...list: { vendorId: string; accountId?: string }[]) =>
  list.map((row) => ({ _id: `con/${row.vendorId}`, ...row }));
const present = (hash: string, ...ids: string[]) => ({ files: new Map(ids.map((id) => [id, { vendorId: id, hash }])) });

describe('what is stored against what there is', () => {
  it('tells what is lost, invented and there twice', () => {
    const stored = rows({ vendorId: 'a' }, { vendorId: 'b' }, { vendorId: 'b' });
    expect(rowDifferences('files', stored, idOf, ['a', 'c'])).toEqual([
      'files: lost 1 (c)',
      'files: invented 1 (b)',
      'files: 1 twice',
    ]);
    expect(rowDifferences('files', rows({ vendorId: 'a' }), idOf, ['a'])).toEqual([]);
  });

  it('lets stay what was of somebody deleted, and misses it where it is still there', () => {
    const stored = rows({ vendorId: 'a', accountId: 'gone' }, { vendorId: 'b', accountId: 'here' });
    const gone = new Set(['gone']);
    expect(rowDifferences('memberships', stored, idOf, ['b'], gone)).toEqual([]);
    expect(rowDifferences('memberships', stored, idOf, ['a'], gone)).toEqual(['memberships: invented 1 (b)']);
    expect(rowDifferences('memberships', stored.slice(1), idOf, ['a', 'b'], gone)).toEqual(['memberships: lost 1 (a)']);
  });

  it('compares with an undisturbed run by the hash of every record', () => {
    expect(differencesFromUndisturbed(present('1', 'a'), present('1', 'a'))).toEqual([]);
    expect(differencesFromUndisturbed(present('1', 'a'), present('1', 'a', 'b'))).toEqual([
      'files beside an undisturbed run: lost 1 (b)',
    ]);
    expect(differencesFromUndisturbed(present('1', 'a'), present('2', 'a'))).toEqual([
      expect.stringContaining('files: 1 have another hash, e.g. a'),
    ]);
  });

  it('tells what an undisturbed run does not have: wrongly kept, or made up', () => {
    expect(differencesFromUndisturbed(present('1', 'a', 'b'), present('1', 'a'))).toEqual([
      'files beside an undisturbed run: invented 1 (b)',
    ]);
  });

  it('wants no row of the log that came only since; each one that is there must be of the log, and the same', () => {
    const rows = (...list: [id: string, hash: string][]) => ({
      activities: new Map(list.map(([id, hash]) => [id, { vendorId: id, hash }])),
    });
    expect(differencesFromUndisturbed(rows(['a', '1']), rows(['a', '1'], ['later', '2']))).toEqual([]);
    expect(differencesFromUndisturbed(rows(['a', '1'], ['b', '1']), rows(['a', '1']))).toEqual([
      'activities beside an undisturbed run: invented 1 (b)',
    ]);
    expect(differencesFromUndisturbed(rows(['a', '1']), rows(['a', '2']))).toEqual([
      expect.stringContaining('activities: 1 have another hash'),
    ]);
  });
});
