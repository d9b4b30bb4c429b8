import type { Connector } from '../connectors/connector.ts';
import type { Governor } from '../connectors/quota.ts';
import type { Store } from '../store/store.ts';
import type { Times } from './config.ts';

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What every activity works with, handed over once by `worker.ts`. */
export interface Dependencies {
  store: Store;
  connectors: readonly Connector[];
  governor: Governor;
  times: Times;
  allowLocalOrigins: boolean;
  /** Where vendors reach the API; without it nothing is subscribed and polling does all. */
  publicUrl?: string;
  log: Logger;
}
