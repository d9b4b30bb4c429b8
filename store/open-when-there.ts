import { setTimeout as delay } from 'node:timers/promises';
import { MongoError } from 'mongodb';
import { openStore, type StoreLogger, type StoreOptions } from './open-store.ts';
import type { Store } from './store.ts';

/** Not there, or without a primary. A refused log-in or a wrong address does not mend by waiting. */
const isAway = (error: unknown): boolean =>
  error instanceof MongoError && /^Mongo(ServerSelection|Network|NetworkTimeout|NotConnected)Error$/.test(error.name);

/**
 * For a process that may start before MongoDB does: opens the store and makes its indexes, tried until MongoDB is there.
 * Each try takes up to 15 s and is followed by a line in the log.
 */
export async function openWhenThere(
  options: StoreOptions & { logger: StoreLogger },
  { open = openStore, againMs = 2_000 }: { open?: typeof openStore; againMs?: number } = {},
): Promise<Store> {
  for (;;) {
    let store: Store | undefined;
    try {
      store = await open(options);
      await store.ensureIndexes();
      return store;
    } catch (error) {
      await store?.close();
      if (!isAway(error)) throw error;
      options.logger.warn({ why: (error as Error).message }, 'MongoDB is away, asked again soon');
      await delay(againMs);
    }
  }
}
