import type { Answer, Call } from '../call.ts';
import { Failure } from '../kit/failures.ts';
import { tokenOperation } from './auth.ts';
import { contentOperation } from './content.ts';

const codeOf = (answer: Answer): string | undefined =>
  /"(?:code|error)"\s*:\s*"([\w.-]{1,80})"/.exec(answer.text().slice(0, 4000))?.[1];

/** Said of a scope that the app lacks; the body is often empty, so the header tells. */
export const lacksScope = (answer: Answer): boolean =>
  /insufficient_scope/.test(answer.header('www-authenticate') ?? '') || codeOf(answer) === 'insufficient_scope';

const scopeRemedy =
  'tick the scope in the Developer Console and have an admin authorize the app again in the Admin Console';

/** Box has these heal by themselves after seconds. */
const passing = ['operation_blocked_temporary', 'name_temporarily_reserved', 'conflict_retry'];
const passingMs = 5_000;

/** About the object and not about our rights. */
const ofObject = [
  'access_denied_item_locked',
  'storage_limit_exceeded',
  'file_size_limit_exceeded',
  'forbidden_by_policy',
  'retention_not_expired',
];

/** Whatever the status says; an error is told apart by its beginning. */
function isRefusedForSpeed({ bytes }: Answer): boolean {
  const start = Buffer.from(bytes.subarray(0, 400)).toString();
  return /^\{\s*"type"\s*:\s*"error"/.test(start) && /"code"\s*:\s*"rate_limit_exceeded"/.test(start);
}

/** Where the status alone would say the wrong thing. */
export function classify(answer: Answer, call: Call): Failure | undefined {
  const { status } = answer;
  if (status === 202 && call.operation === contentOperation)
    return new Failure('unavailable', `${call.operation}: Box does not have the content at hand yet`);
  // Where a download is led to: what was asked for goes on beyond the end.
  if (status === 416) return new Failure('restart', `${call.operation}: the content is shorter than what came of it`);
  if (status !== 429 && isRefusedForSpeed(answer))
    return new Failure('throttled', `${call.operation} was refused for speed, under status ${status}`);
  if (status < 400) return undefined;
  const code = codeOf(answer);
  if (call.operation === tokenOperation && status === 400) return refusedToken(answer, code);
  if (status === 409 && passing.includes(code ?? ''))
    return new Failure('unavailable', `${call.operation}: Box is still busy with the item (${code})`, {
      retryAfterMs: passingMs,
    });
  if (status !== 403 || call.accept?.includes(403)) return undefined;
  if (lacksScope(answer))
    return new Failure('forbidden', `${call.operation}: a scope is missing (insufficient_scope)`, {
      who: 'tenant-admin',
      remedy: scopeRemedy,
    });
  if (ofObject.includes(code ?? ''))
    return new Failure('conflict', `${call.operation} is refused for this item (${code})`, { who: 'operator' });
  return undefined;
}

const remedies: Record<string, string> = {
  invalid_grant:
    'check the client secret and settings.enterpriseId, and that the app has "App + Enterprise Access" in the Developer Console',
  unauthorized_client: 'have an admin of the enterprise authorize the app in the Admin Console, Platform Apps Manager',
  invalid_client: 'check the client id and secret',
};

function refusedToken(answer: Answer, code: string | undefined): Failure {
  const why = /"error_description"\s*:\s*"([^"\\]{1,200})/.exec(answer.text().slice(0, 4000))?.[1];
  return new Failure('unauthorized', `Box gives no access token: ${code ?? answer.status}${why ? ` (${why})` : ''}`, {
    who: 'tenant-admin',
    remedy: remedies[code ?? ''] ?? 'check the credential',
    field: 'credential',
  });
}
