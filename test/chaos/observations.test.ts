import { describe, expect, it } from 'vitest';
import { olderOverNewer, wasTakenForGone, type Entry } from './observations.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const insert = (id: string, second: number, ns = 'c.files'): Entry => ({
  ...{ op: 'i', ns },
  o: { _id: id, observedAt: at(second) },
});
const update = (id: string, u: object, ns = 'c.files'): Entry => ({
  ...{ op: 'u', ns, o: { diff: { u } } },
  o2: { _id: id },
});
const together = (...applyOps: Entry[]): Entry => ({ op: 'c', ns: 'admin.$cmd', o: { applyOps } });

describe('the account of what was committed', () => {
  it('tells of an older observation over a newer one, in a transaction or not', () => {
    expect(olderOverNewer([insert('a', 1), update('a', { observedAt: at(2) })])).toEqual([]);
    const wrong = ['an older observation replaced a newer one of 1 (files a)'];
    expect(olderOverNewer([insert('a', 2), update('a', { observedAt: at(1) })])).toEqual(wrong);
    expect(olderOverNewer([together(insert('a', 2)), together(update('a', { observedAt: at(1) }))])).toEqual(wrong);
  });

  it('takes for another what was deleted between, and looks at records alone', () => {
    const deleted: Entry = { op: 'd', ns: 'c.files', o: { _id: 'a' } };
    expect(olderOverNewer([insert('a', 2), deleted, insert('a', 1)])).toEqual([]);
    expect(olderOverNewer([insert('a', 2, 'c.positions'), insert('a', 1, 'c.positions')])).toEqual([]);
    expect(olderOverNewer([insert('a', 2, 'c.activities'), insert('a', 1, 'c.activities')])).toEqual([]);
  });

  it('tells whether a record was ever taken for gone, though it came back', () => {
    const gone = update('a', { removedAt: at(3) });
    const back: Entry = { op: 'u', ns: 'c.files', o: { diff: { d: { removedAt: false } } }, o2: { _id: 'a' } };
    expect(wasTakenForGone([insert('a', 1), together(gone), back], 'files', 'a')).toBe(true);
    expect(wasTakenForGone([gone], 'files', 'b')).toBe(false);
    expect(wasTakenForGone([gone], 'groups', 'a')).toBe(false);
    expect(wasTakenForGone([insert('a', 1), back], 'files', 'a')).toBe(false);
  });
});
