import type { Answer, Call } from '../call.ts';
import { defineConnector } from '../define.ts';
import { Failure } from '../kit/failures.ts';
import { removeFromGroup, removePrivilege, revokeAppPermission } from './access-actions.ts';
import { requirePasswordReset, revokeSessions, suspendUser, unsuspendUser } from './account-actions.ts';
import { sweepAccounts } from './accounts.ts';
import { activityChanges, latenessMs, retentionMs, sweepActivities } from './activities.ts';
import { authorize, challenged } from './auth.ts';
import { credential, identityOf } from './credential.ts';
import { sweepGroups } from './groups.ts';
import { lookupUsers } from './lookup.ts';
import { lookupPermissions, permissionParts, sweepPermissions } from './permissions.ts';
import { sweepPrivileges } from './privileges.ts';
import { push } from './push.ts';
import { quotas } from './quotas.ts';
import { scopeOf } from './scope-of.ts';
import { labelOf, originsOf, settings } from './settings.ts';
import { verify } from './verify.ts';

const noFiles = 'not applicable: Okta stores no customer files';

/** A refusal for too many calls at once names a limit of 0 and a reset that means nothing: a short pause suffices. */
const concurrencyPauseMs = { least: 1000, spread: 4000 };

/** Whatever the status says. Lists, which are long, do not begin with a brace. */
const isRefusedForSpeed = ({ bytes }: Answer): boolean =>
  bytes[0] === 0x7b && /^\{\s*"errorCode"\s*:\s*"E0000047"/.test(Buffer.from(bytes.subarray(0, 100)).toString());

/** Where the status alone would say the wrong thing. */
function classify(answer: Answer, call: Call): Failure | undefined {
  const { status } = answer;
  if (status === 429 && answer.header('x-rate-limit-limit') === '0')
    return new Failure('throttled', `${call.operation} was refused: too many calls at once`, {
      retryAfterMs: concurrencyPauseMs.least + Math.round(Math.random() * concurrencyPauseMs.spread),
    });
  if (status !== 429 && isRefusedForSpeed(answer))
    return new Failure('throttled', `${call.operation} was refused for speed, under status ${status} (E0000047)`);
  if (status < 400) return undefined;
  const code = /"errorCode"\s*:\s*"(E\d{7})"/.exec(answer.text().slice(0, 2000))?.[1];
  // The feature is not licensed: no new credential helps.
  if (status === 401 && code === 'E0000015')
    return new Failure('forbidden', `${call.operation}: the org has no licence for this (${code})`, {
      who: 'tenant-admin',
    });
  const unexpected = status === 403 && !call.accept?.includes(403);
  if (unexpected && /insufficient_scope/.test(answer.header('www-authenticate') ?? '')) {
    const scope = scopeOf(call.operation);
    return new Failure('forbidden', `${call.operation} is refused: the scope ${scope ?? 'for it'} is missing`, {
      who: 'tenant-admin',
      remedy: `grant ${scope ?? 'the scope'} to the service app ("Okta API Scopes"), then rescan`,
      evidence: { operation: call.operation, status, vendorCode: code },
    });
  }
  if (unexpected && code === 'E0000006')
    return new Failure('forbidden', `${call.operation} is refused: no administrator role of ours allows it (${code})`, {
      who: 'tenant-admin',
      remedy: 'assign a role that allows it to the service app, or to the admin whose token this is; then rescan',
      evidence: { operation: call.operation, status, vendorCode: code },
    });
  // About the object and not about our rights: its status, its credential, who masters its profile.
  if (status === 403 && ['E0000014', 'E0000016', 'E0000023', 'E0000038'].includes(code ?? ''))
    return new Failure('conflict', `${call.operation} is refused for this object (${code})`);
  return undefined;
}

export const okta = defineConnector({
  id: 'okta',
  title: 'Okta',
  settings,
  credential,
  label: labelOf,
  origins: originsOf,
  identity: identityOf,
  quotas,
  authorize,
  challenged,
  classify,
  verify,
  stages: {
    users: {
      parts: async () => ({
        records: [
          { id: 'accounts', title: 'Accounts', weight: 10 },
          { id: 'groups', title: 'Groups and memberships', weight: 5 },
          { id: 'privileges', title: 'Administrator roles' },
        ],
      }),
      sweep(session, request) {
        if (request.part.id === 'accounts') return sweepAccounts(session, request);
        if (request.part.id === 'groups') return sweepGroups(session, request);
        if (request.part.id === 'privileges') return sweepPrivileges(session, request);
        return Promise.reject(new Failure('restart', `Okta has no part ${request.part.id}`));
      },
      lookup: lookupUsers,
    },
    permissions: {
      parts: async () => ({ records: permissionParts }),
      sweep: sweepPermissions,
      lookup: lookupPermissions,
    },
    activities: { sweep: sweepActivities, changes: activityChanges, retentionMs, latenessMs },
  },
  actions: {
    suspendUser,
    unsuspendUser,
    revokeSessions,
    requirePasswordReset,
    removeFromGroup,
    removePrivilege,
    revokeAppPermission,
  },
  push,
  partly: {
    revokeSessions: 'asked for and never called verified: Okta lists no sessions of a user',
  },
  absent: {
    files: noFiles,
    content: noFiles,
    removePublicAccess: noFiles,
    quarantineFile: noFiles,
    trashFile: noFiles,
    restoreFile: noFiles,
    overwriteFile: noFiles,
    removeCollaborator: noFiles,
    removeExternalAccess: noFiles,
    restrictLink: noFiles,
    removeLink: noFiles,
    makePrivate: noFiles,
  },
});
