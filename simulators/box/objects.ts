import type { Content } from './content.ts';

export const USER_STATUSES = ['active', 'inactive', 'cannot_delete_edit', 'cannot_delete_edit_upload'] as const;
export type UserStatus = (typeof USER_STATUSES)[number];
export const ROLES = [
  'editor',
  'viewer',
  'previewer',
  'uploader',
  'previewer uploader',
  'viewer uploader',
  'co-owner',
] as const;
export type CollabRole = (typeof ROLES)[number];
export type LinkAccess = 'open' | 'company' | 'collaborators';

/** Times are ms since 1970 by the vendor's clock; they become text when rendered. */
export interface User {
  id: string;
  seq: number;
  /** The root folder of the user is `-number`. */
  number: number;
  kind: 'managed' | 'app' | 'service' | 'external';
  name: string;
  login: string;
  role: 'admin' | 'coadmin' | 'user';
  status: UserStatus;
  createdAt: number;
  modifiedAt: number;
  jobTitle: string;
  phone: string;
  address: string;
  language: string;
  timezone: string;
  spaceAmount: number;
  sessions: number;
  passwordResetRequired: boolean;
  externalCollabRestricted: boolean;
  loginVerificationExempt: boolean;
  /** May run reports, that is, read the enterprise's events (admins and co-admins only). */
  reports: boolean;
}

export interface Version {
  id: number;
  name: string;
  content: Content;
  createdAt: number;
  modifiedBy: string;
  number: number;
  trashedAt?: number;
  trashedBy?: string;
  restoredAt?: number;
}

export interface Lock {
  id: string;
  by: string;
  at: number;
  expiresAt: number | null;
  downloadPrevented: boolean;
}

export interface Item {
  id: number;
  type: 'file' | 'folder' | 'web_link';
  name: string;
  /** Id of the folder, or minus the number of the user in whose root it is. */
  parent: number;
  etag: number;
  createdAt: number;
  modifiedAt: number;
  createdBy: string;
  modifiedBy: string;
  description: string;
  /** Oldest first, the current one last; empty for what is no file. */
  versions: Version[];
  canNonOwnersInvite: boolean;
  /** is_collaboration_restricted_to_enterprise */
  restricted: boolean;
  trashedAt?: number;
  trashedBy?: string;
  lock?: Lock;
  tags?: string[];
  url?: string;
  classification?: string;
}

export interface SharedLink {
  token: string;
  access: LinkAccess;
  password: string | null;
  unsharedAt: number | null;
  canDownload: boolean;
  canEdit: boolean;
  vanityName: string | null;
  downloads: number;
  previews: number;
}

export interface Collab {
  id: string;
  seq: number;
  item: number;
  grantee: { type: 'user' | 'group'; id: string } | null;
  /** Set while an invited person has no account. */
  inviteEmail: string | null;
  role: CollabRole;
  status: 'accepted' | 'pending' | 'rejected';
  expiresAt: number | null;
  accessOnly: boolean;
  canViewPath: boolean;
  createdBy: string;
  createdAt: number;
  modifiedAt: number;
  acknowledgedAt: number | null;
}

export interface Membership {
  id: string;
  seq: number;
  userId: string;
  groupId: string;
  role: 'member' | 'admin';
  createdAt: number;
  modifiedAt: number;
}

export interface Group {
  id: string;
  seq: number;
  name: string;
  groupType: 'managed_group' | 'all_users_group';
  createdAt: number;
  modifiedAt: number;
  provenance: string | null;
  externalId: string | null;
  description: string;
  invitability: string;
  viewability: string;
  /** Membership id by user id. */
  members: Map<string, string>;
}

export interface Webhook {
  id: string;
  seq: number;
  app: string;
  owner: string;
  target: { id: string; type: 'file' | 'folder' };
  address: string;
  triggers: string[];
  createdAt: number;
  /** Whose token made it, which is not its owner's with As-User. */
  madeWith: string;
  /** When its address last answered 2xx; at first when it was made. */
  answeredAt: number;
  /** Not deleted by whoever made it: the last messages are still sent. */
  endedByBox?: boolean;
}

export interface DevicePin {
  id: string;
  seq: number;
  owner: string;
  productName: string;
}

export interface App {
  clientId: string;
  clientSecret: string;
  name: string;
  scopes: string[];
  /** False: the service account and app users only. */
  enterpriseAccess: boolean;
  asUser: boolean;
  generateUserTokens: boolean;
  /** By the enterprise's admin. */
  authorized: boolean;
  grants: ('ccg' | 'jwt')[];
  /** Public keys (JWK with kid) of JWT applications. */
  keys: Record<string, unknown>[];
  /** What the service account reaches: everybody, or nobody who is admin or co-admin. */
  reach: 'all' | 'belowAdmins';
  signatureKeys: { primary: string; secondary: string };
  /** "Can suppress email notifications from API calls", which Box's support switches on. */
  quiet: boolean;
  serviceAccount: string;
}

export interface AccessToken {
  value: string;
  clientId: string;
  userId: string;
  scopes: string[];
  expiresAt: number;
  /** A narrowed token reaches this item and what is below it only. */
  resource?: number;
}
