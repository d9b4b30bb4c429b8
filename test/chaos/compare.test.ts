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
});
