import type { Request, Response } from 'express';

/** Who must act on a problem. */
export type Who = 'caller' | 'operator' | 'tenant-admin' | 'vendor' | 'nobody';

interface Row {
  status: number;
  title: string;
  who: Who;
  remedy?: string;
}

/** Every problem that the API answers. The code ends the `type` of RFC 9457. */
const table = {
  'malformed-json': { status: 400, title: 'The body is not JSON', who: 'caller', remedy: 'send one JSON object' },
  'malformed-url': { status: 400, title: 'The address cannot be read', who: 'caller' },
  'body-incomplete': { status: 400, title: 'The body did not arrive whole', who: 'caller', remedy: 'send it again' },
  'invalid-input': { status: 400, title: 'A field is wrong', who: 'caller', remedy: 'correct the fields in `errors`' },
  'invalid-parameter': {
    status: 400,
    title: 'A query parameter is wrong',
    who: 'caller',
    remedy: 'correct the parameters in `errors`',
  },
  'key-missing': {
    status: 401,
    title: 'No API key',
    who: 'caller',
    remedy: 'send `Authorization: Bearer <key>`; `npm run key -- create` makes one',
  },
  'key-refused': {
    status: 401,
    title: 'The API key is not valid',
    who: 'caller',
    remedy: 'the key is unknown, expired or revoked: ask for a new one',
  },
  forged: { status: 401, title: 'The sender did not prove who it is', who: 'nobody' },
  'role-missing': { status: 403, title: 'The API key may not do this', who: 'operator' },
  'not-found': { status: 404, title: 'There is nothing here', who: 'caller' },
  'wrong-method': { status: 405, title: 'This address does not take this method', who: 'caller' },
  'governance-off': {
    status: 403,
    title: 'Governance is off for this connection',
    who: 'operator',
    remedy: 'switch it on with PATCH {"governance":"on"} and a governor key',
  },
  'protected-principal': {
    status: 403,
    title: 'This account is protected from actions',
    who: 'operator',
    remedy: 'choose another account; the list is the `protected` field of the connection',
  },
  'not-supported': { status: 422, title: 'The app cannot do this', who: 'nobody' },
  'connection-ended': {
    status: 409,
    title: 'The connection has ended',
    who: 'operator',
    remedy: 'make a new connection',
  },
  'wrong-state': { status: 409, title: 'This cannot be done now', who: 'caller' },
  'idempotency-mismatch': {
    status: 409,
    title: 'The Idempotency-Key was used for another request',
    who: 'caller',
    remedy: 'use a new key for a new request',
  },
  'duplicate-tenant': {
    status: 409,
    title: 'The tenant is connected already',
    who: 'operator',
    remedy: 'use the connection that has it, or disconnect that one first',
  },
  'body-too-large': { status: 413, title: 'The body is too large', who: 'caller' },
  'wrong-media-type': {
    status: 415,
    title: 'The body is not of a type that is read here',
    who: 'caller',
    remedy: 'send `Content-Type: application/json`, in UTF-8',
  },
  'check-failed': { status: 422, title: 'The app does not accept the connection', who: 'operator' },
  'too-many-requests': { status: 429, title: 'Too many requests with this API key', who: 'caller' },
  internal: {
    status: 500,
    title: 'Something went wrong here',
    who: 'operator',
    remedy: 'look for the request id in the log of the API',
  },
  'worker-unavailable': {
    status: 503,
    title: 'No worker answered in time',
    who: 'operator',
    remedy: 'see that a worker runs; the wish is kept and obeyed when one does',
  },
  'temporal-unavailable': {
    status: 503,
    title: 'Temporal cannot be reached',
    who: 'operator',
    remedy: 'see that Temporal runs at TEMPORAL_ADDRESS; what was wished is kept',
  },
  'store-unavailable': {
    status: 503,
    title: 'MongoDB cannot be reached',
    who: 'operator',
    remedy: 'see that MongoDB runs at MONGODB_URI; nothing was changed',
  },
  'too-slow': {
    status: 503,
    title: 'The answer took too long',
    who: 'operator',
    remedy: 'read what has become of it before asking again; see whether MongoDB answers',
  },
  'not-ready': { status: 503, title: 'A server that is needed is away', who: 'operator' },
} as const satisfies Record<string, Row>;

export type ProblemCode = keyof typeof table;

/** One wrong field: `pointer` (RFC 6901) into the body, or `parameter` in the query or a header. */
export interface FieldError {
  pointer?: string;
  parameter?: string;
  detail: string;
  remedy?: string;
}

export interface ProblemExtras {
  errors?: readonly FieldError[];
  remedy?: string;
  who?: Who;
  headers?: Record<string, string>;
  /** Further members of the answer. */
  more?: Record<string, unknown>;
}

/** Thrown anywhere in a route; the detail is shown to the caller, so it never holds a secret. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.code = code;
    this.status = table[code].status;
    this.extras = extras;
  }
}

/** The body of RFC 9457. */
export function problemBody(problem: HttpProblem, requestId: string): Record<string, unknown> {
  const row: Row = table[problem.code];
  const { errors, remedy, who, more } = problem.extras;
  return {
    type: `urn:castellan:problem:${problem.code}`,
    title: row.title,
    status: row.status,
    detail: problem.message,
    instance: `urn:castellan:request:${requestId}`,
    code: problem.code,
    who: who ?? row.who,
    remedy: remedy ?? row.remedy,
    errors,
    ...more,
  };
}

export function sendProblem(request: Request, response: Response, problem: HttpProblem): void {
  if (response.headersSent) {
    // Answered already (too slow), or broken off in the middle: then the caller must not take it for whole.
    if (!response.writableEnded) response.destroy();
    return;
  }
  response
    .status(problem.status)
    .set(problem.extras.headers ?? {})
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, request.requestId)));
}

/** A name as a segment of a JSON pointer. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((segment) => `/${String(segment).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

export const invalidField = (pointer: string, detail: string, remedy?: string): HttpProblem =>
  new HttpProblem('invalid-input', `${pointer || 'the body'}: ${detail}`, { errors: [{ pointer, detail, remedy }] });

export const invalidParameter = (parameter: string, detail: string, remedy?: string): HttpProblem =>
  new HttpProblem('invalid-parameter', `${parameter}: ${detail}`, { errors: [{ parameter, detail, remedy }] });

export const notFound = (what: string): HttpProblem => new HttpProblem('not-found', `${what} is not known here`);
