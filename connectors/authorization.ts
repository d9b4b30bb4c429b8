import type { Answer, Call } from './call.ts';

export interface Origins {
  /** Exact origins or patterns (`https://*.s3.amazonaws.com`). Credentials never travel elsewhere. */
  api: readonly string[];
  /** Called without credentials. */
  download?: readonly string[];
}

/** A request just before it leaves; `authorize` adds to it. */
export interface OutgoingRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

export interface TokenCache {
  /** Single-flight by connection, credential version, subject and `name`; minted anew a minute before it expires. */
  get(name: string, mint: () => Promise<{ value: string; expiresAt: Date }>): Promise<string>;
  forget(name: string): void;
}

export interface AuthContext<S, C> {
  settings: S;
  credential: C;
  subject?: string;
  /** Of the subject. */
  tokens: TokenCache;
  /** Of the connection, whoever is acted as: where one token serves with a header that names the subject. */
  shared: TokenCache;
  /** The origin's clock: ours, corrected by its `Date` headers. */
  now(): Date;
  /** Governed like every call and never authorized itself. */
  fetch(call: Call): Promise<Answer>;
}
