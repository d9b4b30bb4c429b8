import type { Client } from '@temporalio/client';

const historyLimit = 4_096;

export const historyDifferences = (longestRun: number): string[] =>
  longestRun > historyLimit ? [`a run has ${longestRun} events, more than ${historyLimit}`] : [];

/** Events of the longest run of any connection's workflow, ended ones included. */
export async function longestRunOf(client: Client, without: ReadonlySet<string>): Promise<number> {
  let longest = 0;
  for await (const run of client.workflow.list({ query: 'WorkflowType = "connection"' })) {
    if (without.has(run.runId)) continue;
    // Of one that runs the list knows only how long it was a while ago.
    const length =
      run.status.name === 'RUNNING'
        ? (await client.workflow.getHandle(run.workflowId, run.runId).describe()).historyLength
        : run.historyLength;
    longest = Math.max(longest, length);
  }
  return longest;
}
