import { fileURLToPath } from 'node:url';
import { type Client, type WorkflowHandle, type WorkflowStartOptions } from '@temporalio/client';
import { bundleWorkflowCode, Runtime, Worker, type NativeConnection, type WorkflowBundle } from '@temporalio/worker';
import type { Activities } from '../../activities/contract.ts';
import type { ContentResult, SweepResult, WatchResult, Wishes } from '../../activities/results.ts';
import { watchQuietly } from '../../activities/watch-quietly.ts';
import { noCounts, taskQueues, type ConnectionInput } from '../../workflows/messages.ts';
import type { connection } from '../../workflows/connection.ts';

const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error };

export const bundle = (): Promise<WorkflowBundle> => bundleWorkflowCode({ workflowsPath, logger: quiet });

export function quietRuntime(): void {
  Runtime.install({ telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } }, logger: quiet });
}

/** Runs workers of all queues while `test` goes on. */
export async function withWorkers<R>(
  options: { connection: NativeConnection; workflowBundle: WorkflowBundle; activities: Activities; namespace?: string },
  test: () => Promise<R>,
): Promise<R> {
  const { connection, workflowBundle, activities, namespace } = options;
  const shared = {
    connection,
    namespace,
    activities: { ...activities },
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
  } as const;
  const workers = [
    await Worker.create({ ...shared, taskQueue: taskQueues.sweep, workflowBundle }),
    await Worker.create({ ...shared, taskQueue: taskQueues.watch }),
    await Worker.create({ ...shared, taskQueue: taskQueues.actions }),
    await Worker.create({ ...shared, taskQueue: taskQueues.content }),
  ];
  const runs = Promise.all(workers.map((worker) => worker.run()));
  try {
    return await Promise.race([test(), runs.then(() => Promise.reject(new Error('a worker ended')))]);
  } finally {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await runs;
  }
}

export async function start(
  client: Client,
  input: Partial<ConnectionInput> & { connectionId: string },
  options: Pick<WorkflowStartOptions, 'workflowTaskTimeout'> = {},
): Promise<WorkflowHandle<typeof connection>> {
  return client.workflow.start<typeof connection>('connection', {
    ...options,
    workflowId: `connection/${input.connectionId}`,
    taskQueue: taskQueues.sweep,
    args: [{ title: 'Test · tenant', app: 'test', ...input }],
  });
}

export const wishes = (change: Partial<Wishes> = {}): Wishes => ({
  wanted: 'running',
  rescanWanted: 0,
  credentialVersion: 1,
  ...change,
});

export const swept = (change: Partial<SweepResult> = {}): SweepResult => ({
  counts: { ...noCounts, added: 1, pages: 1 },
  parts: { total: 1, done: 1, failed: 0, blind: 0, open: 0 },
  estimate: 0,
  trust: 'trusted',
  ended: true,
  wishes: wishes(),
  ...change,
});

export const watched = (change: Partial<WatchResult> = {}): WatchResult => ({
  changes: 0,
  more: false,
  actionsWaiting: false,
  wishes: wishes(),
  ...change,
});

export const contentRead = (change: Partial<ContentResult> = {}): ContentResult => ({
  counts: { waiting: 0, done: 1, failed: 0 },
  more: false,
  wishes: wishes(),
  ...change,
});

/** Activities of an app where everything goes well at once; a test replaces what it is about. */
export function easyActivities(change: Partial<Activities> = {}): Activities {
  const nothing = async (): Promise<void> => undefined;
  const activities: Activities = {
    readWishes: async () => wishes(),
    authenticate: async () => ({
      outcome: 'verified',
      credentialVersion: 1,
      timing: { scanEveryMs: 12 * 3600_000, parallel: 4, watchMinMs: 15_000, watchMaxMs: 300_000, troubleMs: 30_000 },
    }),
    checkCredential: async () => ({
      outcome: 'duplicate',
      problem: { kind: 'duplicate', what: '', who: 'operator', since: '' },
    }),
    beginScan: nothing,
    finishScan: nothing,
    sweepChunk: async () => swept(),
    watchChunk: async () => watched(),
    watchQuietly: watchQuietly((input) => activities.watchChunk(input)),
    contentChunk: async () => contentRead(),
    nextActions: async () => [],
    prepareAction: async () => ({ next: 'applyAction', touched: false }),
    applyAction: async () => ({ touched: true }),
    checkAction: async () => ({ touched: true }),
    undoAction: async () => ({ touched: true }),
    disconnect: nothing,
    erase: nothing,
    writeState: nothing,
    ...change,
  };
  return activities;
}
