import type { Document } from 'mongodb';
import {
  above,
  atMost,
  both,
  cases,
  cond,
  either,
  least,
  later,
  minus,
  most,
  not,
  now,
  or0,
  over,
  plus,
  same,
  stopAfterGrant,
  stopState,
  stopWait,
  times,
  type Expression,
  type QuotaTimes,
} from './quota-document.ts';
import type { QuotaWant } from './quotas-interface.ts';

/** How far ahead of now a request may book: who is more urgent books further, and so is served first. */
export function horizon(want: QuotaWant, everyMs: Expression, grantMs: number): Expression {
  if (want.urgency === 'actions') return want.withinMs ?? 20_000;
  return want.urgency === 'watch' ? plus(grantMs, most(grantMs, everyMs)) : grantMs;
}

/**
 * What is ours of a limit, what of it only actions may take, and the pace of the rest. Paced evenly at `ours − 1 −
 * reserve`, every window of the vendor's, wherever it begins, holds at most `ours`, with a call to spare for those that
 * travel longer than others. Very small limits keep no reserve.
 */
export const pacing = {
  ours: (limit: Expression, share: number): Expression => times(limit, share),
  pace: (ours: Expression): Expression =>
    most(minus(minus(ours, 1), { $ceil: times(ours, 0.01) }), times(ours, 0.5), times(least(ours, 1), 0.9)),
  reserve: (ours: Expression, pace: Expression): Expression =>
    cond(atMost(pace, minus(minus(ours, 1), { $ceil: times(ours, 0.01) })), { $ceil: times(ours, 0.01) }, 0),
};

/** The same for a process's own reckoning. */
export function paceOf(limit: number, share: number): number {
  const ours = limit * share;
  return Math.max(ours - 1 - Math.ceil(ours * 0.01), ours * 0.5, Math.min(ours, 1) * 0.9);
}

