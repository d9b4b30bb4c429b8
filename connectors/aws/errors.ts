import type { Answer, Call } from '../call.ts';
import { Failure, type FailureKind } from '../kit/failures.ts';
import { redact } from '../kit/redact.ts';

/**
 * What AWS calls its errors, and what that means here. Matched by name: the status of one error differs by protocol.
 * The throttling names are those that the SDK itself takes for such; IAM's LimitExceeded is a full quota of objects.
 */
const names: Record<string, FailureKind> = {};
const mean = (kind: FailureKind, ...codes: string[]) => {
  for (const code of codes) names[code] = kind;
};
mean(
  'throttled',
  ...['Throttling', 'ThrottlingException', 'ThrottledException', 'RequestThrottled', 'RequestThrottledException'],
  ...[
    'TooManyRequestsException',
    'RequestLimitExceeded',
    'SlowDown',
    'BandwidthLimitExceeded',
    'EC2ThrottledException',
  ],
  ...['PriorRequestNotComplete', 'OverLimit', 'AWS.SimpleQueueService.OverLimit'],
);
mean(
  'unauthorized',
  ...['InvalidClientTokenId', 'UnrecognizedClientException', 'InvalidAccessKeyId', 'SignatureDoesNotMatch'],
  ...['InvalidSignatureException', 'ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'InvalidToken'],
  ...['RequestTimeTooSkewed', 'AuthFailure', 'MissingAuthenticationToken', 'IncompleteSignature'],
);
mean(
  'forbidden',
  ...['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'OperationNotPermittedException'],
  ...['AllAccessDisabled', 'KMS.AccessDeniedException', 'RegionDisabledException', 'OptInRequired'],
);
mean(
  'notFound',
  ...['NoSuchEntity', 'NoSuchEntityException', 'NoSuchKey', 'NoSuchVersion', 'NotFound', 'QueueDoesNotExist'],
  ...['AWS.SimpleQueueService.NonExistentQueue', 'NoSuchUpload'],
);
// A bucket that is gone or unreachable concerns its part alone.
mean('unavailableSubject', 'NoSuchBucket', 'PermanentRedirect', 'InvalidObjectState', 'ObjectNotInActiveTierError');
mean(
  'conflict',
  ...['PreconditionFailed', 'ConditionalRequestConflict', 'DeleteConflict', 'DeleteConflictException'],
  ...['EntityTemporarilyUnmodifiable', 'EntityTemporarilyUnmodifiableException', 'LimitExceeded'],
  ...['LimitExceededException', 'UnmodifiableEntity', 'UnmodifiableEntityException', 'ConcurrentModification'],
  ...['ConcurrentModificationException', 'AccessControlListNotSupported', 'OperationAborted', 'EntityAlreadyExists'],
  ...['EntityAlreadyExistsException', 'MalformedPolicyDocument', 'MalformedPolicyDocumentException'],
  ...['MalformedPolicy', 'MethodNotAllowed'],
);
mean('restart', 'InvalidNextTokenException');
mean(
  'unavailable',
  ...['InternalError', 'InternalFailure', 'InternalServerError', 'ServiceUnavailable', 'ServiceFailure'],
  ...['ServiceFailureException', 'ServiceUnavailableException', 'RequestTimeout', 'TimeoutError'],
);

interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number; requestId?: string };
}
const codeOf = (error: unknown) => (error instanceof Error ? error.name : '');

/** Whether the vendor answered with one of these error names. */
export const isVendorError = (error: unknown, ...codes: string[]): boolean => codes.includes(codeOf(error));

/** The IAM action that an AccessDenied text names, and the clause that says why. */
function deniedAction(message: string): { action?: string; why?: string } {
  const action = /not authorized to perform:?\s+([a-z0-9-]+:[A-Za-z]+)/.exec(message)?.[1];
  const why = /(because no [a-z-]+ policy allows|with an explicit deny in an? [a-z- ]+)/.exec(message)?.[1];
  return { action, why };
}

