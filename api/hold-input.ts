import { z } from 'zod';
import type { Action, ActionState } from '../connectors/connector.ts';
import type { Hold } from '../store/action-documents.ts';
import { HttpProblem, invalidField } from './problems.ts';

const day = 86_400_000;
const longest = 90 * day;
const repeatsUnlessSet = 3;

export const holdBody = z
  .strictObject({
    onRevert: z.enum(['report', 'again']),
    /** Milliseconds from when the action is done. */
    forMs: z.int().min(60_000).max(longest).optional(),
    until: z.iso.datetime({ offset: true }).optional(),
    /** How often it may be done again before it is only reported. */
    atMost: z.int().min(1).max(10).optional(),
  })
  .refine(({ forMs, until }) => (forMs === undefined) !== (until === undefined), {
    error: 'wants either forMs or until',
  })
  .refine(({ onRevert, atMost }) => onRevert === 'again' || atMost === undefined, {
    error: 'goes only with onRevert again',
    path: ['atMost'],
  });

export type HoldBody = z.output<typeof holdBody>;

/** Only an outcome that can be read can be watched over. */
export function holdOf(body: HoldBody | undefined, action: Action<never, ActionState>, now: Date): Hold | undefined {
  if (!body) return undefined;
  if (action.repeat !== 'readable')
    throw new HttpProblem('not-supported', 'whether this action still stands cannot be read from the app', {
      remedy: 'ask for it without `hold`',
    });
  const { onRevert, forMs, until, atMost = repeatsUnlessSet } = body;
  const mostRepeats = onRevert === 'again' ? atMost : 0;
  if (until === undefined) return { onRevert, forMs, repeated: 0, mostRepeats };
  const at = new Date(until);
  const ms = at.getTime() - now.getTime();
  if (ms <= 0 || ms > longest) throw invalidField('/hold/until', 'wants a time in the next 90 days');
  return { onRevert, until: at, repeated: 0, mostRepeats };
}
