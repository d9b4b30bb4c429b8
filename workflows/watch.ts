import { CancellationScope, patched } from '@temporalio/workflow';
import type { WatchResult } from '../activities/results.ts';
import { watching, watchingQuietly } from './proxies.ts';
import type { Run } from './run.ts';
import { now } from './run.ts';

/** Two full rounds are at least this far apart, however many signals come. */
const roundsApartMs = 5_000;

/** Follows changes: a round over every feed on a timer that adapts, and what is pending as soon as it is told. */
export async function watchLane(run: Run): Promise<void> {
  const { watch } = run.state;
  watch.openedAt ??= now();
  let roundAt = Number.NEGATIVE_INFINITY;
  let quiet = false;
  while (!run.interruption) {
    run.woken.changed = false;
    const scope = Date.now() - roundAt >= roundsApartMs ? 'all' : 'pending';
    if (scope === 'all') {
      watch.round += 1;
      roundAt = Date.now();
    }
    const changes = await round(run, scope, quiet && scope === 'all');
    if (changes === undefined) return;
    if (quiet) roundAt = Date.now();
    watch.changes += changes;
    watch.lastAt = now();
    adapt(run, changes);
    const sinceRound = Date.now() - roundAt;
    const due = Math.max((watch.everyMs ?? 0) - sinceRound, scope === 'pending' ? roundsApartMs - sinceRound : 0);
    const woken = await run.pause(
      due,
      `the next look for changes, every ${Math.round((watch.everyMs ?? 0) / 1000)} s`,
      () => run.woken.changed,
    );
    quiet = changes === 0 && !woken && !run.interruption && patched('quiet-looks');
  }
}

async function round(run: Run, scope: 'all' | 'pending', quietAtFirst: boolean): Promise<number | undefined> {
  let changes = 0;
  for (let quiet = quietAtFirst; ; quiet = false) {
    const result = quiet
      ? await untilNews(run)
      : await run.call('watch', () =>
          watching.watchChunk.executeWithOptions({ summary: scope === 'all' ? 'all feeds' : 'what is pending' }, [
            { connectionId: run.connectionId, round: run.state.watch.round, scope },
          ]),
        );
    if (result === undefined) return undefined;
    if (result === null) continue;
    changes += result.changes;
    if (result.actionsWaiting) run.woken.actions = true;
    run.learn(result);
    if (run.interruption) return changes;
    if (result.delay) await run.wait('watch', result.delay, () => run.woken.changed);
    if (!result.more) return changes;
  }
}

/**
 * Looks on and on while there is nothing new, its waits kept by Temporal as those of retries: they cost no history. Ends
 * with the first news. Null says that the round is to be done as always: it was told of a change, or a look failed, and
 * the round will meet the same and say so.
 */
async function untilNews(run: Run): Promise<WatchResult | null | undefined> {
  const { connectionId, wishes, state } = run;
  const { watch, settings } = state;
  const scope = new CancellationScope();
  const look = { everyMs: watch.everyMs ?? 0, maxMs: settings?.watchMaxMs ?? 300_000 };
  const summary = `all feeds, until there is news, at least every ${Math.round(look.maxMs / 1000)} s`;
  try {
    return await scope.run(() =>
      Promise.race([
        watchingQuietly.watchQuietly.executeWithOptions({ summary }, [
          { connectionId, afterRound: watch.round - 1, ...look, known: wishes! },
        ]),
        run.until(() => run.woken.changed).then(() => null),
      ]),
    );
  } catch {
    return null;
  } finally {
    scope.cancel();
    run.woken.changed = false;
  }
}

/** Quick while things change, slower by half with every quiet round. */
function adapt(run: Run, changes: number): void {
  const { watch, settings } = run.state;
  const min = settings?.watchMinMs ?? 15_000;
  const max = settings?.watchMaxMs ?? 300_000;
  watch.everyMs = changes > 0 ? min : Math.min(Math.max((watch.everyMs ?? min / 1.5) * 1.5, min), max);
}
