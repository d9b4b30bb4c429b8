import type { FailureKind } from '../connectors/kit/failures.ts';

interface OfVersion {
  /** The record's `version` that this is about: with another one it is of the content before. */
  version: string;
  at: Date;
}

/** What the bytes of a file come to. */
export interface ReadContent extends OfVersion {
  size: number;
  /** Lower-case hex. */
  sha256: string;
  /** By the bytes themselves; absent where they tell nothing. */
  mediaType?: string;
  /** What the app, or the name, says of it. */
  declaredType?: string;
}

/** Why the bytes were not read. Asked for again when the version changes, and with each scan unless too large. */
export interface SkippedContent extends OfVersion {
  skipped: 'tooLarge' | FailureKind;
  why: string;
  size?: number;
}

export type FileContent = ReadContent | SkippedContent;

/** A transfer that somebody may take up where it stands. */
export interface ContentProgress {
  /** The app's word for the version of the bytes so far. */
  version: string;
  received: number;
  /** What only who reads contents understands. */
  state: string;
}

/** How far the reading of a file's content has come. */
export interface ContentWork {
  /** Whose lease it is, which ends when `contentDue` comes. */
  holder?: string;
  /** Tries that failed, in a row. */
  failures?: number;
  progress?: ContentProgress;
}

/** What the store keeps with a file's record beside it: no change of the record wipes it, and it changes no hash. */
export interface ContentFields {
  content?: FileContent;
  /** There is content to be read, by whoever comes after this time: now, when a lease ends, or when a wait is over. */
  contentDue?: Date;
  contentWork?: ContentWork;
}
