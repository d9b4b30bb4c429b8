import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import type {} from './provided.ts';

/** A new time-skipping server; the caller tears it down. Time is common to all its workflows: one test at a time. */
export async function createTimeSkipping(): Promise<TestWorkflowEnvironment> {
  const executable = { type: 'existing-path', path: inject('timeSkippingServer') } as const;
  const env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  // It knows none but its own, and implements no listing of them.
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: { App: 2, ConnectionPhase: 2, WaitingFor: 2, WaitingUntil: 6 },
  });
  return env;
}
