import { defineConnector } from '../define.ts';
import { Failure } from '../kit/failures.ts';
import { removeFromGroup, removePrivilege, revokeAppPermission } from './access-actions.ts';
import { revokeSessions, suspendUser, unsuspendUser } from './account-actions.ts';
import { sweepAccounts } from './accounts.ts';
import { overwriteFile } from './action-overwrite.ts';
import { quarantineFile } from './action-quarantine.ts';
import {
  makePrivate,
  removeCollaborator,
  removeExternalAccess,
  removeLink,
  removePublicAccess,
  restrictLink,
} from './actions-sharing.ts';
import { restoreFile, trashFile } from './actions-trash.ts';
import { activitiesStage } from './activities.ts';
import { authorize, challenged } from './auth.ts';
import { content } from './content.ts';
import { credential, identityOf } from './credential.ts';
import { classify } from './errors.ts';
import { filesStage } from './files.ts';
import { membersAmong } from './group-members.ts';
import { sweepGroups } from './groups.ts';
import { lookupUsers } from './lookup-users.ts';
import { permissionsStage } from './permissions.ts';
import { push } from './push.ts';
import { quotas } from './quotas.ts';
import { labelOf, originsOf, settings } from './settings.ts';
import { verify } from './verify.ts';

export const box = defineConnector({
  id: 'box',
  title: 'Box',
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
          { id: 'accounts', title: 'Accounts and administrator roles', weight: 5 },
          { id: 'groups', title: 'Groups and memberships', weight: 5 },
        ],
      }),
      sweep(session, request) {
        if (request.part.id === 'accounts') return sweepAccounts(session, request);
        if (request.part.id === 'groups') return sweepGroups(session, request);
        return Promise.reject(new Failure('restart', `Box has no part ${request.part.id}`));
      },
      lookup: lookupUsers,
    },
    permissions: permissionsStage,
    activities: activitiesStage,
    files: filesStage,
  },
  actions: {
    suspendUser,
    unsuspendUser,
    revokeSessions,
    removeFromGroup,
    removePrivilege,
    revokeAppPermission,
    removePublicAccess,
    quarantineFile,
    trashFile,
    restoreFile,
    overwriteFile,
    removeCollaborator,
    removeExternalAccess,
    restrictLink,
    removeLink,
    makePrivate,
  },
  membersAmong,
  push,
  content,
  partly: {
    revokeSessions: 'asked for and never called verified: Box ends sessions by a job and does not show its end',
    permissions:
      'pinned devices, and tokens of apps as events tell of them (status `observed`, until 60 days after the last): Box lists none',
    revokeAppPermission:
      'pinned devices; of a token that another app holds the plan says what to do instead: Box lets only that app revoke it',
  },
  absent: {
    requirePasswordReset: 'not offered: Box takes the wish and never shows whether it stands, nor whether it was met',
  },
});
