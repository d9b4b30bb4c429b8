import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  url: string;
  port: number;
  /** Ends every connection and the server; resolves when the port is free. */
  close: () => Promise<void>;
}

export interface ListenOptions {
  /** 0 takes a free port. */
  port?: number;
  /** Keep-alive time of idle sockets, ms. */
  keepAliveMs?: number;
}

/** Starts a server on 127.0.0.1 only. A handler that throws ends the process of nobody: the socket is closed and the error is handed to `failed`. */
export async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  failed: (error: unknown) => void,
  options: ListenOptions = {},
): Promise<Listening> {
  const server = createServer((request, response) => {
    handler(request, response).catch((error: unknown) => {
      failed(error);
      response.destroy();
    });
  });
  server.keepAliveTimeout = options.keepAliveMs ?? 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** The whole body, or undefined when it is longer than `cap` bytes. */
export async function readBody(request: IncomingMessage, cap: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= cap) chunks.push(chunk);
  }
  return size > cap ? undefined : Buffer.concat(chunks);
}
