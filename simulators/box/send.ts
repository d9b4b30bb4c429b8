import type { ServerResponse } from 'node:http';
import { count } from '../kit/counters.ts';
import { send as write } from '../kit/send.ts';
import type { Spoiling } from '../kit/send.ts';
import { writeJson } from './raw-json.ts';
import type { Answer } from '../kit/answer.ts';
import type { BoxState } from './state.ts';

export async function send(
  state: BoxState,
  answer: Answer,
  spoiling: Spoiling | undefined,
  response: ServerResponse,
): Promise<void> {
  const { status, body, stream } = answer;
  count(state.counters.statuses, status);
  const headers: Record<string, string> = {
    date: new Date(state.now()).toUTCString(),
    'cache-control': 'no-cache, no-store',
    ...answer.headers,
  };
  if (body !== undefined && !stream) headers['content-type'] ??= 'application/json';
  const text = body === undefined || typeof body === 'string' ? body : writeJson(body);
  await write(response, { status, headers, text, stream }, spoiling);
}
