import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { TemporalFailure, type Temporal } from './temporal.ts';

export interface Signals {
  /** An action is stored: at most 20 signals a second a connection; the rest are merged into one at the end. */
  requestAction(connectionId: string, actionId: string): void;
  /** Something came into `pending`: at once if none went in the last half second, else at the end of that. */
  changed(connectionId: string): void;
  credentialsChanged(connectionId: string): void;
  /** Sends what still waits and returns when all is sent or has failed. */
  drain(): Promise<void>;
}

/** A vendor's hook that comes right after another is in the store within a second, the wait for its signal included. */
const allowed = {
  requestAction: { most: 20, inMs: 1_000 },
  changed: { most: 1, inMs: 500 },
  credentialsChanged: { most: 20, inMs: 1_000 },
} as const;
type SignalName = keyof typeof allowed;
const longestMs = Math.max(...Object.values(allowed).map(({ inMs }) => inMs));
/** Before one that was not delivered is sent again: a minute in all, after which reconciliation finds the work. */
const againAfterMs = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];

interface Lane {
  /** When the signals of the last while went, oldest first. */
  sent: number[];
  /** The one that waits for the others, merged: only the newest argument is kept, for all only wake. */
  waiting?: { args: string[]; cancel: () => void };
  /** Ends the wait of one that was not delivered. */
  cancelAgain?: () => void;
}

/** A workflow that does not run, or refuses, does so again. */
const mayCome = (error: unknown): boolean =>
  !(error instanceof TemporalFailure) || error.kind === 'server' || error.kind === 'worker';

/** Signals only wake, the work is in the store: where none comes through the workflow finds the work itself, later. */
export function createSignals(temporal: Temporal, clock: Clock, logger: Logger): Signals {
  const lanes = new Map<string, Lane>();
  const inFlight = new Set<Promise<void>>();
  let drained = false;

  function send(connectionId: string, name: SignalName, args: string[], lane: Lane, failures = 0) {
    lane.sent.push(clock.now().getTime());
    const sending = temporal
      .signal(connectionId, name, args)
      .catch((error: unknown) => {
        const about = { connectionId, signal: name, why: String(error) };
        logger.warn(about, 'signal not delivered; the store has the work');
        const inMs = againAfterMs[failures];
        if (inMs === undefined || drained || !mayCome(error) || lane.waiting || lane.cancelAgain) return;
        lane.cancelAgain = clock.after(inMs, () => wake(connectionId, name, args, failures + 1));
      })
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  }

  function forgetIdle(now: number) {
    if (lanes.size < 1_000) return;
    for (const [key, lane] of lanes) {
      const isIdle = !lane.waiting && !lane.cancelAgain && (lane.sent.at(-1) ?? 0) <= now - longestMs;
      if (isIdle) lanes.delete(key);
    }
  }

  function wake(connectionId: string, name: SignalName, args: string[], failures = 0) {
    const key = `${connectionId}/${name}`;
    const now = clock.now().getTime();
    forgetIdle(now);
    const lane = lanes.get(key) ?? { sent: [] };
    lanes.set(key, lane);
    const { most, inMs } = allowed[name];
    lane.sent = lane.sent.filter((at) => at > now - inMs);
    // This one wakes for both.
    lane.cancelAgain?.();
    lane.cancelAgain = undefined;
    if (lane.waiting) {
      lane.waiting.args = args;
      return;
    }
    if (lane.sent.length < most) {
      send(connectionId, name, args, lane, failures);
      return;
    }
    const flush = () => {
      const { waiting } = lane;
      lane.waiting = undefined;
      if (waiting) send(connectionId, name, waiting.args, lane);
    };
    lane.waiting = { args, cancel: clock.after(lane.sent[0]! + inMs - now, flush) };
  }

  return {
    requestAction: (connectionId, actionId) => wake(connectionId, 'requestAction', [actionId]),
    changed: (connectionId) => wake(connectionId, 'changed', []),
    credentialsChanged: (connectionId) => wake(connectionId, 'credentialsChanged', []),
    async drain() {
      drained = true;
      for (const lane of lanes.values()) lane.cancelAgain?.();
      for (const [key, lane] of lanes) {
        if (!lane.waiting) continue;
        const [connectionId, name] = key.split('/') as [string, SignalName];
        lane.waiting.cancel();
        const { args } = lane.waiting;
        lane.waiting = undefined;
        send(connectionId, name, args, lane);
      }
      await Promise.all(inFlight);
    },
  };
}
