import { expect, it } from 'vitest';
import { failuresIn } from './workflow-task-failures.ts';

const completed = { workflowTaskCompletedEventAttributes: {} };
const signaled = { eventId: 1, workflowExecutionSignaledEventAttributes: {} };
const timedOut = { eventId: 1, workflowTaskTimedOutEventAttributes: {} };
const failed = (seconds: number, message?: string) => ({
  eventTime: { seconds },
  workflowTaskFailedEventAttributes: { failure: { message } },
});

it('tells of the failures since a task was last completed: how many, since when, and what was said last', () => {
  const events = [
    signaled,
    failed(30, 'Nondeterminism error\nat …'),
    signaled,
    failed(20, 'first'),
    completed,
    failed(10),
  ];
  expect(failuresIn(events)).toEqual({ tries: 2, since: new Date(20_000), why: 'Nondeterminism error', worked: true });
  expect(failuresIn([failed(20), signaled])).toEqual({
    tries: 1,
    since: new Date(20_000),
    why: 'it gave no reason',
    worked: false,
  });
});

it('finds none where a task was completed since, or where a worker only went away', () => {
  expect(failuresIn([signaled, completed, failed(10, 'mended since')])).toBeNull();
  expect(failuresIn([timedOut, signaled, timedOut, completed, failed(10)])).toBeNull();
  expect(failuresIn([])).toBeNull();
});
