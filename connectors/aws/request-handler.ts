import { Readable } from 'node:stream';
import type { HttpRequest, HttpResponse } from '@smithy/types';
import type { Answer, Call } from '../call.ts';
import { Failure } from '../kit/failures.ts';
import type { ServiceName } from './settings.ts';

/** Carries `Region/service` to `authorize` and `quotas`; never leaves the process. */
export const scopeHeader = 'x-castellan-scope';
/** Carries the name of the SDK's command to the handler; never leaves the process. */
export const commandHeader = 'x-castellan-command';

// The client that carries the call sets these; a signed copy of them would have to be the same to the letter.
const hopHeaders = new Set(['host', 'content-length', 'connection', 'expect', 'transfer-encoding', commandHeader]);
// Every status is an answer to the SDK, which alone can read the vendor's errors.
const everyStatus = Array.from({ length: 500 }, (_, index) => 100 + index);

const escape = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function urlOf(request: HttpRequest): URL {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(request.query ?? {}))
    for (const each of Array.isArray(value) ? value : [value])
      pairs.push(each === null || each === undefined ? `${escape(name)}=` : `${escape(name)}=${escape(each)}`);
  const port = request.port ? `:${request.port}` : '';
  const url = new URL(`${request.protocol}//${request.hostname}${port}${request.path}`);
  // An address with `.` or `..` as a segment would be shortened on its way, and name another object.
  if (url.pathname !== (request.path || '/'))
    throw new Failure('invalid', 'an object key with "." or ".." as a path segment cannot be asked for over HTTP', {
      who: 'nobody',
    });
  url.search = pairs.join('&');
  return url;
}

function bodyOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new Error('only text and bytes are sent');
}

/** What an SDK client uses for its calls: each becomes one governed `fetch`. */
export function requestHandler(
  fetch: (call: Call) => Promise<Answer>,
  service: ServiceName,
  region: string,
  maxBytes?: number,
) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    destroy(): void {},
    async handle(request: HttpRequest): Promise<{ response: HttpResponse }> {
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(request.headers))
        if (!hopHeaders.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
      if (region) headers[scopeHeader] = `${region}/${service}`;
      const command = (request.headers[commandHeader] ?? 'AssumeRole').replace(/Command$/, '');
      const answer = await fetch({
        method: request.method,
        url: urlOf(request),
        operation: `${service}:${command}`,
        headers,
        body: bodyOf(request.body),
        accept: everyStatus,
        maxBytes,
      });
      const received: Record<string, string> = {};
      for (const [name, values] of answer.headers) received[name] = values.join(',');
      return {
        response: {
          statusCode: answer.status,
          headers: received,
          body: service === 's3' ? Readable.from([Buffer.from(answer.bytes)], { objectMode: false }) : answer.bytes,
        },
      };
    },
  };
}
