import { setMaxListeners } from 'node:events';
import { Agent, request } from 'undici';
import type { Charge, Governor, QuotaReading, Urgency } from '../../connectors/quota.ts';
import { Failure } from '../../connectors/kit/failures.ts';

/** Sends one call; undefined when no answer came. */
export type Send = (charges: readonly Charge[]) => Promise<QuotaReading | undefined>;

export interface GovernedCall {
  send: Send;
  charges: readonly Charge[];
  urgency?: Urgency;
  connection?: string;
}

const inTime = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls as a connector would, governed, until `signal`: so many callers, each one call after the other. */
export async function callUntil(
  signal: AbortSignal,
  governor: Governor,
  { callers, sleep = inTime, ...call }: GovernedCall & { callers: number; sleep?: (ms: number) => Promise<void> },
): Promise<void> {
  setMaxListeners(0, signal);
  const one = async () => {
    while (!signal.aborted) {
      try {
        await callOnce(governor, call, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!Failure.is(error, 'throttled')) throw error;
        await sleep(Math.min(error.details.retryAfterMs ?? 1_000, 5_000));
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
}

export async function callOnce(
  governor: Governor,
  { send, charges, urgency = 'sweep', connection }: GovernedCall,
  signal: AbortSignal,
): Promise<QuotaReading | undefined> {
  const permit = await governor.acquire(charges, urgency, signal, connection);
  let reading: QuotaReading | undefined;
  try {
    reading = await send(charges);
    return reading;
  } finally {
    await permit.settle(reading);
  }
}

const figure = (value: string | string[] | undefined) => (typeof value === 'string' ? Number(value) : undefined);

/** Calls to a limited server over HTTP. */
export function sendOverHttp(url: string): { send: Send; close: () => Promise<void> } {
  const dispatcher = new Agent({ connections: 16 });
  return {
    async send() {
      const { headers, body } = await request(url, { dispatcher });
      await body.dump();
      return {
        limit: figure(headers['x-rate-limit-limit']),
        remaining: figure(headers['x-rate-limit-remaining']),
        resetInMs: figure(headers['x-rate-limit-reset-in-ms']),
        throttledForMs: figure(headers['retry-after-ms']),
      };
    },
    close: () => dispatcher.close(),
  };
}
