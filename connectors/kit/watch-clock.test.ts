import { describe, expect, it } from 'vitest';
import { watchClock } from './watch-clock.ts';

describe('the clock of an origin', () => {
  it.each([
    ['was as it was taken for', 0, false],
    ['differs by what the second of a header hides', 2_000, false],
    ['turned out to be ahead', 600_000, true],
    ['turned out to be behind', -600_000, true],
  ])('%s', (_, corrected, wasSet) => {
    let ahead = 0;
    const isAnother = watchClock(() => new Date(Date.now() + ahead));
    ahead = corrected;
    expect(isAnother()).toBe(wasSet);
  });
});
