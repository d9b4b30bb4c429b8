import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { ActionStep } from '../../activities/results.ts';
import * as messages from '../../workflows/messages.ts';
import {
  bundle,
  easyActivities,
  quietRuntime,
  start,
  swept,
  watched,
  wishes,
  withWorkers,
} from '../support/connection-workflow.ts';
import type {} from '../support/provided.ts';
import { verified } from '../support/use-skipped-time.ts';

const within = { timeout: 30_000, interval: 50 };

// On a real server: the time-skipping one sometimes never answers an update while an activity runs.
let connection: Connection;
let native: NativeConnection;
beforeAll(async () => {
  quietRuntime();
  const address = inject('temporalAddress');
  [connection, native] = await Promise.all([Connection.connect({ address }), NativeConnection.connect({ address })]);
});
afterAll(async () => {
  await native?.close();
  await connection?.close();
});

describe('an action and a pause', () => {
  it('a step that outlasts a pause is the last of its action until the connection runs again', async () => {
    const steps: string[] = [];
    let asked = wishes();
    let phase = '';
    let next: ActionStep | undefined = 'prepareAction';
    let end: () => void = () => undefined;
    const outlasted = new Promise<void>((resolve) => (end = resolve));
    const activities = easyActivities({
      authenticate: async () => verified(1),
      readWishes: async () => asked,
      writeState: async ({ state }) => void (phase = state.phase),
      // A chunk that is under way at the pause tells what the store says by then.
      sweepChunk: async () => swept({ wishes: asked }),
      watchChunk: async () => watched({ wishes: asked }),
      nextActions: async ({ running }) =>
        next && !running.includes('act_1') ? [{ actionId: 'act_1', title: 'act_1', step: next }] : [],
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
    });
    const workflowBundle = await bundle();
    await withWorkers({ connection: native, workflowBundle, activities }, async () => {
      const handle = await start(new Client({ connection }), { connectionId: 'con_outlasting' });
      try {
        await vi.waitFor(() => expect(steps).toEqual(['prepare']), within);
        asked = wishes({ wanted: 'paused' });
        await handle.executeUpdate(messages.pause);
        await vi.waitFor(() => expect(phase).toBe('paused'), within);
        end();
        await delay(1_000);
        expect(steps).toEqual(['prepare']);
        asked = wishes();
        await handle.executeUpdate(messages.resume);
        await vi.waitFor(() => expect(steps).toEqual(['prepare', 'apply']), within);
      } finally {
        // Or the worker would wait for it, and nobody heard why the test failed.
        end();
        await handle.terminate();
      }
    });
  });
});
