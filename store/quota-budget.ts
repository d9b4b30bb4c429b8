import { above, cond, later, minus, most, not, or0, over, plus, times, type QuotaTimes } from './quota-document.ts';
import type { TakeRules } from './quota-take.ts';
import type { QuotaWant } from './quotas-interface.ts';

/**
 * What is left of a budget is spread evenly over what remains of its window. Actions take at once from what is left,
 * and the last 1 % is theirs alone.
 */
export function budgetRules({ limit, windowMs, share, cost, urgency }: QuotaWant, limits: QuotaTimes): TakeRules {
  return {
    prepare: [
      {
        $set: {
          't.fresh': not(later('$windowEndsAt', '$t.now')),
          't.ours': times(or0('$learned', limit), share),
        },
      },
      {
        $set: {
          spent: cond('$t.fresh', 0, or0('$spent', 0)),
          windowEndsAt: cond('$t.fresh', plus('$t.now', windowMs), '$windowEndsAt'),
          tat: cond('$t.fresh', '$t.now', most(or0('$tat', 0), '$t.now')),
          't.reserve': cond(above('$t.ours', 10), { $ceil: times('$t.ours', 0.01) }, 0),
        },
      },
      {
        $set: {
          't.left': minus('$t.ours', plus('$spent', urgency === 'actions' ? 0 : '$t.reserve')),
          't.remains': minus('$windowEndsAt', '$t.now'),
        },
      },
      { $set: { unitMs: over('$t.remains', most('$t.left', 1e-6)) } },
    ],
    spent: { when: above(cost, '$t.left'), inMs: '$t.remains', why: 'our part of it is used up until its window ends' },
    atOnce: true,
    mostCalls: { $floor: over('$t.left', cost) },
    counted: { spent: plus('$spent', times('$t.granted', cost)) },
    slackMs: limits.expiryMs,
    paced: 'spread evenly over what remains of its window',
  };
}
