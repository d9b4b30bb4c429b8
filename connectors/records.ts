import { z } from 'zod';

/**
 * The normalised rows of every app. A connector returns them as they are here; the store adds `connectionId`, `app`,
 * `part`, `hash`, `observedAt`, `seenScan` and `removedAt`. The kind is also the name of the collection, of the API
 * path and of the count in every summary.
 */
export const recordKinds = [
  'accounts',
  'groups',
  'memberships',
  'privileges',
  'appPermissions',
  'activities',
  'files',
] as const;
export type RecordKind = (typeof recordKinds)[number];

/** S3 has the longest: a bucket's 63 characters, a slash and a key of 1,024. */
const vendorId = z.string().min(1).max(1100);
const base = {
  /** Unique within connection and kind; the vendor's own id where there is one. */
  vendorId,
  /** The vendor's object as it came; the store cuts it at 16 KB. */
  raw: z.unknown(),
};
const when = z.date();

export const accountStatuses = ['active', 'suspended', 'deactivated', 'deleted', 'pending'] as const;

export const accountRecord = z.strictObject({
  kind: z.literal('accounts'),
  ...base,
  login: z.string(),
  email: z.string().optional(),
  displayName: z.string().optional(),
  /** What stands behind the account. `root` is the owner of an AWS account. */
  type: z.enum(['person', 'service', 'root', 'unknown']),
  status: z.enum(accountStatuses),
  /** The vendor's own word for the status, e.g. `LOCKED_OUT`. */
  vendorStatus: z.string().optional(),
  createdAt: when.optional(),
  changedAt: when.optional(),
  lastLoginAt: when.optional(),
  passwordChangedAt: when.optional(),
  /** Whether a second factor is enrolled, where the app tells. */
  mfa: z.boolean().optional(),
  /** Who holds the password: `okta`, `active-directory`, `console`, `none`, ... */
  credentialSource: z.string().optional(),
});

export const groupRecord = z.strictObject({
  kind: z.literal('groups'),
  ...base,
  name: z.string(),
  description: z.string().optional(),
  /** `managed` groups are filled from elsewhere (a directory, a rule) and cannot be changed here. */
  type: z.enum(['normal', 'managed', 'everyone']),
  createdAt: when.optional(),
  changedAt: when.optional(),
  membersChangedAt: when.optional(),
});

export const membershipRecord = z.strictObject({
  kind: z.literal('memberships'),
  ...base,
  groupId: vendorId,
  accountId: vendorId,
});

export const privilegeRecord = z.strictObject({
  kind: z.literal('privileges'),
  ...base,
  /** `roles` are the app's own principals that are neither account nor group (AWS IAM roles). */
  holderKind: z.enum(['accounts', 'groups', 'roles']),
  holderId: vendorId,
  /** The vendor's name of the role or policy: `SUPER_ADMIN`, `AdministratorAccess`. */
  name: z.string(),
  title: z.string().optional(),
  /** Whether it lets the holder administer the tenant as a whole. */
  admin: z.boolean(),
  /** `direct`, or what it is inherited from. */
  origin: z.enum(['direct', 'group', 'inline', 'attached']),
  /** What it is limited to, where it is: a resource set, a path. */
  scope: z.string().optional(),
  /** The group that it is a right over: without that it is none. */
  groupId: vendorId.optional(),
  createdAt: when.optional(),
});

/** `observed`: an event told of it, and whether it still stands the app shows nobody. */
export const appPermissionStatuses = ['active', 'inactive', 'revoked', 'expired', 'observed'] as const;
/** The part of what no list shows and only events tell of. No sweep reads it, so none takes what is in it for gone. */
export const observedPart = 'observed';

export const appPermissionRecord = z.strictObject({
  kind: z.literal('appPermissions'),
  ...base,
  accountId: vendorId.optional(),
  appId: z.string(),
  appName: z.string().optional(),
  type: z.enum(['grant', 'refreshToken', 'accessKey', 'apiToken', 'trust']),
  scopes: z.array(z.string()),
  status: z.enum(appPermissionStatuses),
  issuedAt: when.optional(),
  lastUsedAt: when.optional(),
  expiresAt: when.optional(),
  /** Of what only events tell of: when the newest of them happened. */
  changedAt: when.optional(),
});

