import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import * as messages from '../../workflows/messages.ts';
import { bundle, swept, watched } from '../support/connection-workflow.ts';
import { useSkippedTime, verified } from '../support/use-skipped-time.ts';

const { running, eventually } = useSkippedTime();

/** Two at once may end in another order than they began, and what then follows from each is not replayed as it was. */
it('the state is written by one at a time, however many lanes wait, and what happened replays', async () => {
  const throttled = { ms: 1_000, reason: 'throttled', why: 'throttled on a quota' };
  let chunks = 0;
  let looks = 0;
  let writing = 0;
  let mostWriting = 0;
  await running(
    {
      authenticate: async () => {
        const found = verified(1);
        return 'timing' in found ? { ...found, timing: { ...found.timing, parallel: 4 } } : found;
      },
      async writeState() {
        writing += 1;
        mostWriting = Math.max(mostWriting, writing);
        await delay(20);
        writing -= 1;
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
        return looks < 8 ? watched({ more: true, delay: throttled }) : watched();
      },
    },
    async (handle) => {
      await eventually(() => chunks >= 24 && looks >= 8);
      expect(mostWriting).toBe(1);
      const history = await handle.fetchHistory();
      await expect(Worker.runReplayHistory({ workflowBundle: await bundle() }, history)).resolves.toBeUndefined();
    },
  );
});

/** As when MongoDB is away. What was local would be replayed as if it had ended before what came meanwhile. */
it('a write that outlasts a workflow task, while signals come and activities end, replays', async () => {
  let writes = 0;
  let looks = 0;
  let found = 0;
  await running(
    {
      async writeState() {
        writes += 1;
        await delay(1_500);
      },
      async watchChunk() {
        looks += 1;
        await delay(300);
        return watched({ changes: 1 });
      },
      async nextActions() {
        found += 1;
        await delay(200);
        return [];
      },
    },
    async (handle) => {
      for (let n = 0; n < 40; n += 1) {
        if (n % 2 === 0) await handle.signal(messages.changed);
        else await handle.signal(messages.requestAction, `act_${n}`);
        // Refused while a scan runs.
        if (n % 10 === 5) await handle.executeUpdate(messages.rescan).catch(() => undefined);
        await delay(150);
      }
      await eventually(() => writes > 4 && looks > 4 && found > 4, 200);
      const history = await handle.fetchHistory();
      await expect(Worker.runReplayHistory({ workflowBundle: await bundle() }, history)).resolves.toBeUndefined();
    },
    { workflowTaskTimeout: '1s' },
  );
});
