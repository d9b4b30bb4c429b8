import { setMaxListeners } from 'node:events';
import { Agent, request } from 'undici';
import type { Charge, Governor, QuotaReading, Urgency } from '../../connectors/quota.ts';
import { Failure } from '../../connectors/kit/failures.ts';

const figure = (value: string | string[] | undefined) => (typeof value === 'string' ? Number(value) : undefined);

/** Calls as a connector would, governed, until `signal`: so many callers, each one call after the other. */
export async function callUntil(
  signal: AbortSignal,
  governor: Governor,
  {
    url,
    charges,
    callers,
    urgency = 'sweep',
    connection,
  }: { url: string; charges: readonly Charge[]; callers: number; urgency?: Urgency; connection?: string },
): Promise<void> {
  setMaxListeners(0, signal);
  const dispatcher = new Agent({ connections: callers + 2 });
  const one = async () => {
    while (!signal.aborted) {
      try {
        await callOnce(governor, { url, charges, urgency, signal, dispatcher, connection });
      } catch (error) {
        if (signal.aborted) return;
        if (!Failure.is(error, 'throttled')) throw error;
        const { retryAfterMs = 1_000 } = error.details;
        await new Promise((resolve) => setTimeout(resolve, Math.min(retryAfterMs, 5_000)));
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
  await dispatcher.close();
}

export async function callOnce(
  governor: Governor,
  {
    url,
    charges,
    urgency,
    signal,
    dispatcher,
    connection,
  }: {
    url: string;
    charges: readonly Charge[];
    urgency: Urgency;
    signal: AbortSignal;
    dispatcher?: Agent;
    connection?: string;
  },
): Promise<number> {
  const permit = await governor.acquire(charges, urgency, signal, connection);
  let reading: QuotaReading | undefined;
  try {
    const { statusCode, headers, body } = await request(url, { dispatcher });
    await body.dump();
    reading = {
      limit: figure(headers['x-rate-limit-limit']),
      remaining: figure(headers['x-rate-limit-remaining']),
      resetInMs: figure(headers['x-rate-limit-reset-in-ms']),
      ...(statusCode === 429 ? { throttledForMs: figure(headers['retry-after-ms']) ?? 1_000 } : {}),
    };
    return statusCode;
  } finally {
    await permit.settle(reading);
  }
}
