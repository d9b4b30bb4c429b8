import type { ActionStep, RunnableAction, StepResult } from '../activities/results.ts';
import { CancellationScope, patched } from '@temporalio/workflow';
import { acting } from './proxies.ts';
import type { Run } from './run.ts';

const atOnce = 8;

/** Governance never waits behind a scan: its own lane, its own task queue, up to eight at once. */
export async function actionLane(run: Run): Promise<void> {
  const running = new Map<string, Promise<void>>();
  while (!run.interruption) {
    if (running.size < atOnce && run.woken.actions) {
      run.woken.actions = false;
      const found = await run.call('actions', () =>
        acting.nextActions({
          connectionId: run.connectionId,
          running: [...running.keys()],
          limit: atOnce - running.size,
        }),
      );
      if (found === undefined) break;
      if (found === null) {
        run.woken.actions = true;
        continue;
      }
      for (const action of found) {
        running.set(
          action.actionId,
          follow(run, action).finally(() => {
            running.delete(action.actionId);
            // The next of the same target may go on, or one that found no room.
            run.woken.actions = true;
            run.state.actions.running = running.size;
          }),
        );
        run.state.actions.taken += 1;
      }
      run.state.actions.running = running.size;
      if (found.length > 0) continue;
    }
    await run.until(() => run.woken.actions && running.size < atOnce);
  }
  await Promise.all(running.values());
}

/** The steps of one action, each an activity of its own. */
async function follow(run: Run, action: RunnableAction): Promise<void> {
  let step: ActionStep | undefined = action.step;
  const lanes = CancellationScope.current();
  // A step that outlasts its lane is the last one here: what follows, or waits, is for the next lane, if there is to be one.
  const over = (): boolean =>
    run.interruption !== undefined || (lanes.consideredCancelled && patched('steps-end-with-their-lane'));
  while (step && !over()) {
    const now: ActionStep = step;
    // Not cancelled with the lane: a write at the vendor is let to end rather than torn.
    const result: StepResult | null | undefined = await run.call('actions', () =>
      CancellationScope.nonCancellable(() =>
        acting[now].executeWithOptions({ summary: action.title }, [
          { connectionId: run.connectionId, actionId: action.actionId },
        ]),
      ),
    );
    if (result === undefined) return;
    if (result === null) continue;
    if (result.touched) run.woken.changed = true;
    run.learn({ unauthorized: result.unauthorized });
    if (result.delay && !over()) await run.wait('actions', result.delay);
    step = result.next;
  }
}
