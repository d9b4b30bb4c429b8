import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

function isSame(given: unknown, wanted: string): boolean {
  const [a, b] = [Buffer.from(String(given)), Buffer.from(wanted)];
  return wanted !== '' && a.length === b.length && timingSafeEqual(a, b);
}

/**
 * `POST /_control/{method}` with the argument as JSON body and the token in `x-control-token`; answers
 * `{ "result": … }`, or 400 `{ "error": "…" }`. No part of any vendor's API.
 */
export async function answerControl(
  control: object,
  token: string,
  request: IncomingMessage,
  body: Buffer | undefined,
  response: ServerResponse,
): Promise<void> {
  const say = (status: number, answer: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  };
  if (!isSame(request.headers['x-control-token'], token)) return say(403, { error: 'wrong x-control-token' });
  const name = (request.url ?? '').slice('/_control/'.length).split('?')[0] ?? '';
  const methods = control as unknown as Record<string, (argument: unknown) => unknown>;
  if (request.method !== 'POST' || !Object.hasOwn(methods, name))
    return say(404, { error: `no such command: ${name}` });
  try {
    const argument: unknown = body && body.length > 0 ? JSON.parse(body.toString('utf8')) : undefined;
    say(200, { result: (await methods[name]?.(argument)) ?? null });
  } catch (error) {
    say(400, { error: (error as Error).message });
  }
}