export const activityRecord = z.strictObject({
  kind: z.literal('activities'),
  ...base,
  receivedAt: when,
  /** Which of the app's sources brought it: `system-log`, `cloudtrail-s3`, ... */
  source: z.string(),
  /** OCSF 1.8, nothing else: what has no place there is in `event.unmapped`. */
  event: z.looseObject({ class_uid: z.number(), type_uid: z.number(), time: z.number() }),
});

export const sharings = ['private', 'internal', 'external', 'public'] as const;
export type Sharing = (typeof sharings)[number];

/** Of several ways in the widest; `private` of none. */
export const mostOpen = (shares: readonly { sharing: Sharing }[]): Sharing =>
  sharings[Math.max(0, ...shares.map(({ sharing }) => sharings.indexOf(sharing)))]!;

/** One way in: a person, a group, a link, a policy statement, with the evidence for it. */
export const share = z.strictObject({
  type: z.enum(['user', 'group', 'link', 'acl', 'policy', 'account']),
  /** Who: an account id, a group id, an e-mail address, `*`. */
  to: z.string(),
  role: z.string(),
  sharing: z.enum(sharings),
  expiresAt: when.optional(),
  evidence: z.string().optional(),
});
export type Share = z.infer<typeof share>;

export const fileRecord = z.strictObject({
  kind: z.literal('files'),
  ...base,
  name: z.string(),
  /** Names from the root down. The store corrects it, like `ancestors`, when a folder above is renamed or moved. */
  path: z.string(),
  type: z.enum(['file', 'folder']),
  parentId: vendorId.optional(),
  /** From the root down, ids of file records; the nearest alone where the app tells no more. */
  ancestors: z.array(z.string()),
  ownerId: z.string().optional(),
  size: z.number().optional(),
  mediaType: z.string().optional(),
  /** Changes with the content: an etag, a version id. */
  version: z.string().optional(),
  /** Which one that is, as people count them where the app does: `3`, `2.1`. */
  versionNumber: z.string().optional(),
  createdAt: when.optional(),
  modifiedAt: when.optional(),
  trashed: z.boolean(),
  /** The item's own shares. The store adds `sharing`, the most open of them and of its ancestors'. */
  shares: z.array(share),
  /** False where nothing above opens it, nor what is below it. */
  inherits: z.boolean().optional(),
});

export const recordSchemas = {
  accounts: accountRecord,
  groups: groupRecord,
  memberships: membershipRecord,
  privileges: privilegeRecord,
  appPermissions: appPermissionRecord,
  activities: activityRecord,
  files: fileRecord,
} as const;

export type AccountRecord = z.infer<typeof accountRecord>;
export type GroupRecord = z.infer<typeof groupRecord>;
export type MembershipRecord = z.infer<typeof membershipRecord>;
export type PrivilegeRecord = z.infer<typeof privilegeRecord>;
export type AppPermissionRecord = z.infer<typeof appPermissionRecord>;
export type ActivityRecord = z.infer<typeof activityRecord>;
export type FileRecord = z.infer<typeof fileRecord>;
export type AnyRecord =
  AccountRecord | GroupRecord | MembershipRecord | PrivilegeRecord | AppPermissionRecord | ActivityRecord | FileRecord;

export interface StageRecords {
  users: AccountRecord | GroupRecord | MembershipRecord | PrivilegeRecord;
  /** Tokens that users issued to third-party apps, and keys. */
  permissions: AppPermissionRecord;
  activities: ActivityRecord;
  /** Folders too. */
  files: FileRecord;
}
export const stageNames = ['users', 'permissions', 'activities', 'files'] as const;
export type StageName = (typeof stageNames)[number];

/** Which stage reads a kind. */
export const stageOf: Record<RecordKind, StageName> = {
  accounts: 'users',
  groups: 'users',
  memberships: 'users',
  privileges: 'users',
  appPermissions: 'permissions',
  activities: 'activities',
  files: 'files',
};
