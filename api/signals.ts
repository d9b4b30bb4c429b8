import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Temporal } from './temporal.ts';

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

interface Lane {
  /** When the signals of the last while went, oldest first. */
  sent: number[];
  /** The one that waits for the others, merged: only the newest argument is kept, for all only wake. */
  waiting?: { args: string[]; cancel: () => void };
}

/** Signals only wake, the work is in the store: a failed one is logged and the workflow finds the work itself. */
export function createSignals(temporal: Temporal, clock: Clock, logger: Logger): Signals {
  const lanes = new Map<string, Lane>();
  const inFlight = new Set<Promise<void>>();

  function send(connectionId: string, name: SignalName, args: string[], lane: Lane) {
    lane.sent.push(clock.now().getTime());
    const sending = temporal
      .signal(connectionId, name, args)
      .catch((error: unknown) =>
        logger.warn({ connectionId, signal: name, why: String(error) }, 'signal not delivered; the store has the work'),
      )
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  }

  function forgetIdle(now: number) {
    if (lanes.size < 1_000) return;
    for (const [key, lane] of lanes) if (!lane.waiting && (lane.sent.at(-1) ?? 0) <= now - longestMs) lanes.delete(key);
  }

  function wake(connectionId: string, name: SignalName, args: string[]) {
    const key = `${connectionId}/${name}`;
    const now = clock.now().getTime();
    forgetIdle(now);
    const lane = lanes.get(key) ?? { sent: [] };
    lanes.set(key, lane);
    const { most, inMs } = allowed[name];
    lane.sent = lane.sent.filter((at) => at > now - inMs);
    if (lane.waiting) {
      lane.waiting.args = args;
      return;
    }
    if (lane.sent.length < most) {
      send(connectionId, name, args, lane);
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
