import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LimitedVendor, type VendorOptions } from './limited-vendor.ts';

export interface LimitedServerOptions extends Omit<VendorOptions, 'now'> {
  latencyMs?: () => number;
}

/** A vendor with one limit, over HTTP. Its headers are `X-Rate-Limit-*`, with the reset in milliseconds from now. */
export async function startLimitedServer(
  options: LimitedServerOptions,
): Promise<{ url: string; vendor: LimitedVendor; close(): Promise<void> }> {
  const { latencyMs = () => 5 + Math.random() * 15 } = options;
  const vendor = new LimitedVendor({ ...options, now: () => performance.now() });
  const server = createServer((request, response) => {
    const { ok, done } = vendor.begin(request.url);
    setTimeout(() => {
      const { limit, remaining, resetInMs, throttledForMs } = done();
      const headers = {
        'x-rate-limit-limit': limit,
        'x-rate-limit-remaining': remaining,
        'x-rate-limit-reset-in-ms': resetInMs,
        'retry-after-ms': throttledForMs,
      };
      for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
      response.writeHead(ok ? 200 : 429).end();
    }, latencyMs());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    vendor,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
