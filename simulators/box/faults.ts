import type { FaultRule } from '../kit/faults.ts';
import { RawJson } from './raw-json.ts';
import { BoxError } from './respond.ts';
import type { Answer } from './respond.ts';

/** Spoils the answer of any request; `ms`, `status`, … as noted. */
export const FAULT_KINDS = [
  /** Waits `ms` first. */
  'delay',
  /** An error with `status` (400, 401, 408, 409, 429, 500, 502, 503, 504 …); gateways' own (502, 504) speak HTML. */
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
  /** `next_marker` or `next_stream_position` is the one that was asked with. */
  'loop',
  /** A redirect leads to the origin `to`. */
  'foreignRedirect',
  /** A request with `marker` is answered by 400. */
  'expiredMarker',
  /** 429 with Retry-After set to `retryAfter`, whatever text that is; none when it is empty. */
  'absurdRetryAfter',
  /** 200 and an empty list without a marker. */
  'empty',
  /** An empty page whose marker or position leads to the rows that should have been on it. */
  'heldBack',
  /** The rows of the page in reverse. */
  'reversed',
  /** The last row of the page twice. */
  'doubled',
] as const;
export type BoxFaultKind = (typeof FAULT_KINDS)[number];

export interface BoxFault extends FaultRule<BoxFaultKind> {
  ms?: number;
  status?: number;
  to?: string;
  retryAfter?: string;
}

/** How the bytes go out. */
export type Spoiling = 'reset' | 'torn' | 'truncated' | 'endless';

const HTML = '<!DOCTYPE html><html><head><title>Box</title></head><body>Please wait.</body></html>';
const CODES: Record<number, [string, string]> = {
  400: ['bad_request', 'Bad Request'],
  404: ['not_found', 'Not Found'],
  409: ['operation_blocked_temporary', 'The operation is blocked by another ongoing operation'],
  429: ['rate_limit_exceeded', 'Request rate limit exceeded, please try again later'],
  500: ['internal_server_error', 'Internal Server Error'],
  503: ['unavailable', 'Service Unavailable'],
};

export function failing(status: number): Answer {
  if (status === 502 || status === 504) return { status, body: HTML, headers: { 'content-type': 'text/html' } };
  if (status === 401) {
    const text =
      'Bearer realm="Service", error="invalid_token", error_description="The access token provided is invalid."';
    return { status, headers: { 'www-authenticate': text } };
  }
  const [code, message] = CODES[status] ?? ['internal_server_error', 'Internal Server Error'];
  return { status, body: new BoxError(status, code, message).body('spoilt') };
}

/** The answer in place of the real one, or undefined when the real one is needed. */
export function replaced(fault: BoxFault, url: URL): Answer | undefined {
  switch (fault.kind) {
    case 'status':
      return failing(fault.status ?? 500);
    case 'html':
      return { status: 200, body: HTML, headers: { 'content-type': 'text/html' } };
    case 'empty':
      return { status: 200, body: { entries: [], limit: 100, next_marker: null } };
    case 'expiredMarker':
      return url.searchParams.has('marker') ? failing(400) : undefined;
    case 'absurdRetryAfter': {
      const text = fault.retryAfter ?? '99999999999';
      return { ...failing(429), headers: text === '' ? {} : { 'retry-after': text } };
    }
    case 'reset':
    case 'endless':
      return { status: 200, body: {} };
    case 'delay':
    case 'torn':
    case 'truncated':
    case 'loop':
    case 'foreignRedirect':
    case 'heldBack':
    case 'reversed':
    case 'doubled':
      return undefined;
  }
}

/** The real answer, bent. */
export function bent(fault: BoxFault, answer: Answer, url: URL): Answer {
  if (fault.kind === 'foreignRedirect' && answer.headers?.location !== undefined) {
    const { pathname } = new URL(answer.headers.location);
    const location = new URL(pathname, fault.to ?? 'http://127.0.0.1:9').href;
    return { ...answer, headers: { ...answer.headers, location } };
  }
  const body = answer.body as Record<string, unknown> | undefined;
  const entries = body?.entries;
  if (!Array.isArray(entries)) return answer;
  if (fault.kind === 'reversed') return { ...answer, body: { ...body, entries: entries.toReversed() } };
  if (fault.kind === 'doubled') return { ...answer, body: { ...body, entries: [...entries, ...entries.slice(-1)] } };
  if (fault.kind !== 'loop' && fault.kind !== 'heldBack') return answer;
  const same: Record<string, unknown> = {};
  if ('next_marker' in (body ?? {})) same.next_marker = url.searchParams.get('marker');
  if ('next_stream_position' in (body ?? {})) {
    const asked = url.searchParams.get('stream_position') ?? '0';
    same.next_stream_position = body?.next_stream_position instanceof RawJson ? new RawJson(asked) : asked;
  }
  if (fault.kind === 'loop') return { ...answer, body: { ...body, ...same } };
  return {
    ...answer,
    body: { ...body, ...same, entries: [], ...('chunk_size' in (body ?? {}) ? { chunk_size: 0 } : {}) },
  };
}

export const spoilingOf = (faults: readonly BoxFault[]): Spoiling | undefined =>
  faults.map((fault) => fault.kind).find((kind) => ['reset', 'torn', 'truncated', 'endless'].includes(kind)) as
    Spoiling | undefined;
