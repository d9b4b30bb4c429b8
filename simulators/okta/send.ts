import type { ServerResponse } from 'node:http';
import type { Spoiling } from './faults.ts';
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

/** Writes the answer, or spoils its bytes. */
export function send(state: OktaState, answer: Answer, spoiling: Spoiling | undefined, response: ServerResponse): void {
  const { counters } = state;
  counters.statuses[answer.status] = (counters.statuses[answer.status] ?? 0) + 1;
  if (spoiling === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const { body } = answer;
  const whole = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const headers = headersOf(state, answer);
  if (spoiling === 'endless') {
    response.writeHead(answer.status, headers);
    flow(response);
    return;
  }
  const half = whole.slice(0, Math.max(1, Math.floor(whole.length / 2)));
  const text = spoiling === 'truncated' ? half : whole;
  if (answer.status !== 204) headers['content-length'] = String(Buffer.byteLength(text));
  response.writeHead(answer.status, headers);
  if (spoiling === 'torn') response.write(half, () => response.destroy());
  else response.end(text);
}

/** Rows without an end, as fast as they are read. */
function flow(response: ServerResponse): void {
  const row = `${' '.repeat(8_191)}\n`;
  response.write('[');
  const more = (): void => {
    while (!response.destroyed && response.write(row));
  };
  response.on('drain', more);
  more();
}
