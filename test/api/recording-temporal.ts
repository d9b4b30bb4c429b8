import { TemporalFailure, type CheckResult, type Temporal, type TemporalFailureKind } from '../../api/temporal.ts';

export interface Heard {
  call: 'start' | 'check' | 'update' | 'signal';
  connectionId: string;
  name?: string;
  args?: readonly string[];
  updateId?: string;
}

/** Stands where Temporal is and writes down what it is told; fails as told. */
export interface RecordingTemporal extends Temporal {
  heard: Heard[];
  /** The next calls of this name fail so, until undefined. */
  failing: Partial<Record<Heard['call'] | 'ping', { kind: TemporalFailureKind; why: string }>>;
  /** What the check workflow does and answers. */
  onCheck: (connectionId: string) => Promise<CheckResult>;
  /** What the workflow does when it obeys. */
  onUpdate: (connectionId: string, name: string) => Promise<void>;
  of(call: Heard['call'], connectionId?: string): Heard[];
}

export function recordingTemporal(): RecordingTemporal {
  const temporal: RecordingTemporal = {
    heard: [],
    failing: {},
    onCheck: () => Promise.resolve({ outcome: 'verified' }),
    onUpdate: () => Promise.resolve(),
    of: (call, connectionId) =>
      temporal.heard.filter((each) => each.call === call && (!connectionId || each.connectionId === connectionId)),
    async start({ connectionId }) {
      await fail('start');
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
    ping: () => fail('ping'),
    close: () => Promise.resolve(),
  };
  function fail(call: Heard['call'] | 'ping'): Promise<void> {
    const failure = temporal.failing[call];
    return failure ? Promise.reject(new TemporalFailure(failure.kind, failure.why)) : Promise.resolve();
  }
  return temporal;
}
