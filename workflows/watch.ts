import { watching } from './proxies.ts';
import type { Run } from './run.ts';
import { now } from './run.ts';

/** Two full rounds are at least this far apart, however many signals come. */
const roundsApartMs = 5_000;

/** Follows changes: a round over every feed on a timer that adapts, and what is pending as soon as it is told. */
export async function watchLane(run: Run): Promise<void> {
  const { watch } = run.state;
  watch.openedAt ??= now();
  let roundAt = Number.NEGATIVE_INFINITY;
  while (!run.interruption) {
    run.woken.changed = false;
    const scope = Date.now() - roundAt >= roundsApartMs ? 'all' : 'pending';
    if (scope === 'all') {
      watch.round += 1;
      roundAt = Date.now();
    }
    const changes = await round(run, scope);
    if (changes === undefined) return;
    watch.changes += changes;
    watch.lastAt = now();
    adapt(run, changes);
    const sinceRound = Date.now() - roundAt;
    const due = Math.max((watch.everyMs ?? 0) - sinceRound, scope === 'pending' ? roundsApartMs - sinceRound : 0);
    await run.pause(
      due,
      `the next look for changes, every ${Math.round((watch.everyMs ?? 0) / 1000)} s`,
      () => run.woken.changed,
    );
  }
}

async function round(run: Run, scope: 'all' | 'pending'): Promise<number | undefined> {
  let changes = 0;
  for (;;) {
    const result = await run.call('watch', () =>
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

/** Quick while things change, slower by half with every quiet round. */
function adapt(run: Run, changes: number): void {
  const { watch, settings } = run.state;
  const min = settings?.watchMinMs ?? 15_000;
  const max = settings?.watchMaxMs ?? 300_000;
  watch.everyMs = changes > 0 ? min : Math.min(Math.max((watch.everyMs ?? min / 1.5) * 1.5, min), max);
}
