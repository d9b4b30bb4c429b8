import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  Connection,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  defaultGrpcRetryOptions,
  isGrpcDeadlineError,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import {
  taskQueues,
  workflowIdOf,
  type CheckInput,
  type ConnectionInput,
  type Problem,
} from '../workflows/messages.ts';
import { failuresIn, isCompleted, type HistoryEvent } from './workflow-task-failures.ts';

/** With `verified` the connection's document holds what was found; with `duplicate` it names the other one. */
export type CheckResult =
  | { outcome: 'verified' }
  | { outcome: 'parked'; problem: Problem }
  | { outcome: 'duplicate'; problem: Problem }
  /** The app wants us to come later, or is away. */
  | { outcome: 'wait'; delay: { why: string; ms: number }; problem?: Problem };

export type UpdateName = 'pause' | 'resume' | 'rescan' | 'disconnect';
export type SignalName = 'requestAction' | 'changed' | 'credentialsChanged';

/**
 * `refused` by the workflow's validator, the message says why · `notRunning` no such workflow runs ·
 * `worker` nobody answered in time · `server` Temporal itself cannot be reached.
 */
export type TemporalFailureKind = 'refused' | 'notRunning' | 'worker' | 'server';

export class TemporalFailure extends Error {
  override readonly name = 'TemporalFailure';
  readonly kind: TemporalFailureKind;

