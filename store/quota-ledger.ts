import {
  above,
  both,
  cond,
  least,
  minus,
  most,
  not,
  or0,
  over,
  plus,
  same,
  times,
  type Expression,
  type LedgerEntry,
} from './quota-document.ts';

const parts = 16;

/** The field `recent` with more units, of which the first may be sent at `from`; what is older than a window is dropped. */
export function recorded(units: Expression, from: Expression, at: Expression): Expression {
  const part = { $floor: over(times(from, parts), '$windowMs') };
  const which = (test: Expression): Expression => ({ $filter: { input: or0('$recent', []), as: 'one', cond: test } });
  const kept = which(both(not(same('$$one.part', part)), above('$$one.from', minus(at, times('$windowMs', 1.1)))));
  const mine = which(same('$$one.part', part));
  const of = (field: string): Expression => ({ $map: { input: mine, as: 'one', in: `$$one.${field}` } });
  const merged = {
    part,
    from: least(or0({ $min: of('from') }, from), from),
    units: plus({ $sum: of('units') }, units),
  };
  return { $concatArrays: [kept, [merged]] };
}

/** The same with units that are given back, of the last that were granted. */
export function returned(units: number): Expression {
  const last = { $max: '$recent.part' };
  return cond(
    above({ $size: or0('$recent', []) }, 0),
    {
      $map: {
        input: '$recent',
        as: 'one',
        in: cond(
          same('$$one.part', last),
          { $mergeObjects: ['$$one', { units: most(0, minus('$$one.units', units)) }] },
          '$$one',
        ),
      },
    },
    or0('$recent', '$$REMOVE'),
  );
}

/** What was seen of the ledger. Times by MongoDB's clock. */
export interface Ledger {
  recent: readonly LedgerEntry[];
  windowMs: number;
  /** The first time that was not granted yet. */
  tat: number;
  unitMs: number;
  seenAt: number;
}

/** Others go on meanwhile; beyond so long nobody knows. */
const goesOnMs = 250;

/** Units that all processes together were to send from one time to another. */
export function sentBetween({ recent, windowMs, tat, unitMs, seenAt }: Ledger, from: number, until: number): number {
  const ordered = recent.toSorted((a, b) => a.part - b.part);
  let units = 0;
  ordered.forEach((entry, n) => {
    const next = ordered[n + 1];
    // Evenly until the next part begins; the last until what is not granted yet.
    const end = next?.part === entry.part + 1 ? next.from : next ? ((entry.part + 1) * windowMs) / parts : tat;
    const length = Math.max(1, end - entry.from);
    const inside = Math.min(until, entry.from + length) - Math.max(from, entry.from);
    units += (entry.units * Math.max(0, inside)) / length;
  });
  // Where all is granted as soon as it may be, that goes on.
  const since = Math.max(tat, from);
  if (tat > seenAt) units += Math.max(0, Math.min(until, seenAt + goesOnMs) - since) / unitMs;
  return units;
}
