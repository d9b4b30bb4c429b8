import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { StartFailure } from './processes.ts';

/** Different ports of 127.0.0.1 that were free a moment ago; held together so that no two are the same. */
export async function freePorts<const N extends number>(count: N): Promise<number[] & { length: N }> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
    return servers.map((server) => (server.address() as AddressInfo).port) as number[] & { length: N };
  } finally {
    for (const server of servers) server.close();
  }
}

/** The last is how Temporal's dev server dies when somebody took one of the ports that it chooses itself. */
const TAKEN =
  /address already in use|EADDRINUSE|can't set port|port \d+ is in use|SocketException|grpc\.\(\*Server\)\.Serve\(/i;

/**
 * Starts something on fresh ports, and on others if somebody took one in between. The caller's readiness must prove that
 * it is its own process that answers, or another run's server on the same port would pass for it.
 */
export async function onFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      if (attempt >= 4 || !(error instanceof StartFailure && TAKEN.test(error.log))) throw error;
    }
  }
}
