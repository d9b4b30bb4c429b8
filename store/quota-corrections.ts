import type { Document } from 'mongodb';
import {
  above,
  both,
  cond,
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
  type QuotaTimes,
} from './quota-document.ts';
import { recorded } from './quota-ledger.ts';
import type { BudgetCorrection, Correction } from './quota-readings.ts';
import { withoutProbe } from './quota-take.ts';
import type { QuotaObservation } from './quotas-interface.ts';

/**
 * Stops the bucket for everybody. The limit, where no header told it, is halved once a stop: answers to calls that were
 * under way then tell nothing new.
 */
export function throttlePipeline(
  { limit, throttledForMs = 0, probe }: QuotaObservation,
  waitMs: number,
  concurrency: boolean,
  limits: QuotaTimes,
): Document[] {
  const already = later('$stop.until', '$t.now');
  const tries = plus(or0('$stop.tries', 0), cond(probe ? same('$stop.probe', probe) : false, 1, 0));
  const patience = cond(
    above(tries, 0),
    least(60_000, times(limits.refusedProbeMs, { $pow: [2, minus(tries, 1)] })),
    0,
  );
  const stop = {
    tries,
    until: most(or0('$stop.until', 0), plus('$t.now', most(Math.min(waitMs, limits.longestStopMs), patience))),
    vendorUntil: plus('$t.now', concurrency ? waitMs : throttledForMs),
    since: cond(later('$stop.since', 0), '$stop.since', '$t.now'),
  };
  const halve = concurrency || limit ? false : both(not(already), not(same('$learnedFrom', 'headers')));
  return [
    { $set: { usedAt: '$$NOW', t: { now } } },
    { $set: { 't.halve': halve } },
    {
      $set: {
        stop: { $literal: {} },
        't.stop': stop,
        ...(concurrency ? { halvedUntil: plus('$t.now', limits.halvedMs) } : {}),
        ...(limit
          ? { learned: limit, learnedFrom: 'headers' }
          : {
              learned: cond(
                both('$t.halve', same('$kind', 'rate')),
                most(over(or0('$learned', '$limit'), 2), times('$limit', 0.1)),
                or0('$learned', '$$REMOVE'),
              ),
              learnedFrom: cond(both('$t.halve', same('$kind', 'rate')), 'throttles', or0('$learnedFrom', '$$REMOVE')),
            }),
        raisedAt: '$t.now',
        usedSinceRaise: 0,
      },
    },
    { $set: { stop: '$t.stop' } },
    { $unset: 't' },
  ];
}

/** The try came through: all may call again, from now on at the even pace. Or it told nothing: another tries soon. */
export function reopenPipeline(probe: string, reopened: boolean): Document[] {
  if (!reopened) return [{ $set: { stop: withoutProbe(probe, plus(now, 2_000)) } }];
  const mine = same('$stop.probe', probe);
  return [
    {
      $set: {
        stop: cond(mine, '$$REMOVE', or0('$stop', '$$REMOVE')),
        tat: cond(mine, plus(now, or0('$unitMs', 0)), or0('$tat', '$$REMOVE')),
      },
    },
  ];
}

/** Once, though each process that calls sees that there is too little room, until it shows in the vendor's figures. */
function stepsBack(calls: number): Document {
  const may = not(later('$steppedUntil', now));
  const unitMs = or0('$unitMs', 0);
  return {
    tat: cond(may, plus(most(or0('$tat', 0), now), times(calls, unitMs)), or0('$tat', '$$REMOVE')),
    steppedUntil: cond(may, plus(now, times(calls + 1, unitMs)), '$steppedUntil'),
  };
}

export function correctionPipeline({ limit, squeeze, stepBack, tightForMs }: Correction): Document[] {
  return [
    {
      $set: {
        usedAt: '$$NOW',
        ...(limit === undefined ? {} : { learned: limit, learnedFrom: 'headers' }),
        ...(squeeze ? { squeeze: { perMs: squeeze.perMs, until: plus(now, squeeze.forMs) } } : {}),
        ...(squeeze === null ? { squeeze: '$$REMOVE' } : {}),
        ...(stepBack === undefined ? {} : stepsBack(stepBack)),
        ...(tightForMs === undefined ? {} : { tightUntil: plus(now, tightForMs) }),
      },
    },
  ];
}

export function budgetCorrectionPipeline({ limit, spent, endsInMs }: BudgetCorrection): Document[] {
  return [
    {
      $set: {
        usedAt: '$$NOW',
        ...(limit === undefined ? {} : { learned: limit, learnedFrom: 'headers' }),
        ...(endsInMs === undefined ? {} : { windowEndsAt: plus(now, endsInMs) }),
        ...(spent === undefined ? {} : { spent: most(or0('$spent', 0), spent) }),
      },
    },
  ];
}

/** A call cost more than it was charged, as its answer told. */
export function costPipeline(units: number, charged: number): Document[] {
  const isRate = same('$kind', 'rate');
  return [
    {
      $set: {
        spent: cond(same('$kind', 'budget'), most(0, plus(or0('$spent', 0), units)), or0('$spent', '$$REMOVE')),
        tat: plus(most(or0('$tat', 0), now), times(units, or0('$unitMs', 0))),
        recent: cond(isRate, recorded(units, now, now), or0('$recent', '$$REMOVE')),
        dearest: cond(isRate, most(times(or0('$dearest', 0), 0.99), charged + units), '$$REMOVE'),
      },
    },
  ];
}
