import type { ServerResponse } from 'node:http';
import { count } from '../kit/counters.ts';
import { send as write } from '../kit/send.ts';
import type { Spoiling } from '../kit/send.ts';
import type { Answer } from '../kit/answer.ts';
import type { OktaState } from './state.ts';

/** Header lines as Okta writes them: one Link line for each relation, and its own Date. */
function headersOf(state: OktaState, answer: Answer): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    date: new Date(state.now() + state.knobs.dateSkewMs).toUTCString(),
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
  spoiling: Spoiling | undefined,
  response: ServerResponse,
): Promise<void> {
  const { status, body } = answer;
  count(state.counters.statuses, status);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  await write(response, { status, headers: headersOf(state, answer), text }, spoiling);
}
