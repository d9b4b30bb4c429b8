import type { Readable } from 'node:stream';
import type { FileRecord } from './records.ts';

/** Where a transfer that was cut goes on: with the byte after those that came. */
export interface ContentFrom {
  start: number;
  /** What `Content.version` was of the bytes before. */
  version: string;
}

export interface Content {
  /** From `start` on. Errors are Failures; it ends early without one only where `size` tells so. */
  stream: Readable;
  /** Of which version these bytes are, by whatever the app tells apart its versions with. */
  version: string;
  /** Where in the file they begin: 0 where the app did not honour the wish, or the version is another. */
  start: number;
  /** Bytes of the whole file, where the app tells. */
  size?: number;
  /** What the app says the bytes of the whole come to, in lower-case hex. */
  digest?: { algorithm: DigestAlgorithm; value: string };
}

export const digestAlgorithms = ['sha1', 'sha256', 'md5'] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

export interface ContentWish {
  from?: ContentFrom;
  /** A longer file is a Failure `invalid`, at the latest by the stream. */
  maxBytes: number;
}

/**
 * The bytes of a file as the record describes it. `notFound`: this version is there no more. `restart`: what `from`
 * asks for is not there, begin anew. `unavailable` with `retryAfterMs`: not ready yet. `forbidden`, `conflict` and
 * `unavailableSubject` say why this file is not read.
 */
export type ContentOf<Session> = (session: Session, file: FileRecord, wish: ContentWish) => Promise<Content>;
