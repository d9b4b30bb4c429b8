import { seeded, seededUuid } from '../kit/seeded.ts';
import type { Random } from '../kit/seeded.ts';
import { OrderedTable } from '../kit/ordered-table.ts';
import type { Content } from './content.ts';
import { createCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import { Due } from './due.ts';
import { EventLog } from './event-log.ts';
import { ItemStore } from './item-store.ts';
import type { Knobs } from './knobs.ts';
import { PersonalLog } from './personal-log.ts';

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

/** The whole tenant, in memory. Everything random comes from the seed. */
export class BoxState {
  readonly seed: number;
  readonly random: Random;
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly enterprise: { id: string; name: string; domain: string };
  readonly users = new OrderedTable<User>();
  readonly userByNumber = new Map<number, User>();
  readonly userByLogin = new Map<string, User>();
  readonly groups = new OrderedTable<Group>();
  readonly memberships = new OrderedTable<Membership>();
  readonly groupsOfUser = new Map<string, Set<string>>();
  readonly items: ItemStore;
  readonly links = new Map<number, SharedLink>();
  readonly linkByToken = new Map<string, number>();
  readonly collabs = new OrderedTable<Collab>();
  readonly collabsOfItem = new Map<number, Set<string>>();
  /** By `user <id>`, `group <id>` and `email <address>`. */
  readonly collabsOfGrantee = new Map<string, Set<string>>();
  readonly webhooks = new OrderedTable<Webhook>();
  readonly devicePins = new OrderedTable<DevicePin>();
  readonly apps = new Map<string, App>();
  readonly tokens = new Map<string, AccessToken>();
  readonly usedAssertions = new Set<string>();
  readonly events: EventLog;
  readonly personal = new PersonalLog();
  /** Addresses of the download host that are still good. */
  readonly downloads = new Map<string, { name: string; content: Content; expiresAt: number }>();
  readonly due = new Due();
  /** Something happened that webhooks may wait for; `source` is the whole item. */
  onTrigger: (trigger: string, item: Item, source: Record<string, unknown>, userId: string) => void = () => undefined;
  #seq = 0;

  constructor(seed: number, name: string, knobs: Knobs, counters: Counters = createCounters()) {
    this.seed = seed;
    this.random = seeded(seed);
    this.knobs = knobs;
    this.counters = counters;
    this.enterprise = { id: String(27_000_000 + (seed % 1_000_000)), name, domain: `${name.toLowerCase()}.test` };
    this.items = new ItemStore((number) => this.userByNumber.get(number)?.id ?? '');
    this.events = new EventLog(this);
  }

  seq(): number {
    return ++this.#seq;
  }

  now(): number {
    return Date.now() + this.knobs.clockSkewMs;
  }

  uuid(): string {
    return seededUuid(this.random);
  }

  user(id: string): User | undefined {
    return this.users.get(id);
  }
}
