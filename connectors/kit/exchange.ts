import type { Readable } from 'node:stream';
import { request as send, type Dispatcher } from 'undici';
import type { OutgoingRequest } from '../authorization.ts';
import type { Call } from '../call.ts';
import type { ReceivedAnswer } from './answer.ts';
import { Failure } from './failures.ts';
import { unreachable } from './unreachable.ts';

/** An answer of which the head has come. */
export type Opened = Omit<ReceivedAnswer, 'bytes'> & { body: Readable };

/** What an exchange needs to know of its session. */
export interface Way {
  dispatcher: Dispatcher;
  signal: AbortSignal;
}

/** An exchange that is under way, and what its errors mean: the vendor's are Failures, an abort by the session stays one. */
export interface Exchange {
  open(): Promise<Opened>;
  failureOf(error: unknown): unknown;
}

export const refusal = (call: Pick<Call, 'operation'>, why: string) =>
  new Failure('invalid', `${call.operation} ${why}`, { who: 'operator' });

export const unavailable = ({ operation }: Pick<Call, 'operation'>, why: string, vendorCode?: string) =>
  new Failure('unavailable', `${operation} ${why}`, { who: 'vendor', evidence: { operation, vendorCode } });

/** @param timeout ends the exchange when it aborts; `timeoutMs` is also how long each piece of the body may take. */
export function prepareExchange(
  call: Call,
  outgoing: OutgoingRequest,
  way: Way,
  timeout: AbortSignal,
  timeoutMs: number,
): Exchange {
  return {
    async open() {
      const { statusCode, headers, body } = await send(outgoing.url, {
        method: outgoing.method as Dispatcher.HttpMethod,
        headers: { accept: 'application/json', 'user-agent': 'castellan', ...outgoing.headers },
        body: outgoing.body,
        dispatcher: way.dispatcher,
        signal: AbortSignal.any([way.signal, timeout]),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const named = new Map<string, readonly string[]>();
      for (const [name, value] of Object.entries(headers))
        if (value !== undefined) named.set(name.toLowerCase(), Array.isArray(value) ? value : [value]);
      return { operation: call.operation, url: outgoing.url, status: statusCode, headers: named, body };
    },
    failureOf(error) {
      if (error instanceof Failure) return error;
      if (way.signal.aborted) return way.signal.reason as unknown;
      const code = (error as { code?: string }).code ?? (error as Error).name;
      const late = timeout.aborted || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
      if (late) return unavailable(call, `did not answer within ${timeoutMs} ms`, 'timeout');
      if (code === 'ENOTPUBLIC') return refusal(call, 'is refused: its address is not on the public internet');
      return unreachable(call.operation, new URL(outgoing.url).hostname, code);
    },
  };
}

/** Leaving the loop early destroys the body and its connection. */
export async function readWhole(opened: Opened, maxBytes: number): Promise<ReceivedAnswer> {
  const { body, ...head } = opened;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw unavailable(opened, `answered more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { ...head, bytes: Buffer.concat(chunks, size) };
}