function kindOf(code: string, status: number | undefined): FailureKind {
  const named = names[code];
  if (named) return named;
  if (status === undefined) return 'unavailable';
  // A HEAD request has no body, so the SDK only knows its status.
  if (status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  if (status === 401) return 'unauthorized';
  if (status === 429) return 'throttled';
  if (status === 409 || status === 412) return 'conflict';
  if (status >= 500) return 'unavailable';
  return status >= 400 ? 'invalid' : 'unavailable';
}

/** Any error of an SDK call as a Failure; `operation` is the IAM action, `s3:GetBucketPolicy`. */
export function asFailure(error: unknown, operation: string): Failure {
  if (error instanceof Failure) return error;
  const sdk = error as SdkError;
  if (!(error instanceof Error) || (error.name === 'AbortError' && !sdk.$metadata))
    throw error instanceof Error ? error : new Error(String(error));
  const status = sdk.$metadata?.httpStatusCode;
  // Without metadata nothing was answered or the answer could not be read; a mistake of ours is neither.
  if (status === undefined && (error instanceof TypeError || error instanceof ReferenceError)) throw error;
  const kind = kindOf(error.name, status);
  const message = redact(error.message).slice(0, 300);
  const { action = operation, why } = kind === 'forbidden' ? deniedAction(error.message) : {};
  return new Failure(
    kind,
    kind === 'forbidden'
      ? `${operation} is not allowed: ${action} was refused${why ? ` (${why})` : ''}`
      : `${operation}: ${error.name}${status ? ` (${status})` : ''}: ${message}`,
    {
      remedy:
        kind === 'forbidden'
          ? `allow ${action} in the policy of the principal that Castellan uses`
          : kind === 'unauthorized'
            ? 'give a valid access key, or check the role, its trust policy and the external id'
            : undefined,
      who:
        kind === 'forbidden' || kind === 'unauthorized'
          ? 'tenant-admin'
          : kind === 'unavailable'
            ? 'vendor'
            : undefined,
      evidence: {
        operation,
        status,
        vendorCode: error.name.slice(0, 80),
        requestId: sdk.$metadata?.requestId,
        excerpt: message.slice(0, 200),
      },
    },
  );
}

/** An SDK call whose errors become Failures. */
export async function vendor<T>(operation: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw asFailure(error, operation);
  }
}

/** The same, where some errors say no more than "not set" or "not there". */
export async function absentAs<T, A>(
  operation: string,
  call: Promise<T>,
  absent: A,
  ...codes: string[]
): Promise<T | A> {
  try {
    return await call;
  } catch (error) {
    if (isVendorError(error, ...codes)) return absent;
    throw asFailure(error, operation);
  }
}

const codeIn = /<Code>([\w.]{1,80})<\/Code>|"__type"\s*:\s*"(?:[\w.]+#)?([\w.]{1,80})"/;

/**
 * Every status is accepted, as the SDK alone reads the vendor's errors. Told here are only those that something before
 * the SDK must hear of: throttles (AWS says them with 400 and 503 too; its buckets fill every second, hence the short
 * pause), so that they reach the quota, and refused credentials, so that `challenged` may sign once more.
 */
export function classify(answer: Answer, call: Call): Failure | undefined {
  if (answer.status < 400) return undefined;
  const found = codeIn.exec(answer.text().slice(0, 8_000));
  const code = found?.[1] ?? found?.[2] ?? '';
  const kind = answer.status === 429 ? 'throttled' : names[code];
  const evidence = { operation: call.operation, status: answer.status, vendorCode: code || undefined };
  if (kind === 'unauthorized')
    return new Failure(kind, `${call.operation} was refused: ${code}`, {
      remedy: 'give a valid access key, or check the role, its trust policy and the external id',
      who: 'tenant-admin',
    });
  if (kind !== 'throttled') return undefined;
  const seconds = Number(answer.header('retry-after') ?? answer.header('x-amz-retry-after'));
  return new Failure('throttled', `${call.operation}: ${code || answer.status}: AWS asks to slow down`, {
    retryAfterMs: seconds > 0 ? seconds * 1000 : 1000,
    evidence,
  });
}
