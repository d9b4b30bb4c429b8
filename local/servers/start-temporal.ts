import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Connection } from '@temporalio/client';
import { registerSearchAttributes } from '../../activities/search-attributes.ts';
import { searchAttributes } from '../../workflows/messages.ts';
import { onFreePorts } from '../free-ports.ts';
import type { ProcessOwner } from '../processes.ts';
import { fromCache, fromDownload, fromPath, fromWheel } from './binaries.ts';
import { firstThatWorks, mapSource, type Source, type Tried } from './source-chain.ts';
import { temporalProgram } from './temporal-program.ts';

export interface TemporalOptions {
  logFolder: string;
  ui: boolean;
  /** E.g. `{ 'limit.historyCount.suggestContinueAsNew': 200 }`. */
  dynamicConfig?: Record<string, string | number | boolean>;
  /** Keeps the server's state in this file; without it the state is in memory and ends with the server. */
  dbFile?: string;
}

export interface TemporalServer {
  /** host:port of the gRPC front end. */
  address: string;
  uiUrl?: string;
  version: string;
  source: string;
  tried: readonly Tried[];
  /** Absent when the server was running already (`TEMPORAL_ADDRESS`). */
  logFile?: string;
  pid?: number;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const NAMESPACE = 'default';
const ADVICE = 'set TEMPORAL_ADDRESS to a server that is running, or put `temporal` on PATH';

/** Temporal with its UI: the server that `TEMPORAL_ADDRESS` names, else a throw-away one on free ports. */
export async function startTemporal(owner: ProcessOwner, options: TemporalOptions): Promise<TemporalServer> {
  const running: Source<{ address: string } | { binary: string }> = {
    name: 'TEMPORAL_ADDRESS',
    find: async () => {
      const address = process.env['TEMPORAL_ADDRESS'];
      if (!address) throw new Error('not set');
      const version = await askTemporal(
        address,
        5_000,
        async (connection) => (await connection.workflowService.getSystemInfo({})).serverVersion,
      );
      await registerSearchAttributes({ address, namespace: NAMESPACE });
      return { value: { address }, version };
    },
  };
  const programs = [fromPath, fromCache, fromDownload, fromWheel].map((from) => from(owner, temporalProgram));
  const found = await firstThatWorks(
    'Temporal',
    [running, ...programs.map((source) => mapSource(source, (binary) => ({ binary })))],
    ADVICE,
  );
  const { source, tried, version } = found;
  if ('address' in found.value) {
    const uiUrl = process.env['TEMPORAL_UI_URL'];
    return { address: found.value.address, uiUrl, version, source, tried, stop: async () => {}, kill: () => {} };
  }
  const server = await startDevServer(owner, found.value.binary, options);
  return { ...server, version, source, tried };
}

async function startDevServer(owner: ProcessOwner, binary: string, options: TemporalOptions) {
  const help = await owner.run(binary, ['server', 'start-dev', '--help'], { timeoutMs: 20_000 });
  if (options.dbFile) mkdirSync(dirname(options.dbFile), { recursive: true });
  return onFreePorts(4, async ([port, uiPort, httpPort, metricsPort]) => {
    const address = `127.0.0.1:${port}`;
    const args = [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      port,
      '--http-port',
      httpPort,
      '--metrics-port',
      metricsPort,
    ];
    args.push('--log-level', 'warn', ...(options.ui ? ['--ui-port', uiPort] : ['--headless']));
    if (help.includes('--ui-disable-news-fetch')) args.push('--ui-disable-news-fetch');
    if (options.dbFile) args.push('--db-filename', options.dbFile);
    for (const { name, type } of Object.values(searchAttributes))
      args.push('--search-attribute', `${name}=${type === 'KEYWORD' ? 'Keyword' : 'Datetime'}`);
    for (const [key, value] of Object.entries(options.dynamicConfig ?? {})) {
      args.push('--dynamic-config-value', `${key}=${JSON.stringify(value)}`);
    }
    const server = await owner.start({
      name: 'Temporal',
      server: true,
      command: binary,
      args: args.map(String),
      // The caller's own Temporal settings are for another server; the version check would ask a host on the internet.
      env: { ...withoutTemporalSettings(), TEMPORAL_VERSION_CHECK_DISABLED: '1' },
      logFile: join(options.logFolder, `temporal-${port}.log`),
      ready: {
        line: new RegExp(`Server: +\\S+:${port}\\b`),
        probe: () =>
          askTemporal(address, 2_000, async (connection) => {
            await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
            if (options.ui) await answers(`http://127.0.0.1:${uiPort}/`);
          }),
      },
      advice: ADVICE,
    });
    const { logFile, pid, kill, stop } = server;
    return {
      address,
      uiUrl: options.ui ? `http://127.0.0.1:${uiPort}` : undefined,
      logFile,
      pid,
      kill,
      stop: () => stop(),
    };
  });
}

async function askTemporal<T>(
  address: string,
  withinMs: number,
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address, connectTimeout: withinMs });
  try {
    return await connection.withDeadline(Date.now() + withinMs, () => ask(connection));
  } finally {
    await connection.close();
  }
}

async function answers(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}

function withoutTemporalSettings(): Record<string, undefined> {
  const names = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
