import type { FaultRule } from '../kit/faults.ts';
import type { Cursors } from './cursor.ts';
import { OktaError } from './respond.ts';
import type { Answer } from './respond.ts';

/** Spoils the answer of any request; `ms`, `status`, … as noted. */
export const FAULT_KINDS = [
  /** Waits `ms` first. */
  'delay',
  /** An error with `status` (408, 429, 500, 502, 503, 504 …); gateways' own (502, 504) speak HTML. */
  'status',
  /** The connection is reset. */
  'reset',
  /** Half of the body, then the connection ends: shorter than its content-length. */
  'torn',
  /** Half of the body as if it were all. */
  'truncated',
  /** 200 with an HTML page. */
  'html',
  /** A body that never ends. */
  'endless',
  /** `next` is the page itself. */
  'loop',
  /** `next` is on the origin `to`. */
  'foreignNext',
  /** A request with `after` is answered by `status` (400 or 404). */
  'expiredCursor',
  /** 429 with X-Rate-Limit-Reset set to `reset`, whatever text that is. */
  'absurdReset',
  /** 200 and an empty list, without a link. */
  'empty',
  /** An empty page whose `next` leads to the rows that should have been on it. */
  'heldBack',
  /** The rows of the page in reverse. */
  'reversed',
  /** The last row of the page twice. */
  'doubled',
] as const;
export type OktaFaultKind = (typeof FAULT_KINDS)[number];

export interface OktaFault extends FaultRule<OktaFaultKind> {
  ms?: number;
  status?: number;
  to?: string;
  reset?: string;
}

/** How the bytes go out. */
export type Spoiling = 'reset' | 'torn' | 'truncated' | 'endless';

const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please wait.</body></html>';

const CODES: Record<number, [string, string]> = {
  400: ['E0000001', 'Api validation failed: after'],
  401: ['E0000011', 'Invalid token provided'],
  403: ['E0000006', 'You do not have permission to perform the requested action'],
  404: ['E0000007', 'Not found: Resource not found: after (Cursor)'],
  408: ['E0000009', 'Request timeout'],
  429: ['E0000047', 'API call exceeded rate limit due to too many requests.'],
  500: ['E0000009', 'Internal Server Error'],
  503: ['E0000010', 'Service is in read only mode'],
};

export function failing(status: number): Answer {
  if (status === 502 || status === 504) return { status, body: HTML, headers: { 'content-type': 'text/html' } };
  const [code, summary] = CODES[status] ?? ['E0000009', 'Internal Server Error'];
  return { status, body: new OktaError(status, code, summary).body('oaeSpoilt') };
}

/** The answer in place of the real one, or undefined when the real one is needed. */
export function replaced(fault: OktaFault, hasCursor: boolean): Answer | undefined {
  switch (fault.kind) {
    case 'status':
      return failing(fault.status ?? 500);
    case 'html':
      return { status: 200, body: HTML, headers: { 'content-type': 'text/html' } };
    case 'empty':
      return { status: 200, body: [] };
    case 'expiredCursor':
      return hasCursor ? failing(fault.status ?? 404) : undefined;
    case 'absurdReset':
      return {
        ...failing(429),
        headers: {
          'x-rate-limit-limit': '300',
          'x-rate-limit-remaining': '0',
          'x-rate-limit-reset': fault.reset ?? '99999999999',
        },
      };
    case 'reset':
    case 'endless':
      return { status: 200, body: [] };
    default:
      return undefined;
  }
}

/** The real answer, bent. */
export function bent(fault: OktaFault, answer: Answer, url: URL, cursors: Cursors): Answer {
  const { body, links } = answer;
  const relink = (href: (link: string) => string): Answer => ({
    ...answer,
    links: links?.map((link) => (link.rel === 'next' ? { ...link, href: href(link.href) } : link)),
  });
  if (fault.kind === 'loop') return relink(() => url.href);
  if (fault.kind === 'foreignNext') {
    return relink((href) => {
      const next = new URL(href);
      return new URL(next.pathname + next.search, fault.to ?? 'http://127.0.0.1:9').href;
    });
  }
  if (!Array.isArray(body)) return answer;
  if (fault.kind === 'reversed') return { ...answer, body: body.toReversed() };
  if (fault.kind === 'doubled') return { ...answer, body: [...body, ...body.slice(-1)] };
  if (fault.kind === 'heldBack') {
    const same = (href: string): string => {
      const next = new URL(href);
      const after = next.searchParams.get('after') ?? '';
      next.searchParams.set('after', cursors.again(url.searchParams.get('after'), after));
      return next.href;
    };
    return { ...relink(same), body: [] };
  }
  return answer;
}

export const spoilingOf = (faults: readonly OktaFault[]): Spoiling | undefined =>
  faults.map((fault) => fault.kind).find((kind) => ['reset', 'torn', 'truncated', 'endless'].includes(kind)) as
    Spoiling | undefined;
