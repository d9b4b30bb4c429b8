/** What a simulator answers; without `body` and `stream` it has none. Text is sent as it is, all else as JSON. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as one Link header line each, in this order. */
  links?: { rel: 'self' | 'next'; href: string }[];
  /** Instead of `body`: bytes by piece, `length` in all. */
  stream?: { length: number; pieces: () => Iterable<Buffer> | AsyncIterable<Buffer> };
}
