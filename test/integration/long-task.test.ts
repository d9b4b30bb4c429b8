import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { taskQueues } from '../../workflows/messages.ts';
import { useInstallation } from '../support/installation.ts';

/** The SDK would cut a task off after this. */
const cutOffMs = 5_000;
const workflowsPath = fileURLToPath(new URL('./busy-workflows.ts', import.meta.url));
const codePath = join(newLogFolder(), 'busy.js');
writeFileSync(codePath, (await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') })).code);

const to = useInstallation({
  tenant: { users: 1, groups: 0, events: 0 },
  env: { CASTELLAN_WORKFLOW_BUNDLE: codePath },
});

type Task = 'workflowTaskStartedEventAttributes' | 'workflowTaskCompletedEventAttributes';

/** How long its task took, in ms. */
async function took(workflow: Client['workflow'], turns: number): Promise<number> {
  const options = { workflowId: `busy ${turns}`, taskQueue: taskQueues.sweep, workflowTaskTimeout: '60s' };
  const handle = await workflow.start('busy', { ...options, args: [turns] });
  expect(await handle.result()).toEqual(expect.any(Number));
  const events = (await handle.fetchHistory()).events!;
  // One task, so nobody had to begin again.
  expect(events.filter((event) => event.workflowTaskStartedEventAttributes)).toHaveLength(1);
  const at = (kind: Task) => {
    const { seconds, nanos } = events.find((event) => event[kind])!.eventTime!;
    return Number(seconds) * 1_000 + nanos! / 1e6;
  };
  return at('workflowTaskCompletedEventAttributes') - at('workflowTaskStartedEventAttributes');
}

it('a workflow task of more than five seconds ends, and so does not its worker', async () => {
  const connection = await Connection.connect({ address: to.temporal.address });
  const { workflow } = new Client({ connection });
  let ms = 0;
  // How many turns are so long is found out, since machines differ, and each from one moment to the next.
  for (let turns = 1e9, tries = 0; ms < cutOffMs && tries < 6; tries += 1) {
    ms = await took(workflow, Math.round(turns));
    turns *= Math.min(8, Math.max(1.3, (1.5 * cutOffMs) / ms));
  }
  expect(ms).toBeGreaterThan(cutOffMs);
  await connection.close();
});
