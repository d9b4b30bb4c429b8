import type { Document } from 'mongodb';
import {
  above,
  atMost,
  both,
  cases,
  cond,
  either,
  later,
  least,
  minus,
  most,
  now,
  or0,
  over,
  plus,
  same,
} from './quota-document.ts';
import type { Urgency } from '../connectors/quota.ts';

/** How long the less urgent step back for one that found no slot; it asks again sooner. */
const standBackMs = 500;
const askAgainMs = 200;

const order: readonly Urgency[] = ['actions', 'watch', 'sweep', 'content'];

/** One atomic step: a slot under a lease, one of them kept for actions (of two or more). */
export function takeSlotPipeline(id: string, want: { limit: number; urgency: Urgency; leaseMs: number }): Document[] {
  const { urgency } = want;
  const before = order.slice(0, order.indexOf(urgency));
  const blocked = before.length === 0 ? false : either(...before.map((each) => later(`$waiting.${each}`, '$t.now')));
  return [
    { $set: { kind: 'concurrent', usedAt: '$$NOW', limit: want.limit, t: { now } } },
    {
      $set: {
        slots: { $filter: { input: or0('$slots', []), as: 'slot', cond: above('$$slot.until', '$t.now') } },
        stop: cond(later('$stop.until', '$t.now'), '$stop', '$$REMOVE'),
        't.limit': cond(later('$halvedUntil', '$t.now'), most(1, { $floor: over(want.limit, 2) }), most(1, want.limit)),
      },
    },
    {
      $set: {
        't.stopped': later('$stop.until', '$t.now'),
        't.free': atMost(
          plus({ $size: '$slots' }, 1),
          urgency === 'actions' ? '$t.limit' : most(1, minus('$t.limit', 1)),
        ),
      },
    },
    { $set: { 't.granted': both('$t.free', { $not: [blocked] }, { $not: ['$t.stopped'] }) } },
    {
      $set: {
        slots: cond(
          '$t.granted',
          { $concatArrays: ['$slots', [{ id, until: plus('$t.now', want.leaseMs), urgency }]] },
          '$slots',
        ),
        ...(urgency === 'content'
          ? {}
          : { [`waiting.${urgency}`]: cond('$t.granted', 0, plus('$t.now', standBackMs)) }),
        outcome: {
          id,
          at: '$t.now',
          granted: cond('$t.granted', 1, 0),
          inMs: cases(
            [['$t.stopped', minus('$stop.until', '$t.now')]],
            most(1, least(askAgainMs, minus(or0({ $min: '$slots.until' }, plus('$t.now', askAgainMs)), '$t.now'))),
          ),
          why: cases(
            [
              ['$t.stopped', 'the app asked for fewer calls at once'],
              [both('$t.free', blocked), 'something more urgent goes first'],
            ],
            'as many calls as it allows at once are under way',
          ),
        },
      },
    },
    { $unset: 't' },
  ];
}

/** A lease that has expired is not revived: its place may be taken. */
export function renewSlotsPipeline(ids: readonly string[], leaseMs: number): Document[] {
  const mine = both({ $in: ['$$slot.id', [...ids]] }, above('$$slot.until', now));
  return [
    {
      $set: {
        usedAt: '$$NOW',
        slots: {
          $map: {
            input: or0('$slots', []),
            as: 'slot',
            in: cond(mine, { $mergeObjects: ['$$slot', { until: plus(now, leaseMs) }] }, '$$slot'),
          },
        },
      },
    },
  ];
}

export function giveBackSlotPipeline(id: string): Document[] {
  return [
    {
      $set: {
        slots: {
          $filter: { input: or0('$slots', []), as: 'slot', cond: { $not: [same('$$slot.id', id)] } },
        },
      },
    },
  ];
}
