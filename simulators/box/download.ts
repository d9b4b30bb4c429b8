import type { IncomingMessage } from 'node:http';
import { pieces, sizeOf } from './content.ts';
import { countExecuted } from '../kit/counters.ts';
import { badRequest, notFound } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Knobs } from './knobs.ts';
import type { BoxState } from './state.ts';

/** `bytes=a-b`, `bytes=a-`, `bytes=-n`; undefined for anything else, null when it lies outside. */
function rangeOf(header: string | undefined, size: number): [number, number] | null | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!found || (found[1] === '' && found[2] === '')) return undefined;
  if (found[1] === '') return Number(found[2]) === 0 ? null : [Math.max(0, size - Number(found[2])), size];
  const from = Number(found[1]);
  const until = found[2] === '' ? size : Math.min(size, Number(found[2]) + 1);
  return from >= size || until <= from ? null : [from, until];
}

/** No faster than the knob allows. */
function paced(
  made: Iterable<Buffer>,
  { downloadBytesPerSecond: pace }: Knobs,
): Iterable<Buffer> | AsyncIterable<Buffer> {
  if (pace === 0) return made;
  return (async function* () {
    for (const piece of made) {
      await new Promise((resolve) => setTimeout(resolve, (piece.length / pace) * 1_000));
      yield piece;
    }
  })();
}

/** The download host: the address is the credential, for a while, and no other is welcome. */
export function answerDownload(state: BoxState, request: IncomingMessage): Answer {
  if (request.headers.authorization !== undefined) {
    state.counters.leakedCredentials++;
    throw badRequest('Credentials do not belong here');
  }
  const ticket = /^\/d\/1\/([^/]+)\/download$/.exec(request.url?.split('?')[0] ?? '')?.[1];
  const found = ticket === undefined ? undefined : state.downloads.get(ticket);
  if (!found || found.expiresAt <= state.now() || request.method !== 'GET') throw notFound();
  const size = sizeOf(found.content);
  const range = rangeOf(request.headers.range, size);
  if (range === null) return { status: 416, headers: { 'content-range': `bytes */${size}` } };
  const [from, until] = range ?? [0, size];
  state.counters.downloads.files++;
  countExecuted(state.counters, 'download', found.id);
  state.counters.downloads.bytes += until - from;
  return {
    status: range ? 206 : 200,
    headers: {
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(found.name)}`,
      ...(range ? { 'content-range': `bytes ${from}-${until - 1}/${size}` } : {}),
    },
    stream: { length: until - from, pieces: () => paced(pieces(found.content, from, until), state.knobs) },
  };
}
