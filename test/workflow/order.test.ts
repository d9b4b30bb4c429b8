import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { bundle, swept, watched } from '../support/connection-workflow.ts';
import { useSkippedTime, verified } from '../support/use-skipped-time.ts';

const { running, eventually } = useSkippedTime();

/** Two at once may end in another order than they began, and what then follows from each is not replayed as it was. */
it('what is local is done one at a time, however many lanes wait, and what happened replays', async () => {
  const throttled = { ms: 1_000, reason: 'throttled', why: 'throttled on a quota' };
  let chunks = 0;
  let looks = 0;
  let finds = 0;
  let local = 0;
  let mostAtOnce = 0;
  const locally = async () => {
    local += 1;
    mostAtOnce = Math.max(mostAtOnce, local);
    await delay(20);
    local -= 1;
  };
  await running(
    {
      authenticate: async () => {
        const found = verified(1);
        return 'timing' in found ? { ...found, timing: { ...found.timing, parallel: 4 } } : found;
      },
      writeState: locally,
      async nextActions() {
        finds += 1;
        await locally();
        return [];
      },
      async sweepChunk({ stage }) {
        if (stage !== 'users') return swept();
        chunks += 1;
        const open = Math.max(24 - chunks, 0);
        const parts = { total: 24, done: 24 - open, failed: 0, blind: 0, open };
        return swept({ ended: open === 0, parts, ...(open > 0 && { delay: throttled }) });
      },
      async watchChunk() {
        looks += 1;
        // Wakes the lane of the actions.
        const actionsWaiting = true;
        return looks < 8 ? watched({ more: true, actionsWaiting, delay: throttled }) : watched();
      },
    },
    async (handle) => {
      await eventually(() => chunks >= 24 && looks >= 8);
      expect(finds).toBeGreaterThan(4);
      expect(mostAtOnce).toBe(1);
      const history = await handle.fetchHistory();
      const queued = history.events!.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
      expect(queued).not.toContain('nextActions');
      await expect(Worker.runReplayHistory({ workflowBundle: await bundle() }, history)).resolves.toBeUndefined();
    },
  );
});
