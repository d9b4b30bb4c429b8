import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { taskQueues } from '../../workflows/messages.ts';
import { useInstallation } from '../support/installation.ts';
import { spin } from './busy-workflows.ts';

/** The SDK would cut a task off after this. */
const cutOffMs = 5_000;
const workflowsPath = fileURLToPath(new URL('./busy-workflows.ts', import.meta.url));
const codePath = join(newLogFolder(), 'busy.js');
writeFileSync(codePath, (await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') })).code);

const to = useInstallation({
  tenant: { users: 1, groups: 0, events: 0 },
  env: { CASTELLAN_WORKFLOW_BUNDLE: codePath },
});

const turns = 20_000_000;
function turnsIn(ms: number): number {
  spin(turns);
  const began = performance.now();
  spin(turns);
  return Math.round((turns * ms) / (performance.now() - began));
}

it('a workflow task of more than five seconds ends, and so does not its worker', async () => {
  const connection = await Connection.connect({ address: to.temporal.address });
  const { workflow } = new Client({ connection });
  const handle = await workflow.start('busy', {
    workflowId: 'busy',
    taskQueue: taskQueues.sweep,
    workflowTaskTimeout: '60s',
    args: [turnsIn(1.6 * cutOffMs)],
  });
  expect(await handle.result()).toEqual(expect.any(Number));
  const { events } = await handle.fetchHistory();
  const at = (kind: 'workflowTaskStartedEventAttributes' | 'workflowTaskCompletedEventAttributes') => {
    const { seconds, nanos } = events!.find((event) => event[kind])!.eventTime!;
    return Number(seconds) * 1_000 + nanos! / 1e6;
  };
  const tookMs = at('workflowTaskCompletedEventAttributes') - at('workflowTaskStartedEventAttributes');
  expect(tookMs).toBeGreaterThan(cutOffMs);
  // One task, so nobody had to begin again.
  expect(events!.filter((event) => event.workflowTaskStartedEventAttributes)).toHaveLength(1);
  await connection.close();
});
