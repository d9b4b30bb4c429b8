import { describe, expect, it } from 'vitest';
import { historyDifferences } from './longest-run.ts';
import type { RoundResult } from './round.ts';
import { verdictOf, withoutRollover, wordFor } from './verdict.ts';

const kinds = Array.from({ length: 40 }, (_, n) => `kind-${n}`);
const round = (drawn: readonly string[], more: Partial<RoundResult> = {}): RoundResult => ({
  ...{ round: 1, drawn: [...drawn], struck: [...drawn], missed: [], rolledOver: [...drawn], differences: [] },
  ...{ actions: 1, longestRun: 10, seconds: { begin: 1.2, faults: 2.4 } },
  ...more,
});
const verdict = (
  results: readonly RoundResult[],
  whole: boolean,
  of: readonly string[] = kinds,
  rolling: readonly string[] = of,
) =>
  verdictOf({
    ...{ kinds: of, rolling, whole, results, details: {}, logFolder: 'logs', worldSeconds: 10 },
    again: ({ round }) => `again ${round}`,
  });

describe('what a run of chaos is held against', () => {
  it('a run of some rounds: the kinds that it came to', () => {
    expect(verdict([round(kinds.slice(0, 4))], false)).toMatchObject({ figure: 4, limit: 4, holds: true });
    expect(verdict([], false).holds).toBe(false);
  });

  it('a run of all: thirty at least, and every one of them', () => {
    expect(verdict([round(kinds)], true)).toMatchObject({ figure: 40, limit: 30, holds: true });
    expect(verdict([round(kinds.slice(1))], true)).toMatchObject({ figure: 39, holds: false });
    expect(verdict([round(kinds.slice(0, 3))], true, kinds.slice(0, 3))).toMatchObject({ limit: 3, holds: true });
  });

  it('one that found no occasion is named, and is no loss', () => {
    const missed = verdict([round(kinds.slice(0, 2), { struck: ['kind-0'], missed: ['kind-1'] })], false);
    expect(missed).toMatchObject({ figure: 1, limit: 2, holds: false, details: { noOccasion: ['kind-1'] } });
    expect(wordFor(missed)).toBe('NOT TRIED, nothing lost (no occasion for kind-1)');
  });

  it('a run of all: a rollover in the time of each kind that can meet one', () => {
    const but = { rolledOver: kinds.slice(1) };
    const unrolled = verdict([round(kinds, but)], true);
    expect(unrolled).toMatchObject({ holds: false, details: { withoutRollover: ['kind-0'] } });
    expect(wordFor(unrolled)).toBe('NOT TRIED, nothing lost (no rollover with kind-0)');
    expect(verdict([round(kinds, but), round(['kind-0'])], true).holds).toBe(true);
    expect(verdict([round(kinds, but)], true, kinds, kinds.slice(1)).holds).toBe(true);
    expect(verdict([round(kinds, but)], false).holds).toBe(true);
    expect(withoutRollover(['kind-0', 'kind-1'], [{ struck: ['kind-1'], rolledOver: [] }])).toEqual(['kind-1']);
  });

  it('tells the seconds, those of the world among them', () => {
    expect(verdict([round(['kind-0']), round(['kind-1'])], false).details).toMatchObject({
      seconds: 17,
      phases: { world: 10, begin: 2, faults: 5, settle: 0, undisturbed: 0 },
    });
  });

  it('a round that falls short, or was broken off, is told with the command that does it again', () => {
    const lost = round(['kind-0'], { round: 3, differences: ['a record is lost'] });
    const short = verdict([round(['kind-1']), lost], false);
    expect(short).toMatchObject({ figure: 1, holds: false, details: { failed: { round: 3, again: 'again 3' } } });
    expect(wordFor(short)).toBe('FALLS SHORT');
    const off = verdict([round(['kind-0'], { struck: [], differences: ['the round was broken off'] })], false);
    expect([off.figure, wordFor(off)]).toEqual([0, 'FALLS SHORT']);
  });

  it('no history over its limit', () => {
    expect(historyDifferences(4_096)).toEqual([]);
    expect(historyDifferences(4_097)).toEqual(['a run has 4097 events, more than 4096']);
  });
});
