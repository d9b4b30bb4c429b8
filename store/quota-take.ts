import type { Document } from 'mongodb';
import {
  above,
  atMost,
  both,
  cases,
  cond,
  least,
  later,
  minus,
  most,
  not,
  now,
  or0,
  plus,
  same,
  stopAfterGrant,
  stopState,
  stopWait,
  times,
  over,
  type Expression,
  type QuotaTimes,
} from './quota-document.ts';
import { returned } from './quota-ledger.ts';
import type { QuotaWant } from './quotas-interface.ts';

/** What a rate and a budget do each in its own way; said in terms of `t`, which is gone when the step is done. */
export interface TakeRules {
  /** Sets `tat`, not before `t.now`, and `unitMs`. */
  prepare: readonly Document[];
  /** Nothing is left, whoever asks. */
  spent: { when: Expression; inMs: Expression; why: string };
  /** Whether an action goes now, out of what is kept for actions. */
  atOnce: Expression;
  /** The most calls of one grant. */
  mostCalls: Expression;
  /** What else changes with `t.granted` and `t.way`. */
  counted: Document;
  slackMs: Expression;
  /** Why others wait. */
  paced: Expression;
}

/** Later than that a call would come too late for its time. */
const leastAheadMs = 20;

/** How far ahead of now a request may book: who is more urgent books further, and so is served first. */
function horizon(want: QuotaWant): Expression {
  const grantMs = '$t.grantMs';
  if (want.urgency === 'actions') return want.withinMs ?? 20_000;
  // One who had more than its turn lets the others book first, and still comes before a call is due.
  const own = cond('$t.early', most(over(grantMs, 5), leastAheadMs), grantMs);
  // What is left over: nobody has booked a call that is still to come.
  if (want.urgency === 'content') return 0;
  return want.urgency === 'watch' ? plus(own, grantMs) : own;
}

/** An askers' turn is kept so long after it came, and what it was told to wait. */
const turnKeptMs = 1_000;

/**
 * Turns of those who share the bucket, by start-time fair queueing: each one's calls, divided by how many connections
 * it asks for, are its virtual time; whoever is behind goes first, and who stayed away gains no credit.
 */
function turnsOf(want: QuotaWant): { before: Document[]; after: Document } {
  const { sharer } = want;
  if (!sharer || want.urgency === 'actions') return { before: [{ $set: { 't.early': false } }], after: {} };
  const which = (test: Expression): Expression => ({ $filter: { input: or0('$turns', []), as: 'turn', cond: test } });
  const mine = same('$$turn.id', sharer.id);
  const finish = plus(
    '$t.start',
    cond(same('$t.way', 'next'), over(times('$t.granted', want.cost), Math.max(1, sharer.connections)), 0),
  );
  return {
    before: [
      {
        $set: {
          't.others': which(both(above('$$turn.until', '$t.now'), not(mine))),
          't.mine': which(mine),
        },
      },
      { $set: { turn: cond(same('$t.others', []), 0, or0('$turn', 0)) } },
      { $set: { 't.start': cond(same('$t.others', []), 0, most(or0({ $max: '$t.mine.finish' }, 0), '$turn')) } },
      {
        $set: { 't.early': both(above('$t.start', '$turn'), above('$t.start', { $min: '$t.others.finish' })) },
      },
    ],
    after: {
      turn: cond(same('$t.way', 'next'), '$t.start', '$turn'),
      turns: {
        $concatArrays: [
          '$t.others',
          [{ id: sharer.id, finish, until: plus('$t.now', most('$t.ahead', 0), turnKeptMs) }],
        ],
      },
    },
  };
}

