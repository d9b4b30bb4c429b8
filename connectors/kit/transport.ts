import { Agent, type Dispatcher } from 'undici';
import { publicLookup } from './origins.ts';

let shared: { local?: Agent; public?: Agent } = {};

const options = { keepAliveTimeout: 10_000, keepAliveMaxTimeout: 60_000, connect: { timeout: 10_000 } };

/**
 * The process's connections to vendors, opened at first use and kept alive. Two kinds, so that a connection that was
 * opened with local addresses allowed is never taken by a caller for whom they are not.
 */
export function transport(allowLocalOrigins: boolean): Dispatcher {
  if (allowLocalOrigins) return (shared.local ??= new Agent(options));
  return (shared.public ??= new Agent({ ...options, connect: { ...options.connect, lookup: publicLookup } }));
}

/** Ends them; for a process that is about to exit. */
export async function closeTransport(): Promise<void> {
  const { local, public: outside } = shared;
  shared = {};
  await Promise.all([local?.close(), outside?.close()]);
}
