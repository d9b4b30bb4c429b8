import { createHash } from 'node:crypto';

/** A file's bytes: as uploaded, or made from a number whenever they are needed. */
export type Content = { bytes: Buffer } | { seed: number; size: number };

const PIECE = 65_536;
const BLOCK = 64;

export const sizeOf = (content: Content): number => ('bytes' in content ? content.bytes.length : content.size);

/** The bytes of [start, end), a piece at a time; nothing is held whole. */
export function* pieces(content: Content, start = 0, end = sizeOf(content)): Generator<Buffer> {
  if ('bytes' in content) {
    for (let at = start; at < end; at += PIECE) yield content.bytes.subarray(at, Math.min(end, at + PIECE));
    return;
  }
  const line = `made-up content ${content.seed} `.padEnd(BLOCK - 1, '.') + '\n';
  const blocks = Buffer.from(line.repeat(Math.min(PIECE, end - start + BLOCK) / BLOCK + 1));
  for (let at = start; at < end;) {
    const from = at % BLOCK;
    const length = Math.min(end - at, blocks.length - from);
    yield blocks.subarray(from, from + length);
    at += length;
  }
}

const known = new Map<string, string>();

/** SHA-1 in hex; those of long made-up contents are remembered. */
export function sha1Of(content: Content): string {
  const key = 'seed' in content && content.size > 4_096 ? `${content.seed} ${content.size}` : undefined;
  const found = key && known.get(key);
  if (found) return found;
  const hash = createHash('sha1');
  for (const piece of pieces(content)) hash.update(piece);
  const made = hash.digest('hex');
  if (key) known.set(key, made);
  return made;
}
