import type { Connector } from '../connectors/connector.ts';
import type { ConnectionDocument } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Temporal } from './temporal.ts';

/** Sees that every connection's workflow runs, also when Temporal was away while the connection was made. */
export interface Starter {
  /** Starts now; false when it could not and will be tried again. */
  start(connection: ConnectionDocument): Promise<boolean>;
  /** Walks all connections once: starts what never ran. */
  recover(): Promise<{ started: number }>;
  /** Recovers now, then tries again at intervals what failed. */
  run(): void;
  stop(): Promise<void>;
}

export interface StarterOptions {
  store: Store;
  temporal: Temporal;
  connectors: readonly Connector[];
  clock: Clock;
  logger: Logger;
  /** Milliseconds between tries; 15 s. */
  everyMs?: number;
}

/** "Okta · acme.okta.com" */
export function titleOf(
  connectors: readonly Connector[],
  connection: Pick<ConnectionDocument, 'app' | 'label'>,
): string {
  const connector = connectors.find(({ id }) => id === connection.app);
  return `${connector?.title ?? connection.app} · ${connection.label}`;
}

export function createStarter(options: StarterOptions): Starter {
  const { store, temporal, connectors, clock, logger } = options;
  const everyMs = options.everyMs ?? 15_000;
  const failed = new Set<string>();
  let recovered = false;
  let stopped = false;
  let callOff = () => {};
  let turn: Promise<void> = Promise.resolve();

  async function start(connection: ConnectionDocument): Promise<boolean> {
    const { _id: connectionId, app, state } = connection;
    try {
      await temporal.start({ connectionId, app, title: titleOf(connectors, connection), ...(state ? { state } : {}) });
      failed.delete(connectionId);
      return true;
    } catch (error) {
      failed.add(connectionId);
      logger.warn({ connectionId, why: String(error) }, 'connection not started; it is tried again');
      return false;
    }
  }

  async function recover() {
    const done = { started: 0 };
    let cursor: string | undefined;
    do {
      const page = await store.connections.list({ limit: 200, ...(cursor ? { cursor } : {}) });
      for (const connection of page.items) {
        if (connection.state === null && (await start(connection))) done.started += 1;
      }
      cursor = page.next;
    } while (cursor && !stopped);
    return done;
  }

  async function again() {
    try {
      if (!recovered) {
        await recover();
        recovered = true;
      } else {
        for (const id of [...failed]) {
          const connection = await store.connections.get(id);
          if (connection) await start(connection);
          else failed.delete(id);
        }
      }
    } catch (error) {
      logger.warn({ why: String(error) }, 'connections not looked through; tried again');
    }
    if (!stopped) callOff = clock.after(everyMs, run);
  }

  function run() {
    turn = again();
  }

  return {
    start,
    recover,
    run,
    async stop() {
      stopped = true;
      callOff();
      await turn;
    },
  };
}
