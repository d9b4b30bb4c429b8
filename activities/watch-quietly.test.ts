import { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { watched, wishes } from '../test/support/connection-workflow.ts';
import { watchQuietly } from './watch-quietly.ts';

/** How long until the next look, in milliseconds, after one that found nothing and was due so long ago. */
async function nextAfter(dueMsAgo: number): Promise<number> {
  const due = Date.now() - dueMsAgo;
  const environment = new MockActivityEnvironment({
    scheduledTimestampMs: due,
    currentAttemptScheduledTimestampMs: due,
  });
  const look = { connectionId: 'one', afterRound: 1, everyMs: 60_000, maxMs: 60_000, known: wishes() };
  const failure = await environment
    .run(
      watchQuietly(async () => watched()),
      look,
    )
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApplicationFailure);
  const { nextRetryDelay } = failure as ApplicationFailure;
  expect(nextRetryDelay).toBeTypeOf('number');
  return nextRetryDelay as number;
}

describe('a look that finds nothing', () => {
  it('is followed by the next an interval after it was due, however long it waited for its turn', async () => {
    expect(await nextAfter(3_000)).toBeLessThanOrEqual(57_000);
    expect(await nextAfter(3_000)).toBeGreaterThan(30_000);
  });

  it('is not followed early by minutes where the clocks of Temporal and the worker disagree', async () => {
    expect(await nextAfter(600_000)).toBeGreaterThan(30_000);
    expect(await nextAfter(600_000)).toBeLessThanOrEqual(55_000);
    expect(await nextAfter(-600_000)).toBeGreaterThan(30_000);
    expect(await nextAfter(-600_000)).toBeLessThanOrEqual(60_000);
  });
});
