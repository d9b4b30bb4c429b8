import {
  TemporalFailure,
  type CheckResult,
  type FailingTask,
  type RunningWorkflow,
  type Temporal,
  type TemporalFailureKind,
} from '../../api/temporal.ts';
import { workflowIdOf } from '../../workflows/messages.ts';

export interface Heard {
  call: 'start' | 'check' | 'update' | 'signal' | 'terminate';
  connectionId: string;
  name?: string;
  args?: readonly string[];
  updateId?: string;
}

/** Stands where Temporal is and writes down what it is told; fails as told. */
export interface RecordingTemporal extends Temporal {
  heard: Heard[];
  /** The next calls of this name fail so, until undefined. */
  failing: Partial<Record<Heard['call'] | 'running' | 'ping', { kind: TemporalFailureKind; why: string }>>;
  /** What the check workflow does and answers. */
  onCheck: (connectionId: string) => Promise<CheckResult>;
  /** What the workflow does when it obeys. */
  onUpdate: (connectionId: string, name: string) => Promise<void>;
  /** What runs, by connection; `statusOf` and `running` tell it, `start` adds to it. */
  workflows: Map<string, RunningWorkflow>;
  /** What `failingTask` tells, by connection. */
  failingTasks: Map<string, Omit<FailingTask, 'workflow'>>;
  /** Of which connections `failingTask` was asked. */
  asked: string[];
  of(call: Heard['call'], connectionId?: string): Heard[];
}

export function recordingTemporal(): RecordingTemporal {
  const temporal: RecordingTemporal = {
    heard: [],
    failing: {},
    onCheck: () => Promise.resolve({ outcome: 'verified' }),
    onUpdate: () => Promise.resolve(),
    workflows: new Map(),
    failingTasks: new Map(),
    asked: [],
    of: (call, connectionId) =>
      temporal.heard.filter((each) => each.call === call && (!connectionId || each.connectionId === connectionId)),
    async start({ connectionId }) {
      await fail('start');
      const workflowId = workflowIdOf(connectionId);
      temporal.workflows.set(workflowId, { workflowId, runId: 'run', startedAt: new Date(0) });
      temporal.heard.push({ call: 'start', connectionId });
    },
    async check({ connectionId }) {
      await fail('check');
      temporal.heard.push({ call: 'check', connectionId });
      return temporal.onCheck(connectionId);
    },
    async update(connectionId, name, { updateId }) {
      temporal.heard.push({ call: 'update', connectionId, name, ...(updateId === undefined ? {} : { updateId }) });
      await fail('update');
      await temporal.onUpdate(connectionId, name);
      return 'done';
    },
    async signal(connectionId, name, args) {
      temporal.heard.push({ call: 'signal', connectionId, name, args });
      await fail('signal');
    },
    async running() {
      await fail('running');
      return [...temporal.workflows.values()];
    },
    async statusOf(connectionId) {
      await fail('running');
      return temporal.workflows.has(workflowIdOf(connectionId)) ? 'RUNNING' : 'TERMINATED';
    },
    failingTask(connectionId) {
      temporal.asked.push(connectionId);
      const workflow = temporal.workflows.get(workflowIdOf(connectionId));
      const task = temporal.failingTasks.get(connectionId);
      return Promise.resolve(workflow && task ? { ...task, workflow } : null);
    },
    terminate({ workflowId }, reason) {
      temporal.heard.push({ call: 'terminate', connectionId: workflowId, args: [reason] });
      temporal.workflows.delete(workflowId);
      return Promise.resolve();
    },
    ping: () => fail('ping'),
    close: () => Promise.resolve(),
  };
  function fail(call: Heard['call'] | 'running' | 'ping'): Promise<void> {
    const failure = temporal.failing[call];
    return failure ? Promise.reject(new TemporalFailure(failure.kind, failure.why)) : Promise.resolve();
  }
  return temporal;
}
