import {
  above,
  atMost,
  both,
  cond,
  either,
  least,
  later,
  minus,
  most,
  not,
  or0,
  over,
  plus,
  same,
  times,
  type Expression,
  type QuotaTimes,
} from './quota-document.ts';
import { recorded } from './quota-ledger.ts';
import { mostHaste } from './quota-readings.ts';
import type { TakeRules } from './quota-take.ts';
import type { QuotaWant } from './quotas-interface.ts';

/**
 * What is ours of a limit, what of it only actions may take, and the pace of the rest. Paced evenly at `ours −
 * one call − reserve`, every window of the vendor's, wherever it begins, holds at most `ours`, with a call to spare for those that
 * travel longer than others. Very small limits keep no reserve.
 */
export const pacing = {
  ours: (limit: Expression, share: number): Expression => times(limit, share),
  pace: (ours: Expression, dearest: Expression): Expression =>
    most(minus(minus(ours, dearest), { $ceil: times(ours, 0.01) }), times(ours, 0.5), times(least(ours, 1), 0.9)),
  reserve: (ours: Expression, pace: Expression, dearest: Expression): Expression =>
    cond(atMost(pace, minus(minus(ours, dearest), { $ceil: times(ours, 0.01) })), { $ceil: times(ours, 0.01) }, 0),
};

/** GCRA: each call moves `tat`, the time of the next one, by its cost. */
export function rateRules({ limit, windowMs, share, cost, learn }: QuotaWant, limits: QuotaTimes): TakeRules {
  const known = or0('$learned', limit);
  const carefully = learn ? true : same('$learnedFrom', 'throttles');
  // What was never needed proves nothing: an unpublished limit is raised only if half of it was used meanwhile.
  const busy = learn
    ? { $gte: [or0('$usedSinceRaise', 0), times(known, share, 0.5 / windowMs, minus('$t.now', '$raisedAt'))] }
    : true;
  const raised = learn ? times(known, 1.05) : least(limit, times(known, 1.05));
  return {
    prepare: [
      { $set: { 't.minute': both(later('$raisedAt', 0), atMost(plus('$raisedAt', limits.learnEveryMs), '$t.now')) } },
      { $set: { 't.raise': both('$t.minute', carefully, not(same('$learnedFrom', 'headers')), busy) } },
      {
        $set: {
          learned: cond('$t.raise', raised, or0('$learned', '$$REMOVE')),
          learnedFrom: cond('$t.raise', 'throttles', or0('$learnedFrom', '$$REMOVE')),
          raisedAt: cond(either('$t.minute', not(later('$raisedAt', 0))), '$t.now', '$raisedAt'),
          usedSinceRaise: cond('$t.minute', 0, or0('$usedSinceRaise', 0)),
        },
      },
      { $set: { 't.ours': pacing.ours(known, share) } },
      { $set: { 't.dearest': most(1, cost, or0('$dearest', 0)) } },
      { $set: { 't.pace': pacing.pace('$t.ours', '$t.dearest') } },
      {
        $set: {
          't.reserve': pacing.reserve('$t.ours', '$t.pace', '$t.dearest'),
          't.squeezed': later('$squeeze.until', '$t.now'),
          't.unitMs': over(windowMs, '$t.pace'),
        },
      },
      {
        $set: {
          squeeze: cond('$t.squeezed', '$squeeze', '$$REMOVE'),
          // Not one call more: its share of time would reach beyond, into what is there again then.
          't.dry': both(
            '$t.squeezed',
            above(cost, times('$squeeze.perMs', minus('$squeeze.until', most(or0('$tat', 0), '$t.now')))),
          ),
          // A burst of half and a refill so slow that no window sees more than the whole reserve.
          't.burst': { $ceil: over('$t.reserve', 2) },
        },
      },
      {
        $set: {
          unitMs: cond(
            both('$t.squeezed', not('$t.dry')),
            most(over('$t.unitMs', mostHaste), over(1, most('$squeeze.perMs', 1e-9))),
            '$t.unitMs',
          ),
          reserveUnitMs: over(windowMs, plus(minus('$t.reserve', '$t.burst'), 1)),
          tat: most(or0('$tat', 0), '$t.now'),
          't.reserveTat': most(or0('$reserveTat', 0), '$t.now'),
        },
      },
      {
        $set: {
          't.reserveRoom': minus(
            plus('$t.now', times('$t.burst', '$reserveUnitMs')),
            plus('$t.reserveTat', times(cost, '$reserveUnitMs')),
          ),
          't.reserveLeft': over(
            most(0, minus(times('$t.burst', '$reserveUnitMs'), minus('$t.reserveTat', '$t.now'))),
            '$reserveUnitMs',
          ),
        },
      },
    ],
    spent: {
      when: '$t.dry',
      inMs: minus('$squeeze.until', '$t.now'),
      why: 'the app says that nothing is left of its limit',
    },
    atOnce: both(above('$t.ahead', 0), above('$t.reserve', 0), { $gte: ['$t.reserveRoom', 0] }),
    mostCalls: Number.MAX_SAFE_INTEGER,
    counted: {
      reserveTat: cond(
        same('$t.way', 'atOnce'),
        plus('$t.reserveTat', times(cost, '$reserveUnitMs')),
        or0('$reserveTat', '$$REMOVE'),
      ),
      usedSinceRaise: plus('$usedSinceRaise', times('$t.granted', cost)),
      recent: cond(
        above('$t.granted', 0),
        recorded(times('$t.granted', cost), cond(same('$t.way', 'next'), '$tat', '$t.now'), '$t.now'),
        or0('$recent', '$$REMOVE'),
      ),
    },
    // A call may go late by as much as the margin below the limit absorbs.
    slackMs: least(limits.expiryMs, times('$unitMs', plus(1, times(0.5, '$t.reserveLeft')))),
    paced: cond(
      both('$t.squeezed', above('$unitMs', '$t.unitMs')),
      'the limit is shared and others use it too',
      'paced to stay below the limit',
    ),
  };
}
