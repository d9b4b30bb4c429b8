import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/contract.ts';
import { taskQueues } from './messages.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** After five minutes of failures the lane takes over: it waits in a timer that people can see, then starts the next. */
const chunk = {
  heartbeatTimeout: '5s',
  startToCloseTimeout: '150s',
  scheduleToCloseTimeout: '5m',
  retry,
  cancellationType,
} as const;
const step = {
  heartbeatTimeout: '5s',
  startToCloseTimeout: '60s',
  scheduleToCloseTimeout: '5m',
  retry,
  cancellationType,
} as const;

export const sweeping = proxyActivities<Pick<Activities, 'sweepChunk' | 'beginScan' | 'finishScan'>>({
  ...chunk,
  taskQueue: taskQueues.sweep,
});
export const watching = proxyActivities<Pick<Activities, 'watchChunk'>>({ ...chunk, taskQueue: taskQueues.watch });
/**
 * Whatever it cannot do is done by a round, so it is let go at once. Asks again half a minute after a worker that died
 * in the middle of a look. Ends by itself after hours.
 */
export const watchingQuietly = proxyActivities<Pick<Activities, 'watchQuietly'>>({
  ...chunk,
  scheduleToCloseTimeout: '24h',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  taskQueue: taskQueues.watch,
});
/** Of few slots: a connection may have to wait for one. */
export const contents = proxyActivities<Pick<Activities, 'contentChunk'>>({
  ...chunk,
  scheduleToCloseTimeout: '1h',
  taskQueue: taskQueues.content,
});
export const acting = proxyActivities<
  Pick<Activities, 'nextActions' | 'prepareAction' | 'applyAction' | 'checkAction' | 'undoAction'>
>({ ...step, taskQueue: taskQueues.actions });
export const managing = proxyActivities<
  Pick<Activities, 'readWishes' | 'authenticate' | 'checkCredential' | 'disconnect'>
>({ ...step, taskQueue: taskQueues.actions });
/** Erasing a large connection takes its time. */
export const erasing = proxyActivities<Pick<Activities, 'erase'>>({
  heartbeatTimeout: '5s',
  startToCloseTimeout: '1h',
  retry,
  taskQueue: taskQueues.actions,
});
type Recording = Pick<Activities, 'writeState'>;
export const recording = proxyActivities<Recording>({
  startToCloseTimeout: '10s',
  retry,
  taskQueue: taskQueues.actions,
});
/**
 * As runs of before have it. One that outlasts its workflow task, as when MongoDB is away, is replayed as if it had ended
 * before what else came in the next task, and the run then stands still for ever.
 */
export const recordingLocally = proxyLocalActivities<Recording>({ startToCloseTimeout: '10s', retry });
