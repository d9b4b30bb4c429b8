import type { Document } from 'mongodb';
import {
  above,
  atMost,
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
  type QuotaTimes,
} from './quota-document.ts';
import { horizon, withoutProbe } from './quota-rate.ts';
import type { QuotaWant } from './quotas-interface.ts';

/**
 * One atomic step of a budget: what is left is spread evenly over what remains of the window. Actions take at once from
 * what is left, and the last 1 % is theirs alone.
 */
export function takeBudgetPipeline(id: string, want: QuotaWant, limits: QuotaTimes): Document[] {
  const { windowMs, share, cost, urgency } = want;
  const actions = urgency === 'actions';
  const wanted = Math.max(1, Math.floor(want.calls ?? 1));
  return [
    { $set: { kind: 'budget', usedAt: '$$NOW', limit: want.limit, windowMs, share, t: { now } } },
    {
      $set: {
        't.stop': stopState,
        't.fresh': not(later('$windowEndsAt', '$t.now')),
        't.ours': times(or0('$learned', want.limit), share),
      },
    },
    {
      $set: {
        spent: cond('$t.fresh', 0, or0('$spent', 0)),
        windowEndsAt: cond('$t.fresh', plus('$t.now', windowMs), '$windowEndsAt'),
        't.tat': cond('$t.fresh', '$t.now', most(or0('$tat', 0), '$t.now')),
        't.reserve': cond(above('$t.ours', 10), { $ceil: times('$t.ours', 0.01) }, 0),
      },
    },
    {
      $set: {
        't.left': minus('$t.ours', plus('$spent', actions ? 0 : '$t.reserve')),
        't.remains': minus('$windowEndsAt', '$t.now'),
      },
    },
    {
      $set: {
        unitMs: over('$t.remains', most('$t.left', 1e-6)),
        't.ahead': minus('$t.tat', '$t.now'),
      },
    },
    { $set: { 't.everyMs': times('$unitMs', cost) } },
    { $set: { 't.horizon': horizon(want, '$t.everyMs', limits.grantMs) } },
    {
      $set: {
        't.probes': same('$t.stop', 'mayProbe'),
        't.way': cases(
          [
            [same('$t.stop', 'mayProbe'), 'probe'],
            [not(same('$t.stop', 'open')), 'stop'],
            [above(cost, '$t.left'), 'spent'],
            [either(actions, atMost('$t.ahead', '$t.horizon')), 'next'],
          ],
          'wait',
        ),
      },
    },
    {
      $set: {
        't.granted': cases(
          [
            [same('$t.way', 'probe'), 1],
            [
              same('$t.way', 'next'),
              actions
                ? 1
                : least(
                    wanted,
                    most(1, { $floor: over(limits.grantMs, '$t.everyMs') }),
                    most(1, { $floor: over('$t.left', cost) }),
                  ),
            ],
          ],
          0,
        ),
      },
    },
    {
      $set: {
        spent: plus('$spent', times('$t.granted', cost)),
        tat: actions ? '$t.tat' : plus('$t.tat', times('$t.granted', '$t.everyMs')),
        stop: stopAfterGrant(id, limits.probeMs),
        outcome: {
          id,
          at: '$t.now',
          granted: '$t.granted',
          startAt: actions ? '$t.now' : '$t.tat',
          everyMs: '$t.everyMs',
          slackMs: limits.expiryMs,
          probe: cond('$t.probes', id, null),
          reserve: false,
          inMs: cases(
            [
              [same('$t.way', 'stop'), stopWait],
              [same('$t.way', 'spent'), '$t.remains'],
              [same('$t.way', 'wait'), minus('$t.ahead', '$t.horizon')],
            ],
            0,
          ),
          why: cases(
            [
              [same('$t.stop', 'stopped'), 'the app asked us to wait'],
              [same('$t.stop', 'probing'), 'one call tries whether the app answers again'],
              [same('$t.way', 'spent'), 'our part of it is used up until its window ends'],
            ],
            'spread evenly over what remains of its window',
          ),
        },
      },
    },
    { $unset: 't' },
  ];
}

export function giveBackBudgetPipeline(units: number, grant: { probe?: string }): Document[] {
  return [
    {
      $set: {
        spent: most(0, minus(or0('$spent', 0), units)),
        tat: most(minus(or0('$tat', now), times(units, or0('$unitMs', 0))), least(or0('$tat', now), now)),
        ...(grant.probe ? { stop: withoutProbe(grant.probe, now) } : {}),
      },
    },
  ];
}
