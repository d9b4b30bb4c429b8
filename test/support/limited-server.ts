import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type LimitKind = 'fixed' | 'sliding' | 'bucket';

export interface LimitedServerOptions {
  kind: LimitKind;
  limit: number;
  windowMs: number;
  /** X-Rate-Limit-* on every answer; the reset as epoch milliseconds. */
  headers?: boolean;
  latencyMs?: () => number;
}

/** A vendor with one limit, that counts for itself. */
export interface LimitedServer {
  url: string;
  /** When each accepted call came, in milliseconds from the first. */
  accepted: number[];
  refused: number[];
  /** The path of each accepted call. */
  paths: string[];
  /** The same of somebody else's calls. */
  others: { accepted: number[]; refused: number[] };
  setLimit(limit: number): void;
  /** Calls of somebody else. */
  consume(calls: number): void;
  /** The share of the limit that was used in so many whole windows from the first call, by us and by others. */
  utilisation(windows: number): number;
  close(): Promise<void>;
}

interface Counter {
  take(at: number, limit: number): boolean;
  remaining(at: number, limit: number): number;
  resetInMs(at: number, limit: number): number;
}

function fixedWindow(windowMs: number): Counter {
  let began = -Infinity;
  let used = 0;
  const roll = (at: number) => {
    if (at < began + windowMs) return;
    began = at;
    used = 0;
  };
  return {
    take(at, limit) {
      roll(at);
      if (used >= limit) return false;
      used += 1;
      return true;
    },
    remaining: (_at, limit) => Math.max(0, limit - used),
    resetInMs: (at) => began + windowMs - at,
  };
}

function slidingWindow(windowMs: number): Counter {
  let calls: number[] = [];
  const prune = (at: number) => (calls = calls.filter((call) => call > at - windowMs));
  return {
    take(at, limit) {
      prune(at);
      if (calls.length >= limit) return false;
      calls.push(at);
      return true;
    },
    remaining: (_at, limit) => Math.max(0, limit - calls.length),
    // When one more would be accepted.
    resetInMs: (at, limit) => (calls[Math.max(0, calls.length - limit)] ?? at) + windowMs - at,
  };
}

function tokenBucket(windowMs: number): Counter {
  let tokens: number | undefined;
  let filledAt = 0;
  const fill = (at: number, limit: number) => {
    tokens = Math.min(limit, (tokens ?? limit) + ((at - filledAt) * limit) / windowMs);
    filledAt = at;
    return tokens;
  };
  return {
    take(at, limit) {
      if (fill(at, limit) < 1) return false;
      tokens! -= 1;
      return true;
    },
    remaining: (at, limit) => Math.floor(fill(at, limit)),
    resetInMs: (at, limit) => ((limit - fill(at, limit)) * windowMs) / limit,
  };
}

const counters = { fixed: fixedWindow, sliding: slidingWindow, bucket: tokenBucket };

export async function startLimitedServer(options: LimitedServerOptions): Promise<LimitedServer> {
  const { kind, windowMs, headers = true, latencyMs = () => 5 + Math.random() * 15 } = options;
  let { limit } = options;
  const counter = counters[kind](windowMs);
  const accepted: number[] = [];
  const refused: number[] = [];
  const paths: string[] = [];
  const others: LimitedServer['others'] = { accepted: [], refused: [] };
  let first: number | undefined;
  const server = createServer((request, response) => {
    const at = performance.now();
    first ??= at;
    const ok = counter.take(at, limit);
    (ok ? accepted : refused).push(at - first);
    if (ok) paths.push(request.url ?? '');
    const resetInMs = counter.resetInMs(at, limit);
    setTimeout(() => {
      response.writeHead(ok ? 200 : 429, {
        ...(headers
          ? {
              'x-rate-limit-limit': String(limit),
              'x-rate-limit-remaining': String(counter.remaining(at, limit)),
              'x-rate-limit-reset-in-ms': String(Math.round(resetInMs)),
            }
          : {}),
        ...(ok ? {} : { 'retry-after-ms': String(Math.max(1, Math.round(resetInMs))) }),
      });
      response.end();
    }, latencyMs());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accepted,
    refused,
    paths,
    others,
    setLimit: (next) => (limit = next),
    consume: (calls) => {
      for (let n = 0; n < calls; n += 1) {
        const at = performance.now();
        const ok = counter.take(at, limit);
        (ok ? others.accepted : others.refused).push(at - (first ?? at));
      }
    },
    utilisation: (windows) =>
      [...accepted, ...others.accepted].filter((at) => at < windows * windowMs).length / (limit * windows),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
