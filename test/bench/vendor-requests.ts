import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface VendorRequest {
  port: number;
  method: string;
  url: string;
  /** `performance.now()` of this process. */
  at: number;
}

const channel = 'http.server.request.start';

/** Every request that reaches a server of this process, as it arrives: for simulators that run in the bench itself. */
export function watchRequests(seen: (request: VendorRequest) => void): () => void {
  const note = (message: unknown): void => {
    const { request, server } = message as { request: IncomingMessage; server: Server };
    const { port } = server.address() as AddressInfo;
    seen({ port, method: request.method ?? '', url: request.url ?? '', at: performance.now() });
  };
  subscribe(channel, note);
  return () => void unsubscribe(channel, note);
}
