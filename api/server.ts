import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { connectors } from '../connectors/index.ts';
import { openWhenThere } from '../store/open-when-there.ts';
import { createApp } from './app.ts';
import { systemClock } from './clock.ts';
import { ConfigError, readConfig, type Config } from './config.ts';
import { createReconciler } from './reconciliation/reconciler.ts';
import { createSignals } from './signals.ts';
import { createStarter } from './starter.ts';
import { connectTemporal } from './temporal.ts';

const graceMs = 10_000;

async function main(config: Config): Promise<void> {
  const logger = pino({ level: config.logLevel, base: { process: 'api' } });
  const quit = () => process.exit(0);
  process.on('SIGTERM', quit).on('SIGINT', quit);
  const { mongodbUri: uri, database, key, oldKeys } = config;
  const store = await openWhenThere({ uri, database, key, oldKeys, logger });
  process.off('SIGTERM', quit).off('SIGINT', quit);
  const temporal = connectTemporal({ address: config.temporalAddress, namespace: config.temporalNamespace });
  const clock = systemClock;
  const signals = createSignals(temporal, clock, logger);
  const everyMs = config.reconcileEveryMs;
  const starter = createStarter({ store, temporal, connectors, clock, logger, everyMs: everyMs / 4 });
  const reconciler = createReconciler({ store, temporal, starter, clock, logger, everyMs });
  const server = createServer(createApp({ store, temporal, signals, starter, connectors, config, logger, clock }));
  // Slow senders must not hold sockets: the whole request within 30 s, its head within 10 s.
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  server.keepAliveTimeout = 65_000;
  server.maxRequestsPerSocket = 10_000;
  await listen(server, config);
  starter.run();
  reconciler.run();
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  process.stdout.write(`castellan api listening on http://${host}:${port}\n`);

  let stopping = false;
  const stop = async (why: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ why }, 'api stops');
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const force = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(force);
    await Promise.all([starter.stop(), reconciler.stop()]);
    await signals.drain();
    await Promise.allSettled([temporal.close(), store.close()]);
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new ConfigError(`CASTELLAN_API_PORT wants a free port: something listens on ${host}:${port} already`)
          : error,
      ),
    );
    server.listen(port, host, resolve);
  });
}

try {
  await main(readConfig(process.env));
} catch (error) {
  const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
  process.stderr.write(error instanceof ConfigError ? `${why}\n` : `castellan api cannot start: ${why}\n`);
  process.exit(1);
}
