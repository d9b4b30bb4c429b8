import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { createApp } from '../../api/app.ts';
import { systemClock, type Clock } from '../../api/clock.ts';
import { createSignals } from '../../api/signals.ts';
import { createStarter, type Starter } from '../../api/starter.ts';
import type { Role } from '../../store/documents.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { useDatabase } from '../support/use-database.ts';
import { acme } from './acme.ts';
import { recordingTemporal, type RecordingTemporal } from './recording-temporal.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a server answers is looked at member by member
export type Json = any;

export interface Answer {
  status: number;
  body: Json;
  headers: Headers;
  text: string;
}

export interface CallOptions {
  /** A role, a whole key, or null for none. */
  as?: Role | { secret: string } | null;
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface RunningApi {
  url: string;
  store: Store;
  temporal: RecordingTemporal;
  starter: Starter;
  /** Everything the API logged, as text. */
  logged(): string;
  keys: Record<Role, string>;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  connect(more?: Record<string, unknown>): Promise<Json>;
}

/** The real API over a real store in a database of its own, with Temporal's place taken by a recorder. */
export function useApi(
  options: { requestsPerMinute?: number; allowLocalOrigins?: boolean; clock?: Clock } = {},
): RunningApi {
  const database = useDatabase();
  const temporal = recordingTemporal();
  const api = { temporal, keys: {} } as RunningApi;
  const lines: string[] = [];
  const log = (details: object, message?: string) => lines.push(JSON.stringify(details) + String(message));
  const logger = {
    info: log,
    warn: log,
    error: (details: { error?: unknown }, message?: string) => {
      lines.push(`${JSON.stringify(details)} ${String(details.error)} ${String(message)}`);
    },
  } as never;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const store = await openStore({ uri: database.uri, database: database.name, key: randomBytes(32) });
    await store.ensureIndexes();
    const clock = options.clock ?? systemClock;
    const signals = createSignals(temporal, clock, logger);
    const connectors = [acme];
    const starter = createStarter({ store, temporal, connectors, clock, logger, everyMs: 20 });
    const config = {
      allowLocalOrigins: options.allowLocalOrigins ?? false,
      requestsPerMinute: options.requestsPerMinute ?? 1_000_000,
    };
    const server = createServer(createApp({ store, temporal, signals, starter, connectors, config, logger, clock }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    Object.assign(api, { store, starter, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    for (const role of ['viewer', 'operator', 'governor'] as const)
      api.keys[role] = (await store.apiKeys.create({ name: `the ${role}`, role })).secret;
    stop = async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await starter.stop();
      await signals.drain();
      await store.close();
    };
  });
  afterAll(() => stop());

  api.logged = () => lines.join('\n');
  api.call = async (method, path, { as = 'governor', body, raw, headers } = {}) => {
    const secret = as === null ? undefined : typeof as === 'string' ? api.keys[as] : as.secret;
    const response = await fetch(api.url + path, {
      method,
      headers: {
        ...(secret ? { authorization: `Bearer ${secret}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(raw === undefined ? {} : { body: raw }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    };
  };
  api.connect = async (more = {}) => {
    const { status, body, text } = await api.call('POST', '/v1/connections', { body: { ...acmeBody(), ...more } });
    if (status !== 201) throw new Error(`not connected: ${text}`);
    return body;
  };
  return api;
}

export const acmeBody = (): Record<string, unknown> => ({
  app: 'acme',
  name: 'Acme of the tests',
  settings: { domain: 'acme' },
  credential: { form: 'token', token: 'canary-token-0123456789' },
});
