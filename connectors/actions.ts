import { z } from 'zod';

const id = z.string().min(1).max(1100);
const account = z.strictObject({ accountId: id });
const file = z.strictObject({ fileId: id });

/**
 * Every governance action that any app may offer, with the shape of its target. Ids are the `vendorId` of the record.
 * An app that offers one has a key of this name in its `actions`.
 */
export const actionTargets = {
  suspendUser: account,
  unsuspendUser: account,
  revokeSessions: account,
  requirePasswordReset: account,
  removeFromGroup: z.strictObject({ groupId: id, accountId: id }),
  removePrivilege: z.strictObject({ privilegeId: id }),
  revokeAppPermission: z.strictObject({ appPermissionId: id }),
  removePublicAccess: file,
  quarantineFile: file,
  trashFile: file,
  restoreFile: file,
  overwriteFile: file,
  /** `shareTo` is the `to` of one of the file's shares. */
  removeCollaborator: z.strictObject({ fileId: id, shareTo: id }),
  removeExternalAccess: file,
  restrictLink: file,
  removeLink: file,
  makePrivate: file,
} as const;

export type ActionName = keyof typeof actionTargets;
export const actionNames = Object.keys(actionTargets) as ActionName[];
export type ActionTarget<N extends ActionName = ActionName> = z.infer<(typeof actionTargets)[N]>;

/** For the capability table and for error messages. */
export const actionTitles: Record<ActionName, string> = {
  suspendUser: 'Suspend a user',
  unsuspendUser: 'Unsuspend a user',
  revokeSessions: 'Revoke sessions',
  requirePasswordReset: 'Require a password reset',
  removeFromGroup: 'Remove from a group',
  removePrivilege: 'Remove a privilege',
  revokeAppPermission: 'Revoke an app permission, token or key',
  removePublicAccess: 'Remove public access to a file',
  quarantineFile: 'Quarantine a file',
  trashFile: 'Move a file to the trash',
  restoreFile: 'Restore a file from the trash',
  overwriteFile: 'Overwrite a file with a notice',
  removeCollaborator: 'Remove one collaborator from a file',
  removeExternalAccess: 'Remove everybody outside the organisation from a file',
  restrictLink: 'Restrict the link of a file to invited people',
  removeLink: 'Remove the link of a file',
  makePrivate: 'Make a file private',
};
