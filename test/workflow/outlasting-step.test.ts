import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { describe, expect, it, vi } from 'vitest';
import type { ActionStep } from '../../activities/results.ts';
import * as messages from '../../workflows/messages.ts';
import { swept, watched, wishes } from '../support/connection-workflow.ts';
import { useSkippedTime, verified } from '../support/use-skipped-time.ts';

// In a file of its own: it may end while an activity runs, after which its server skips no more time.
const { running } = useSkippedTime();
/** Of true time: nothing is skipped while an activity runs. */
const within = { timeout: 30_000, interval: 50 };

describe('an action and a pause', () => {
  it('a step that outlasts a pause is the last of its action until the connection runs again', async () => {
    const steps: string[] = [];
    let asked = wishes();
    let next: ActionStep | undefined = 'prepareAction';
    let end: () => void = () => undefined;
    const outlasted = new Promise<void>((resolve) => (end = resolve));
    await running(
      {
        authenticate: async () => verified(1),
        readWishes: async () => asked,
        // A chunk that is under way at the pause tells what the store says by then.
        sweepChunk: async () => swept({ wishes: asked }),
        watchChunk: async () => watched({ wishes: asked }),
        nextActions: async ({ running: those }) =>
          next && !those.includes('act_1') ? [{ actionId: 'act_1', title: 'act_1', step: next }] : [],
        async prepareAction() {
          steps.push('prepare');
          const beats = setInterval(() => Context.current().heartbeat(), 1000);
          await outlasted.finally(() => clearInterval(beats));
          next = 'applyAction';
          return { next, touched: false };
        },
        async applyAction() {
          steps.push('apply');
          next = undefined;
          return { touched: false };
        },
      },
      async (handle, said) => {
        try {
          await vi.waitFor(() => expect(steps).toEqual(['prepare']), within);
          asked = wishes({ wanted: 'paused' });
          // Not by the update: one that comes while a step is under way the time-skipping server may never answer.
          await handle.signal(messages.changed);
          await vi.waitFor(() => expect(said.states.at(-1)?.phase).toBe('paused'), within);
        } finally {
          // Or the worker would wait for it, and nobody heard why the test failed.
          end();
        }
        await delay(1_000);
        expect(steps).toEqual(['prepare']);
        asked = wishes();
        await handle.executeUpdate(messages.resume);
        await vi.waitFor(() => expect(steps).toEqual(['prepare', 'apply']), within);
      },
    );
  });
});
