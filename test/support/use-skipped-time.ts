import { setTimeout as delay } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import type { Activities } from '../../activities/contract.ts';
import type { Authentication, Unauthorized, Wishes } from '../../activities/results.ts';
import type { ConnectionState } from '../../workflows/messages.ts';
import { bundle, easyActivities, quietRuntime, start, wishes, withWorkers } from './connection-workflow.ts';
import { createTimeSkipping } from './time-skipping.ts';

/** Connections on a time-skipping server of a test file's own. */
export function useSkippedTime() {
  let env: TestWorkflowEnvironment;
  let workflowBundle: WorkflowBundle;
  let serial = 0;

  beforeAll(async () => {
    quietRuntime();
    [env, workflowBundle] = await Promise.all([createTimeSkipping(), bundle()]);
  });
  afterAll(() => env?.teardown());

  /** Runs one connection; `wanted` is what the store would say, changed by the test. */
  async function running(
    change: Partial<Activities>,
    test: (
      handle: Awaited<ReturnType<typeof start>>,
      said: { wishes: Wishes; states: ConnectionState[] },
    ) => Promise<void>,
    { connectionId, ...options }: Parameters<typeof start>[2] & { connectionId?: string } = {},
  ): Promise<void> {
    const said = { wishes: wishes(), states: [] as ConnectionState[] };
    const activities = easyActivities({
      readWishes: async () => said.wishes,
      writeState: async ({ state }) => void said.states.push(structuredClone(state)),
      ...change,
    });
    serial += 1;
    await withWorkers({ connection: env.nativeConnection, workflowBundle, activities }, async () => {
      const handle = await start(env.client, { connectionId: connectionId ?? `con_${serial}` }, options);
      try {
        await test(handle, said);
      } finally {
        // One that is terminated while an activity runs ends the server's skipping for the tests that follow.
        await delay(200);
        await handle.terminate().catch(() => undefined);
      }
    });
  }

  const eventually = async (what: () => boolean | Promise<boolean>, step: number | string = 1000): Promise<void> => {
    for (let i = 0; i < 200; i++) {
      if (await what()) return;
      await env.sleep(step as number);
    }
    throw new Error('it did not come to that');
  };

  return { running, eventually, currentTimeMs: () => env.currentTimeMs(), sleep: (time: string) => env.sleep(time) };
}

/** Looks for changes seldom: every look that time skips over is an activity that really runs. */
export const verified = (credentialVersion: number): Authentication => ({
  outcome: 'verified',
  credentialVersion,
  timing: { scanEveryMs: 12 * 3600_000, parallel: 1, watchMinMs: 600_000, watchMaxMs: 1800_000, troubleMs: 1000 },
});

export const refused = (what: string): Unauthorized => ({
  credentialVersion: 1,
  problem: { kind: 'unauthorized', what, who: 'operator', since: '' },
});
