import type { Content } from '../content.ts';
import type { Download } from '../call.ts';
import { Failure } from './failures.ts';

/** What asks for the bytes from `start` on; nothing for the whole. */
export const rangeFrom = (start: number | undefined): Record<string, string> =>
  start ? { range: `bytes=${start}-` } : {};

/** Where the bytes of an answer to `rangeFrom` begin, and how many the whole has. */
export function placeOf(
  { status, header, stream }: Download,
  start: number,
): Pick<Content, 'start' | 'size' | 'stream'> {
  const length = Number(header('content-length'));
  if (status !== 206) {
    const coded = header('content-encoding') !== undefined;
    return {
      stream,
      start: 0,
      ...(Number.isSafeInteger(length) && header('content-length') && !coded ? { size: length } : {}),
    };
  }
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header('content-range') ?? '') ?? [];
  if (Number(from) !== start) {
    stream.destroy();
    throw new Failure('unavailable', `another part came than was asked for, from byte ${start} on`, { who: 'vendor' });
  }
  return { stream, start, ...(total === '*' ? {} : { size: Number(total) }) };
}
