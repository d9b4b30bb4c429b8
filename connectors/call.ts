import type { Readable } from 'node:stream';
import type { z } from 'zod';

/** One HTTP call as a connector makes it. */
export interface Call {
  method: string;
  /** Absolute. Its origin must be one of the connector's, else the call is refused before it leaves. */
  url: string | URL;
  /** The call's template, `GET /api/v1/users/{id}`: for quotas, traces and messages. Never holds an id or a secret. */
  operation: string;
  headers?: Record<string, string>;
  /** Of a download: what is sent where a redirect leads, in place of `headers` and credentials. */
  redirectHeaders?: Record<string, string>;
  /** An object is sent as JSON, URLSearchParams as a form, text and bytes as they are. */
  body?: string | Uint8Array | URLSearchParams | object;
  /** Sent without credentials (a token endpoint authenticates by its body). */
  anonymous?: boolean;
  /** Statuses besides 2xx that are answers rather than failures, e.g. 404 in a lookup. */
  accept?: readonly number[];
  /** Bytes; 10 MB unless told. A longer body is a failure. */
  maxBytes?: number;
  /** Milliseconds; 30 s unless told. */
  timeoutMs?: number;
}

export interface Answer {
  status: number;
  /** Lower-case names; repeated headers keep every value. */
  headers: ReadonlyMap<string, readonly string[]>;
  header(name: string): string | undefined;
  bytes: Uint8Array;
  text(): string;
  /** Parsed and checked; a mis-shaped answer is a Failure `unavailable` with evidence. */
  json<T extends z.ZodType>(schema: T): z.output<T>;
  /** The absolute address of `rel` in the Link headers, refused if its origin is not the connector's. */
  link(rel: string): string | undefined;
}

/** A good answer (2xx) whose body is not held. Who has it reads the stream to its end, or destroys it. */
export interface Download extends Pick<Answer, 'status' | 'headers' | 'header'> {
  /** Its errors are Failures, `unavailable` where it was cut. More than the call's `maxBytes` is `invalid`. */
  stream: Readable;
}

export interface CallEvent {
  operation: string;
  status?: number;
  ms: number;
  failure?: string;
}