  constructor(kind: TemporalFailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** A workflow of the type `connection` that runs. */
export interface RunningWorkflow {
  workflowId: string;
  runId: string;
  startedAt: Date;
}

/** A workflow task that fails again and again: until one is completed the workflow hears of nothing. */
export interface FailingTask {
  workflow: RunningWorkflow;
  tries: number;
  /** The first failure that nothing was completed after. */
  since: Date;
  /** What the worker said. */
  why: string;
  /** Whether this run ever completed a task; one that did not has nothing yet that a new run would not meet too. */
  worked: boolean;
}

/** What the API needs of Temporal. Every call ends within its deadline and throws only TemporalFailure. */
export interface Temporal {
  /** Starting one that runs already changes nothing. */
  start(input: ConnectionInput): Promise<void>;
  /** Runs the `check` workflow to its end. */
  check(input: CheckInput, title: string): Promise<CheckResult>;
  /** `done`: the workflow has obeyed; `accepted`: it has begun to. The same `updateId` is obeyed once. */
  update(connectionId: string, name: UpdateName, options: { updateId?: string }): Promise<'done' | 'accepted'>;
  signal(connectionId: string, name: SignalName, args: readonly string[]): Promise<void>;
  /** All that runs, as Temporal's list has it, which may be some seconds behind. */
  running(): Promise<RunningWorkflow[]>;
  /** Of the newest run, such as `RUNNING` or `TERMINATED`; null where Temporal knows of none (any more). */
  statusOf(connectionId: string): Promise<string | null>;
  /** Null: the newest run has no task that a worker failed. A worker that is away fails none. */
  failingTask(connectionId: string): Promise<FailingTask | null>;
  /** Ends this very run at once; one that has ended already is left alone. */
  terminate(workflow: RunningWorkflow, reason: string): Promise<void>;
  /** Rejects within 4 s when the server or the namespace is away. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface TemporalOptions {
  address: string;
  namespace: string;
  /** Milliseconds. */
  updateDeadlineMs?: number;
  checkDeadlineMs?: number;
  pingDeadlineMs?: number;
}

const listDeadlineMs = 15_000;
/** Of at most 256 events each, read to tell since when a task fails. */
const pagesRead = 60;

export function connectTemporal(options: TemporalOptions): Temporal {
  const { address, namespace } = options;
  const updateDeadlineMs = options.updateDeadlineMs ?? 5_000;
  const checkDeadlineMs = options.checkDeadlineMs ?? 20_000;
  const pingDeadlineMs = options.pingDeadlineMs ?? 4_000;
  const retries = createRetries();
  const connection = Connection.lazy({ address, connectTimeout: '3s', interceptors: [retries.interceptor] });
  const client = new Client({ connection, namespace });

  async function ping(withinMs = pingDeadlineMs) {
    try {
      await within(withinMs, () => connection.workflowService.describeNamespace({ namespace }));
    } catch (error) {
      throw new TemporalFailure('server', `Temporal at ${address}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Also bounds what the SDK does beside the call itself: connecting, and retries between calls. */
  async function within<T>(ms: number, call: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DeadlineError(`no answer within ${ms} ms`)), ms + 250);
    });
    try {
      return await Promise.race([connection.withDeadline(Date.now() + ms, call), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A call that came to no end: is it the worker or the server that is away? */
  async function classify(error: unknown): Promise<TemporalFailure> {
    if (error instanceof TemporalFailure) return error;
    if (error instanceof WorkflowNotFoundError)
      return new TemporalFailure('notRunning', 'the workflow of this connection does not run', { cause: error });
    if (error instanceof WorkflowUpdateFailedError)
      return new TemporalFailure('refused', error.cause?.message ?? 'refused by the workflow', { cause: error });
    const said = error instanceof ServiceError ? error.cause : error;
    if (isGrpcServiceError(said) && isFailingTask(said))
      return new TemporalFailure('worker', 'the worker fails its workflow task again and again', { cause: error });
    // Timed out in the server, a moment before our own deadline, or failed in the worker.
    if (error instanceof WorkflowFailedError)
      return new TemporalFailure('worker', 'no worker brought it to its end', { cause: error });
    try {
      await ping(Math.min(1_000, pingDeadlineMs));
    } catch (away) {
      return away as TemporalFailure;
    }
    const kind = isDeadline(error) ? 'worker' : 'server';
    const why = kind === 'worker' ? 'no worker answered in time' : `Temporal refused the call: ${reasonOf(error)}`;
    return new TemporalFailure(kind, why, { cause: error });
  }

  async function classified<T>(ms: number, call: () => Promise<T>): Promise<T> {
    try {
      return await within(ms, call);
    } catch (error) {
      throw await classify(error);
    }
  }

  /** Of the newest run; null where Temporal knows of none. */
  async function described(connectionId: string): Promise<WorkflowExecutionDescription | null> {
    try {
      return await classified(updateDeadlineMs, () => client.workflow.getHandle(workflowIdOf(connectionId)).describe());
    } catch (error) {
      if (error instanceof TemporalFailure && error.kind === 'notRunning') return null;
      throw error;
    }
  }

  return {
    async start(input) {
      await classified(updateDeadlineMs, () =>
        client.workflow.start('connection', {
          workflowId: workflowIdOf(input.connectionId),
          taskQueue: taskQueues.sweep,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: input.title,
        }),
      );
    },

    async check(input, title) {
      const handle = await classified(updateDeadlineMs, () =>
        client.workflow.start('check', {
          workflowId: `check/${input.connectionId}`,
          taskQueue: taskQueues.sweep,
          args: [input],
          staticSummary: title,
          workflowExecutionTimeout: checkDeadlineMs,
        }),
      );
      return classified(checkDeadlineMs, () => handle.result() as Promise<CheckResult>);
    },

    async update(connectionId, name, { updateId }) {
      const until = Date.now() + updateDeadlineMs;
      const handle = await classified(updateDeadlineMs, () =>
        client.workflow.getHandle(workflowIdOf(connectionId)).startUpdate<unknown, []>(name, {
          ...(updateId === undefined ? {} : { updateId }),
          waitForStage: 'ACCEPTED',
        }),
      );
      try {
        await classified(Math.max(500, until - Date.now()), () => handle.result());
        return 'done';
      } catch (error) {
        if (error instanceof TemporalFailure && error.kind === 'worker') return 'accepted';
        throw error;
      }
    },

    async signal(connectionId, name, args) {
      await classified(updateDeadlineMs, () =>
        client.workflow.getHandle(workflowIdOf(connectionId)).signal(name, ...args),
      );
    },

    running: () =>
      classified(listDeadlineMs, async () => {
        const found: RunningWorkflow[] = [];
        const query = `WorkflowType = 'connection' AND ExecutionStatus = 'Running'`;
        for await (const { workflowId, runId, startTime } of client.workflow.list({ query, pageSize: 1_000 }))
          found.push({ workflowId, runId, startedAt: startTime });
        return found;
      }),

    statusOf: async (connectionId) => (await described(connectionId))?.status.name ?? null,

    async failingTask(connectionId) {
      const about = await described(connectionId);
      const attempt = about?.raw.pendingWorkflowTask?.attempt ?? 0;
      // At the first try nothing has failed yet.
      if (!about || attempt < 2) return null;
      const { workflowId, runId, startTime: startedAt } = about;
      const events: HistoryEvent[] = [];
      let nextPageToken: Uint8Array | null | undefined;
      // Signals pile up in front of what failed, 10,000 at most.
      for (let page = 0; page < pagesRead && !events.some(isCompleted); page += 1) {
        const request = { namespace, execution: { workflowId, runId }, nextPageToken };
        const answer = await classified(updateDeadlineMs, () =>
          connection.workflowService.getWorkflowExecutionHistoryReverse(request),
        );
        events.push(...(answer.history?.events ?? []));
        ({ nextPageToken } = answer);
        if (!nextPageToken?.length) break;
      }
      const found = failuresIn(events);
      if (!found) return null;
      const worked = found.worked || (nextPageToken?.length ?? 0) > 0;
      return { ...found, worked, tries: Math.max(attempt, found.tries), workflow: { workflowId, runId, startedAt } };
    },

    async terminate({ workflowId, runId }, reason) {
      try {
        await classified(updateDeadlineMs, () => client.workflow.getHandle(workflowId, runId).terminate(reason));
      } catch (error) {
        if (!(error instanceof TemporalFailure && error.kind === 'notRunning')) throw error;
      }
    },

    ping: () => ping(),
    async close() {
      await retries.stop();
      await connection.close();
    },
  };
}

/**
 * As the SDK's own, but bounded, and to be stopped: a retry of the SDK that comes due after the connection was closed
 * throws outside of any call and ends the process.
 */
function createRetries() {
  const defaults = defaultGrpcRetryOptions({ maxAttempts: 4 });
  let stopped = false;
  let lastAt = 0;
  return {
    interceptor: makeGrpcRetryInterceptor({
      retryableDecider: (attempt, status) =>
        !stopped && (defaults.retryableDecider(attempt, status) || (attempt < 10 && isRollingOver(status))),
      delayFunction(attempt, status) {
        const ms = defaults.delayFunction(attempt, status);
        lastAt = Math.max(lastAt, Date.now() + ms);
        return ms;
      },
    }),
    async stop() {
      stopped = true;
      if (lastAt > Date.now()) await delay(lastAt - Date.now() + 100);
    },
  };
}

/** The workflow was about to become its next run and a signal came between: the next try reaches that run. */
const isRollingOver = ({ code, details }: { code: number; details?: string }): boolean =>
  code === failedPrecondition && /workflow task failure/.test(details ?? '');
/** Temporal takes no update for a workflow whose task has failed some times. */
const isFailingTask = ({ code, details }: { code: number; details?: string }): boolean =>
  code === failedPrecondition && /workflow task in failed state/i.test(details ?? '');
const failedPrecondition = 9;

class DeadlineError extends Error {}

function isDeadline(error: unknown): boolean {
  if (error instanceof DeadlineError || isGrpcDeadlineError(error)) return true;
  return error instanceof Error && error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError';
}

/** One line, and no gRPC code soup. */
function reasonOf(error: unknown): string {
  if (isDeadline(error)) return 'no answer in time';
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!.slice(0, 200);
}
