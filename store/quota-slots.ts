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
  not,
  now,
  or0,
  over,
  plus,
  same,
  times,
  type Expression,
} from './quota-document.ts';
import type { Urgency } from '../connectors/quota.ts';

/** How long the less urgent step back for one that found no slot, and others for whose turn it is; it asks again sooner. */
const standBackMs = 500;
const askAgainMs = 100;
/** Who has slots or waits for one is known so long; who waits asks again sooner. */
const askerKeptMs = 10_000;

const order: readonly Urgency[] = ['actions', 'watch', 'sweep', 'content'];

interface SlotWant {
  limit: number;
  holder: string;
  urgency: Urgency;
  leaseMs: number;
  connections?: number;
}

const which = (input: Expression, as: string, test: Expression): Expression => ({ $filter: { input, as, cond: test } });
/** Slots of a holder, without those that are kept for actions. */
const heldBy = (holder: Expression): Expression => ({
  $size: which('$slots', 'slot', both(same('$$slot.holder', holder), not(same('$$slot.urgency', 'actions')))),
});

/**
 * Whether somebody else as urgent waits whose turn it is: who holds less for each of its connections, and of those that
 * hold as much the one that was served longer ago.
 */
const anothersTurn = ({ holder, urgency, connections = 1 }: SlotWant): Expression => {
  const theirs = times('$$asker.held', connections);
  const mine = times('$t.held', '$$asker.connections');
  const sooner = either(
    above('$t.servedAt', '$$asker.servedAt'),
    both(same('$t.servedAt', '$$asker.servedAt'), above(holder, '$$asker.id')),
  );
  return above(
    {
      $size: which(
        '$t.others',
        'asker',
        both(
          same('$$asker.urgency', urgency),
          above('$$asker.waitsUntil', '$t.now'),
          either(above(mine, theirs), both(same(mine, theirs), sooner)),
        ),
      ),
    },
    0,
  );
};

/** One atomic step: a slot under a lease, one of them kept for actions (of two or more). */
export function takeSlotPipeline(id: string, want: SlotWant): Document[] {
  const { urgency, holder, connections = 1 } = want;
  const before = order.slice(0, order.indexOf(urgency));
  const blocked = before.length === 0 ? false : either(...before.map((each) => later(`$waiting.${each}`, '$t.now')));
  const asker = {
    ...{ id: holder, connections, urgency, keptUntil: plus('$t.now', askerKeptMs) },
    servedAt: cond('$t.granted', '$t.now', '$t.servedAt'),
    waitsUntil: cond('$t.granted', 0, plus('$t.now', standBackMs)),
  };
  const fair = urgency !== 'actions';
  const me = same('$$asker.id', holder);
  return [
    { $set: { kind: 'concurrent', usedAt: '$$NOW', limit: want.limit, t: { now } } },
    {
      $set: {
        slots: which(or0('$slots', []), 'slot', above('$$slot.until', '$t.now')),
        askers: which(or0('$askers', []), 'asker', above('$$asker.keptUntil', '$t.now')),
        stop: cond(later('$stop.until', '$t.now'), '$stop', '$$REMOVE'),
        't.limit': cond(later('$halvedUntil', '$t.now'), most(1, { $floor: over(want.limit, 2) }), most(1, want.limit)),
      },
    },
    {
      $set: {
        't.stopped': later('$stop.until', '$t.now'),
        't.room': minus('$t.limit', { $size: '$slots' }),
        't.ordinary': { $size: which('$slots', 'slot', not(same('$$slot.urgency', 'actions'))) },
        't.mine': which('$askers', 'asker', me),
        't.others': {
          $map: {
            input: which('$askers', 'asker', not(me)),
            as: 'asker',
            in: { $mergeObjects: ['$$asker', { held: heldBy('$$asker.id') }] },
          },
        },
        't.held': heldBy(holder),
      },
    },
    { $set: { 't.servedAt': or0({ $max: '$t.mine.servedAt' }, '$t.now') } },
    {
      $set: {
        't.free': both(
          { $gte: ['$t.room', 1] },
          fair ? atMost(plus('$t.ordinary', 1), most(1, minus('$t.limit', 1))) : true,
        ),
        't.later': fair ? anothersTurn(want) : false,
      },
    },
    { $set: { 't.granted': both('$t.free', not(blocked), not('$t.later'), not('$t.stopped')) } },
    {
      $set: {
        slots: cond(
          '$t.granted',
          { $concatArrays: ['$slots', [{ id, holder, until: plus('$t.now', want.leaseMs), urgency }]] },
          '$slots',
        ),
        ...(fair ? { askers: { $concatArrays: [which('$askers', 'asker', not(me)), [asker]] } } : {}),
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
              [both('$t.free', '$t.later'), 'others have their turn'],
            ],
            'as many calls as it allows at once are under way',
          ),
        },
      },
    },
    { $unset: 't' },
  ];
}

/** A lease that has expired goes on if nobody asked for a slot since: whoever asks takes out the expired ones. */
export function renewSlotsPipeline(ids: readonly string[], leaseMs: number): Document[] {
  const mine = { $in: ['$$slot.id', [...ids]] };
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
