import { describe, expect, it } from 'vitest';
import { markLoop } from './mark-loop.ts';

type Place = Parameters<typeof markLoop>[1];

/** A list of `tail` pages before a loop. */
const nextOf = (page: number, tail: number, loop: number): number => (page + 1 < tail + loop ? page + 1 : tail);

/** Reads on until the list is found to go round, as if each page were read by another process. */
function readOn(from: Place, at: number, tail: number, loop: number): { pages: number; page: number; place: Place } {
  let place = from;
  let page = at;
  for (let pages = 0; pages < 10_000; pages += 1) {
    const next = nextOf(page, tail, loop);
    const led = markLoop(`p${next}`, place);
    place = JSON.parse(JSON.stringify(led.place)) as Place;
    if (led.looped) return { pages, page, place };
    page = next;
  }
  throw new Error('never found');
}

describe('a list that goes round', () => {
  for (const tail of [1, 2, 3, 10, 100])
    for (const loop of [1, 2, 3, 7, 30, 500])
      it(`is found after ${tail} pages and a loop of ${loop}, and again with each time round`, () => {
        const first = readOn({}, 0, tail, loop);
        expect(first.pages).toBeGreaterThanOrEqual(tail + loop - 1);
        expect(first.pages).toBeLessThanOrEqual(3 * (tail + loop));
        expect(first.place).toMatchObject({ cursor: `p${first.page}`, loopMarker: { loops: 1 } });
        const second = readOn(first.place, first.page, tail, loop);
        expect(second.pages).toBe(loop - 1);
        expect(second.place).toMatchObject({ cursor: `p${second.page}`, loopMarker: { loops: 2 } });
      });

  it('is found at once where a page names itself', () => {
    let place: Place = {};
    for (let page = 1; page <= 100; page += 1) ({ place } = markLoop(`p${page}`, place));
    expect(markLoop('p100', place)).toMatchObject({ looped: true, place: { cursor: 'p100' } });
    expect(markLoop('first', { cursor: 'first' }).looped).toBe(true);
  });

  it('is read on to its end once it has one, from whichever page it was found at', () => {
    let { page, place } = readOn({}, 0, 3, 7);
    for (; page < 100; page += 1) {
      const led = markLoop(`p${page + 1}`, place);
      expect(led.looped).toBe(false);
      ({ place } = led);
    }
    expect(place.loopMarker!.loops).toBe(1);
    expect(markLoop(undefined, place)).toEqual({ looped: false, place: {} });
  });
});

it('a list that ends, and a page that is read again from where it was stored, are no loop', () => {
  let place: Place = {};
  for (let page = 1; page <= 1_000; page += 1) {
    const led = markLoop(`p${page}`, place);
    expect(led.looped).toBe(false);
    expect(markLoop(`p${page}`, place)).toEqual(led);
    ({ place } = led);
  }
});
