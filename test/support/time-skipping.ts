import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import type {} from './provided.ts';

/** A new time-skipping server; the caller tears it down. Time is common to all its workflows: one test at a time. */
export async function createTimeSkipping(): Promise<TestWorkflowEnvironment> {
  const executable = { type: 'existing-path', path: inject('timeSkippingServer') } as const;
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
}
