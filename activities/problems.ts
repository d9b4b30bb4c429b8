import { Failure } from '../connectors/kit/failures.ts';
import type { PositionDocument } from '../store/documents.ts';
import type { Problem } from '../workflows/messages.ts';
import type { Delay, Unauthorized } from './results.ts';

const whoFor: Record<Failure['kind'], Problem['who']> = {
  throttled: 'nobody',
  unauthorized: 'operator',
  forbidden: 'tenant-admin',
  notFound: 'operator',
  conflict: 'operator',
  invalid: 'operator',
  unavailable: 'vendor',
  restart: 'nobody',
  unavailableSubject: 'tenant-admin',
};

const remedyFor: Partial<Record<Failure['kind'], string>> = {
  unauthorized: 'give new credentials of the same tenant: PUT /v1/connections/{id}/credential',
  forbidden: 'grant the missing permission, then rescan',
  notFound: 'the app has no such object, or has it no more: look at the records, rescan',
  unavailable: 'nothing to do unless it lasts: it is asked again by itself',
};

/** A failure as sentences for an operator. Anything that is no Failure is a fault of the connector, and says so. */
export function problemOf(error: unknown, now: Date): NonNullable<PositionDocument['failure']> {
  const failure = asFailure(error);
  const { who, remedy, field, evidence } = failure.details;
  return {
    kind: failure.kind,
    what: field ? `${failure.message} (${field})` : failure.message,
    who: who ?? whoFor[failure.kind],
    remedy: remedy ?? remedyFor[failure.kind],
    since: now.toISOString(),
    ...(evidence && { evidence: { ...evidence } }),
  };
}

/** What a workflow may hold of it: no evidence, which is the vendor's text. */
export function problemForState(error: unknown, now: Date): Problem {
  const { kind, what, who, remedy, since } = problemOf(error, now);
  return { kind, what, who, ...(remedy && { remedy }), since };
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Failure('invalid', `the connector failed on what it was given: ${text.slice(0, 300)}`, {
    who: 'nobody',
    remedy: 'report it with the log of the worker; the other parts go on',
  });
}

export function throttleDelay(failure: Failure, doing: string, bareMs: number): Delay {
  const { retryAfterMs, bucket } = failure.details;
  return {
    // Above an hour one probe goes out each hour: what a vendor announces may be wrong.
    ms: Math.min(Math.max(retryAfterMs ?? bareMs, 1), 3600_000),
    reason: 'throttled',
    why: `throttled${bucket ? ` on ${bucket}` : ''}, ${doing}`,
    ...(bucket && { bucket }),
  };
}

export const unauthorized = (error: Failure, credentialVersion: number, now: Date): Unauthorized => ({
  credentialVersion,
  problem: problemForState(error, now),
});
