import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './respond.ts';
import type { OktaState } from './state.ts';

/** Header lines as Okta writes them: one Link line for each relation, and its own Date. */
export function headersOf(state: OktaState, answer: Answer): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    date: new Date(state.now()).toUTCString(),
    'cache-control': 'no-cache, no-store',
    ...answer.headers,
  };
  if (answer.links) headers.link = answer.links.map((link) => `<${link.href}>; rel="${link.rel}"`);
  if (answer.body !== undefined) headers['content-type'] ??= 'application/json';
  return headers;
}

export async function send(
  state: OktaState,
  answer: Answer,
  _request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { counters } = state;
  counters.statuses[answer.status] = (counters.statuses[answer.status] ?? 0) + 1;
  const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
  const headers = headersOf(state, answer);
  if (answer.status !== 204) headers['content-length'] = String(Buffer.byteLength(text));
  response.writeHead(answer.status, headers);
  response.end(text);
}
