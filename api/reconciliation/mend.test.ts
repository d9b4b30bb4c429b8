import { expect, it, vi } from 'vitest';
import type { FailingTask } from '../temporal.ts';
import { mend, type MendDeps } from './mend.ts';

const now = new Date('2026-01-01T12:00:00Z');
const workflow = { workflowId: 'connection/con_a', runId: 'r', startedAt: now };
const failing: FailingTask = {
  workflow,
  tries: 9,
  since: new Date('2026-01-01T11:00:00Z'),
  why: 'nondeterminism',
  worked: true,
};

/** Temporal as the case needs it: whether a task fails there is all that differs. */
async function suspect(task: FailingTask | null, times = 1) {
  const temporal = {
    failingTask: () => Promise.resolve(task),
    terminate: vi.fn(() => Promise.resolve()),
    signal: vi.fn(() => Promise.resolve()),
    statusOf: () => Promise.resolve('TERMINATED'),
  };
  const start = vi.fn(() => Promise.resolve(true));
  const deps = {
    store: { now: () => now, connections: { get: () => Promise.resolve({ wanted: 'running', state: {} }) } },
    temporal,
    starter: { start },
    stuckAfter: { tries: 5, ms: 300_000 },
  } as unknown as MendDeps;
  const done = await mend(deps, { case: 'workflowStuck', connectionId: 'con_a', what: 'silent' }, times);
  const calls = [temporal.terminate, start].map((each) => each.mock.calls.length);
  return { done, calls, terminate: temporal.terminate };
}

it('a run whose task fails often and for long is ended, and another started', async () => {
  const { done, calls, terminate } = await suspect(failing);
  expect(done).toMatchObject({
    case: 'workflowStuck',
    mended: true,
    what: 'its workflow task fails since 2026-01-01T11:00:00.000Z: nondeterminism (9 tries)',
    did: 'ended this run; started again: its last run is terminated',
  });
  expect(calls).toEqual([1, 1]);
  expect(terminate.mock.calls).toEqual([[workflow, expect.stringContaining('nondeterminism')]]);
});

it.each<[string, FailingTask | null]>([
  ['fails no task', null],
  ['failed only a few times', { ...failing, tries: 4 }],
  ['fails since a moment ago', { ...failing, since: new Date('2026-01-01T11:56:00Z') }],
])('a run that %s is left alone', async (_, task) => {
  const { done, calls } = await suspect(task);
  expect(done).toBeNull();
  expect(calls).toEqual([0, 0]);
});

it('a run that never got anywhere is told of, not ended: another would fail alike', async () => {
  const { done, calls } = await suspect({ ...failing, worked: false });
  expect(done).toMatchObject({
    mended: false,
    remedy: expect.stringContaining('a new run would fail alike') as string,
  });
  expect(calls).toEqual([0, 0]);
});
