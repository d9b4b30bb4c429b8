import type { ServerResponse } from 'node:http';

/** How the bytes of an answer go out. */
export type Spoiling = 'reset' | 'torn' | 'truncated' | 'endless';

export interface Outgoing {
  status: number;
  headers: Record<string, string | string[]>;
  /** The whole body; undefined for none. */
  text?: string;
  /** Instead of `text`: bytes by piece, `length` in all. */
  stream?: { length: number; pieces: () => Iterable<Buffer> | AsyncIterable<Buffer> };
}

/** Writes the answer, or spoils its bytes. */
export async function send(response: ServerResponse, answer: Outgoing, spoiling?: Spoiling): Promise<void> {
  const { status, headers, stream, text: whole = '' } = answer;
  if (spoiling === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (spoiling === 'endless') {
    response.writeHead(status, headers);
    flow(response);
    return;
  }
  if (stream) {
    response.writeHead(status, { ...headers, 'content-length': String(stream.length) });
    await pour(response, stream, spoiling !== undefined);
    return;
  }
  const half = whole.slice(0, Math.max(1, Math.floor(whole.length / 2)));
  const text = spoiling === 'truncated' ? half : whole;
  const length = status === 204 || status === 304 ? {} : { 'content-length': String(Buffer.byteLength(text)) };
  response.writeHead(status, { ...headers, ...length });
  if (spoiling === 'torn') response.write(half, () => response.destroy());
  else response.end(text);
}

/** Piece by piece as they are read; cut in the middle when torn. */
async function pour(response: ServerResponse, stream: NonNullable<Outgoing['stream']>, torn: boolean): Promise<void> {
  let left = torn ? Math.floor(stream.length / 2) : stream.length;
  for await (const piece of stream.pieces()) {
    const part = piece.subarray(0, left);
    left -= part.length;
    if (response.destroyed) return;
    if (!response.write(part)) {
      await new Promise<void>((resolve) => {
        const goOn = (): void => {
          response.off('drain', goOn).off('close', goOn);
          resolve();
        };
        response.on('drain', goOn).on('close', goOn);
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