/** One atomic step of the bucket's GCRA. What it decided is in `outcome`. */
export function takeRatePipeline(id: string, want: QuotaWant & { learn: boolean }, limits: QuotaTimes): Document[] {
  const { windowMs, share, cost, urgency, learn } = want;
  const actions = urgency === 'actions';
  const wanted = Math.max(1, Math.floor(want.calls ?? 1));
  const limit = or0('$learned', want.limit);
  const carefully = learn ? true : same('$learnedFrom', 'throttles');
  // What was never needed proves nothing: an unpublished limit is raised only if half of it was used meanwhile.
  const busy = learn
    ? { $gte: [or0('$usedSinceRaise', 0), times(limit, share, 0.5 / windowMs, minus('$t.now', '$raisedAt'))] }
    : true;
  const raised = learn ? times(limit, 1.05) : least(want.limit, times(limit, 1.05));
  return [
    { $set: { kind: 'rate', usedAt: '$$NOW', limit: want.limit, windowMs, share, t: { now } } },
    {
      $set: {
        't.stop': stopState,
        't.minute': both(later('$raisedAt', 0), atMost(plus('$raisedAt', limits.learnEveryMs), '$t.now')),
      },
    },
    { $set: { 't.raise': both('$t.minute', carefully, not(same('$learnedFrom', 'headers')), busy) } },
    {
      $set: {
        learned: cond('$t.raise', raised, or0('$learned', '$$REMOVE')),
        learnedFrom: cond('$t.raise', 'throttles', or0('$learnedFrom', '$$REMOVE')),
        raisedAt: cond(either('$t.minute', not(later('$raisedAt', 0))), '$t.now', '$raisedAt'),
        usedSinceRaise: cond('$t.minute', 0, or0('$usedSinceRaise', 0)),
      },
    },
    { $set: { 't.ours': pacing.ours(limit, share) } },
    { $set: { 't.pace': pacing.pace('$t.ours') } },
    {
      $set: {
        't.reserve': pacing.reserve('$t.ours', '$t.pace'),
        't.squeezed': later('$squeeze.until', '$t.now'),
        't.unitMs': over(windowMs, '$t.pace'),
      },
    },
    {
      $set: {
        squeeze: cond('$t.squeezed', '$squeeze', '$$REMOVE'),
        't.dry': both('$t.squeezed', atMost('$squeeze.perMs', 0)),
        // A burst of half and a refill so slow that no window sees more than the whole reserve.
        't.burst': { $ceil: over('$t.reserve', 2) },
      },
    },
    {
      $set: {
        unitMs: cond(
          both('$t.squeezed', not('$t.dry')),
          most('$t.unitMs', over(1, most('$squeeze.perMs', 1e-9))),
          '$t.unitMs',
        ),
        reserveUnitMs: over(windowMs, plus(minus('$t.reserve', '$t.burst'), 1)),
        't.tat': most(or0('$tat', 0), '$t.now'),
        't.reserveTat': most(or0('$reserveTat', 0), '$t.now'),
      },
    },
    {
      $set: {
        't.everyMs': times('$unitMs', cost),
        't.ahead': minus('$t.tat', '$t.now'),
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
    { $set: { 't.horizon': horizon(want, '$t.everyMs', limits.grantMs) } },
    {
      $set: {
        't.probes': same('$t.stop', 'mayProbe'),
        't.way': cases(
          [
            [same('$t.stop', 'mayProbe'), 'probe'],
            [not(same('$t.stop', 'open')), 'stop'],
            ['$t.dry', 'dry'],
            [both(actions, above('$t.ahead', 0), above('$t.reserve', 0), { $gte: ['$t.reserveRoom', 0] }), 'reserve'],
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
            [{ $in: ['$t.way', ['probe', 'reserve']] }, 1],
            [
              same('$t.way', 'next'),
              actions ? 1 : least(wanted, most(1, { $floor: over(limits.grantMs, '$t.everyMs') })),
            ],
          ],
          0,
        ),
      },
    },
    {
      $set: {
        tat: cases(
          [
            [same('$t.way', 'probe'), plus('$t.now', '$t.everyMs')],
            [same('$t.way', 'next'), plus('$t.tat', times('$t.granted', '$t.everyMs'))],
          ],
          or0('$tat', '$$REMOVE'),
        ),
        reserveTat: cond(
          same('$t.way', 'reserve'),
          plus('$t.reserveTat', times(cost, '$reserveUnitMs')),
          or0('$reserveTat', '$$REMOVE'),
        ),
        usedSinceRaise: plus('$usedSinceRaise', times('$t.granted', cost)),
        stop: stopAfterGrant(id, limits.probeMs),
        outcome: {
          id,
          at: '$t.now',
          granted: '$t.granted',
          startAt: cond(same('$t.way', 'next'), '$t.tat', '$t.now'),
          everyMs: '$t.everyMs',
          // A call may go late by as much as the margin below the limit absorbs.
          slackMs: least(limits.expiryMs, times('$unitMs', plus(1, times(0.5, '$t.reserveLeft')))),
          probe: cond('$t.probes', id, null),
          reserve: same('$t.way', 'reserve'),
          inMs: cases(
            [
              [same('$t.way', 'stop'), stopWait],
              [same('$t.way', 'dry'), minus('$squeeze.until', '$t.now')],
              [same('$t.way', 'wait'), minus('$t.ahead', '$t.horizon')],
            ],
            0,
          ),
          why: cases(
            [
              [same('$t.stop', 'stopped'), 'the app asked us to wait'],
              [same('$t.stop', 'probing'), 'one call tries whether the app answers again'],
              [same('$t.way', 'dry'), 'the app says that nothing is left of its limit'],
              ['$t.squeezed', 'the limit is shared and others use it too'],
            ],
            'paced to stay below the limit',
          ),
        },
      },
    },
    { $unset: 't' },
  ];
}

/** Only what is ahead of now can be given back: time that passed unused is gone. */
export function giveBackRatePipeline(units: number, grant: { probe?: string; reserve?: boolean }): Document[] {
  const earlier = (tat: string, unitMs: string) =>
    most(minus(or0(tat, now), times(units, or0(unitMs, 0))), least(or0(tat, now), now));
  return [
    {
      $set: {
        ...(grant.reserve
          ? { reserveTat: earlier('$reserveTat', '$reserveUnitMs') }
          : { tat: earlier('$tat', '$unitMs') }),
        usedSinceRaise: most(0, minus(or0('$usedSinceRaise', 0), units)),
        ...(grant.probe ? { stop: withoutProbe(grant.probe, now) } : {}),
      },
    },
  ];
}

/** The try came to nothing: another may be made from `from` on. */
export function withoutProbe(probe: string, from: Expression): Expression {
  return cond(same('$stop.probe', probe), { $mergeObjects: ['$stop', { probeUntil: from }] }, or0('$stop', '$$REMOVE'));
}
