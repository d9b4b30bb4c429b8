import type { Connector } from '../connectors/connector.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Signals } from './signals.ts';
import type { Starter } from './starter.ts';
import type { Temporal } from './temporal.ts';

/** All that the API works with. */
export interface Deps {
  store: Store;
  temporal: Temporal;
  signals: Signals;
  starter: Starter;
  connectors: readonly Connector[];
  config: { allowLocalOrigins: boolean; requestsPerMinute: number };
  logger: Logger;
  clock: Clock;
}
