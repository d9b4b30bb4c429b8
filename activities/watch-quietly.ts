import { isDeepStrictEqual } from 'node:util';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { Activities } from './contract.ts';
import type { WatchResult, Wishes } from './results.ts';

/** So many of its rounds fit between two of the workflow's. */
const roundsAtMost = 1e6;
/** Then the workflow sees to itself: it may be time to roll over. */
const quietForMs = 6 * 3_600_000;
/** Temporal's clock may be minutes off ours; no look waits longer than this for its turn. */
const turnAtMostMs = 5_000;

/** Looks as `watchChunk` does. A look without news ends as a failure that Temporal retries when the next is due. */
export function watchQuietly(watchChunk: Activities['watchChunk']): Activities['watchQuietly'] {
  return async ({ connectionId, afterRound, everyMs, maxMs, known }) => {
    const { attempt, scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
    const turnMs = Math.min(Math.max(Date.now() - currentAttemptScheduledTimestampMs, 0), turnAtMostMs);
    const begun = performance.now();
    const round = afterRound + attempt / roundsAtMost;
    const result = await watchChunk({ connectionId, round, scope: 'all' }).catch((error: unknown) => {
      if (error instanceof CancelledFailure) throw error;
      throw ApplicationFailure.create({ message: 'a look failed', nonRetryable: true, cause: error as Error });
    });
    if (isNews(result, known) || Date.now() - scheduledTimestampMs > quietForMs) return result;
    const apartMs = Math.min(everyMs * 1.5 ** attempt, maxMs);
    // From when this one was due, or each would be later than the one before by what it waited and took.
    const nextRetryDelay = Math.round(Math.max(apartMs - turnMs - (performance.now() - begun), apartMs / 10));
    throw ApplicationFailure.create({
      type: 'quiet',
      message: `nothing new; the next look for changes in ${Math.round(apartMs / 1000)} s`,
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay,
    });
  };
}

function isNews(result: WatchResult, known: Wishes): boolean {
  const { changes, more, actionsWaiting, contentWaiting, delay, unauthorized, wishes } = result;
  const told = changes > 0 || more || actionsWaiting || contentWaiting || delay || unauthorized;
  return Boolean(told) || !isDeepStrictEqual(wishes, known);
}
