import type { ServerResponse } from 'node:http';
import type { Spoiling } from './faults.ts';
import { writeJson } from './raw-json.ts';
import type { Answer } from './respond.ts';
import type { BoxState } from './state.ts';

/** Writes the answer, or spoils its bytes. */
export async function send(
  state: BoxState,
  answer: Answer,
  spoiling: Spoiling | undefined,
  response: ServerResponse,
): Promise<void> {
  const { counters } = state;
  counters.statuses[answer.status] = (counters.statuses[answer.status] ?? 0) + 1;
  if (spoiling === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const headers: Record<string, string> = {
    date: new Date(state.now()).toUTCString(),
    'cache-control': 'no-cache, no-store',
    ...answer.headers,
  };
  if (spoiling === 'endless') {
    response.writeHead(answer.status, headers);
    flow(response);
    return;
  }
  if (answer.stream) {
    headers['content-length'] = String(answer.stream.length);
    response.writeHead(answer.status, headers);
    await pour(response, answer.stream, spoiling === 'torn' || spoiling === 'truncated');
    return;
  }
  const { body } = answer;
  const whole = body === undefined ? '' : typeof body === 'string' ? body : writeJson(body);
  if (body !== undefined) headers['content-type'] ??= 'application/json';
  const half = whole.slice(0, Math.max(1, Math.floor(whole.length / 2)));
  const text = spoiling === 'truncated' ? half : whole;
  if (answer.status !== 204 && answer.status !== 304) headers['content-length'] = String(Buffer.byteLength(text));
  response.writeHead(answer.status, headers);
  if (spoiling === 'torn') response.write(half, () => response.destroy());
  else response.end(text);
}

/** Piece by piece as they are read; cut in the middle when torn. */
async function pour(response: ServerResponse, stream: NonNullable<Answer['stream']>, torn: boolean): Promise<void> {
  let left = torn ? Math.floor(stream.length / 2) : stream.length;
  for (const piece of stream.pieces()) {
    const part = piece.subarray(0, left);
    left -= part.length;
    if (response.destroyed) return;
    if (!response.write(part)) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve);
        response.once('close', resolve);
      });
    }
    if (left === 0) break;
  }
  if (torn) response.destroy();
  else response.end();
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