/** One atomic step of a bucket: grants calls, or says how long to wait and why. What it decided is in `outcome`. */
export function takePipeline(id: string, want: QuotaWant, limits: QuotaTimes, rules: TakeRules): Document[] {
  const { kind, limit, windowMs, share, cost } = want;
  const wanted = want.urgency === 'actions' ? 1 : Math.max(1, Math.floor(want.calls ?? 1));
  // Whoever is more urgent and comes next finds little booked ahead of it.
  const bookedMs = want.urgency === 'content' ? over('$t.grantMs', 5) : '$t.grantMs';
  const way = (name: string) => same('$t.way', name);
  const turns = turnsOf(want);
  return [
    { $set: { kind, usedAt: '$$NOW', limit, windowMs, share, t: { now } } },
    { $set: { 't.stop': stopState } },
    ...rules.prepare,
    { $set: { 't.everyMs': times('$unitMs', cost), 't.ahead': minus('$tat', '$t.now') } },
    ...turns.before,
    { $set: { 't.grantMs': cond(later('$tightUntil', '$t.now'), limits.tightGrantMs, limits.grantMs) } },
    { $set: { 't.horizon': horizon(want), 't.probes': same('$t.stop', 'mayProbe') } },
    {
      $set: {
        't.way': cases(
          [
            ['$t.probes', 'probe'],
            [not(same('$t.stop', 'open')), 'stop'],
            [rules.spent.when, 'spent'],
            [both(want.urgency === 'actions', rules.atOnce), 'atOnce'],
            [atMost('$t.ahead', '$t.horizon'), 'next'],
          ],
          'wait',
        ),
      },
    },
    {
      $set: {
        't.granted': cases(
          [
            [{ $in: ['$t.way', ['probe', 'atOnce']] }, 1],
            [way('next'), least(wanted, most(1, { $floor: over(bookedMs, '$t.everyMs') }), most(1, rules.mostCalls))],
          ],
          0,
        ),
      },
    },
    {
      $set: {
        ...rules.counted,
        ...turns.after,
        tat: cases(
          [
            [way('probe'), plus('$t.now', '$t.everyMs')],
            [way('next'), plus('$tat', times('$t.granted', '$t.everyMs'))],
          ],
          '$tat',
        ),
        stop: stopAfterGrant(id, limits.probeMs),
        outcome: {
          id,
          at: '$t.now',
          granted: '$t.granted',
          startAt: cond(way('next'), '$tat', '$t.now'),
          everyMs: '$t.everyMs',
          slackMs: rules.slackMs,
          probe: cond('$t.probes', id, null),
          reserve: way('atOnce'),
          inMs: cases(
            [
              [way('stop'), stopWait],
              [way('spent'), rules.spent.inMs],
              [way('wait'), minus('$t.ahead', '$t.horizon')],
            ],
            0,
          ),
          why: cases(
            [
              [same('$t.stop', 'stopped'), 'the app asked us to wait'],
              [same('$t.stop', 'probing'), 'one call tries whether the app answers again'],
              [way('spent'), rules.spent.why],
            ],
            rules.paced,
          ),
        },
      },
    },
    { $unset: 't' },
  ];
}

/**
 * Only what is ahead of now can be given back: time that passed unused is gone. What an action took at once never
 * moved the pace of the others.
 */
export function giveBackPipeline(units: number, grant: { probe?: string; reserve?: boolean }): Document[] {
  const earlier = (tat: string, unitMs: string) =>
    most(minus(or0(tat, now), times(units, or0(unitMs, 0))), least(or0(tat, now), now));
  const less = (field: string) => cond(later(field, 0), most(0, minus(field, units)), or0(field, '$$REMOVE'));
  return [
    {
      $set: {
        ...(grant.reserve
          ? { reserveTat: cond(later('$reserveTat', 0), earlier('$reserveTat', '$reserveUnitMs'), '$$REMOVE') }
          : { tat: earlier('$tat', '$unitMs') }),
        spent: less('$spent'),
        usedSinceRaise: less('$usedSinceRaise'),
        recent: returned(units),
        ...(grant.probe ? { stop: withoutProbe(grant.probe, now) } : {}),
      },
    },
  ];
}

/** The try came to nothing: another may be made from `from` on. */
export function withoutProbe(probe: string, from: Expression): Expression {
  return cond(same('$stop.probe', probe), { $mergeObjects: ['$stop', { probeUntil: from }] }, or0('$stop', '$$REMOVE'));
}
