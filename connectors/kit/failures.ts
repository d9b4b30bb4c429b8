/**
 * One word says what the engine does next:
 * `throttled` wait `retryAfterMs` · `unauthorized` park for new credentials · `forbidden` the stage is blind ·
 * `notFound` `conflict` `invalid` the caller's matter · `unavailable` ask again, then fail the part ·
 * `restart` this position is gone, begin the part again · `unavailableSubject` skip this part and say why.
 */
export const failureKinds = [
  'throttled',
  'unauthorized',
  'forbidden',
  'notFound',
  'conflict',
  'invalid',
  'unavailable',
  'restart',
  'unavailableSubject',
] as const;
export type FailureKind = (typeof failureKinds)[number];

/** What the vendor answered, cut and redacted: enough to see why, too little to leak. */
export interface Evidence {
  operation?: string;
  status?: number;
  contentType?: string;
  /** The first 200 bytes of the body. */
  excerpt?: string;
  /** The vendor's request id, what its support asks for. */
  requestId?: string;
  /** The vendor's error code, e.g. `E0000006`, `AccessDenied`. */
  vendorCode?: string;
}

export interface FailureDetails {
  /** How long to wait, as a duration; with `throttled`, from when the answer came. */
  retryAfterMs?: number;
  /** The quota bucket that ran out. */
  bucket?: string;
  /** The input's field that is wrong, e.g. `settings.domain`. */
  field?: string;
  /** What to do about it. */
  remedy?: string;
  /** Who must act. */
  who?: 'tenant-admin' | 'operator' | 'vendor' | 'nobody';
  evidence?: Evidence;
}

/** The only error a connector throws on purpose. The message names what failed and why; it never holds a secret. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  readonly details: FailureDetails;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.details = details;
  }

  static is(error: unknown, ...kinds: FailureKind[]): error is Failure {
    return error instanceof Failure && (kinds.length === 0 || kinds.includes(error.kind));
  }
}

/** What the status table needs of an answer. */
export interface ClassifiedAnswer {
  status: number;
  contentType?: string;
  /** True: it says when to come again. */
  retryAfter?: boolean;
}

const byStatus: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  402: 'forbidden',
  403: 'forbidden',
  404: 'notFound',
  405: 'invalid',
  406: 'invalid',
  408: 'unavailable',
  409: 'conflict',
  410: 'notFound',
  411: 'invalid',
  412: 'conflict',
  413: 'invalid',
  414: 'invalid',
  415: 'invalid',
  421: 'unavailable',
  422: 'invalid',
  423: 'conflict',
  424: 'conflict',
  425: 'unavailable',
  428: 'conflict',
  429: 'throttled',
  501: 'invalid',
};

/**
 * The only status table. A 403 in HTML comes from something in between (a proxy, a firewall), not from the app's own
 * permissions, so it must not make a stage blind; one that says when to come again refuses for speed.
 */
export function classify(answer: ClassifiedAnswer): FailureKind {
  if (answer.status === 403 && answer.contentType?.includes('html')) return 'unavailable';
  if (answer.status === 403 && answer.retryAfter) return 'throttled';
  const kind = byStatus[answer.status];
  if (kind) return kind;
  return answer.status >= 400 && answer.status < 500 ? 'invalid' : 'unavailable';
}
