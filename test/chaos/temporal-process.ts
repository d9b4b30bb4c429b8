import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { ProcessOwner } from '../../local/processes.ts';
import { startTemporal, type TemporalServer } from '../../local/servers/start-temporal.ts';
import { TcpProxy } from './tcp-proxy.ts';
import type { TemporalProcess } from './world.ts';

/**
 * How many signals a run may get: Temporal's default at true scale, less where time is short, but always more than what
 * makes a run roll over, as it is there.
 */
export const signalLimitAt = (scale: number): number => Math.max(1_000, Math.round(10_000 * scale ** 2));

const endpoint = (address: string) => ({ host: '127.0.0.1', port: Number(address.split(':')[1]) });

/** Keeps its state in a file; after a restart it has another port, which only the proxies know. */
export async function startTemporalProcess(
  owner: ProcessOwner,
  logFolder: string,
  firstRollAt: number | undefined,
  scale: number,
): Promise<TemporalProcess & { close(): Promise<void> }> {
  const dbFile = join(owner.folder('castellan-temporal'), 'temporal.db');
  let rollAt = firstRollAt;
  let server: TemporalServer;

  const launch = () =>
    startTemporal(owner, {
      logFolder,
      ui: false,
      dbFile,
      dynamicConfig: {
        'history.maximumSignalsPerExecution': signalLimitAt(scale),
        ...(rollAt && { 'limit.historyCount.suggestContinueAsNew': rollAt }),
      },
    });

  server = await launch();
  const [toWorker, toApi, ours] = await Promise.all(
    [0, 1, 2].map(() => new TcpProxy(endpoint(server.address)).listen()),
  );
  const connection = await Connection.connect({ address: ours!.address });
  return {
    client: new Client({ connection }),
    get address() {
      return server.address;
    },
    toWorker: toWorker!,
    toApi: toApi!,
    async kill(signal) {
      server.kill(signal);
      if (signal === 'SIGKILL') await server.stop();
    },
    async start(next = rollAt) {
      await server.stop();
      rollAt = next;
      server = await launch();
      for (const proxy of [toWorker!, toApi!, ours!]) {
        proxy.target = endpoint(server.address);
        proxy.cut();
      }
    },
    async close() {
      await connection.close();
      await Promise.all([toWorker!, toApi!, ours!].map((proxy) => proxy.close()));
    },
  };
}
