import { createHash } from 'node:crypto';
import { base62, letters, seeded } from '../kit/seeded.ts';
import type { Random } from '../kit/seeded.ts';
import { createCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import { defaultKnobs } from './knobs.ts';
import type { Knobs } from './knobs.ts';
import { OrderedTable } from '../kit/ordered-table.ts';
import { SystemLog } from './system-log-store.ts';

export const STATUSES = [
  'ACTIVE',
  'DEPROVISIONED',
  'LOCKED_OUT',
  'PASSWORD_EXPIRED',
  'PROVISIONED',
  'RECOVERY',
  'STAGED',
  'SUSPENDED',
] as const;
export type Status = (typeof STATUSES)[number];
export type ProviderType = 'OKTA' | 'ACTIVE_DIRECTORY' | 'LDAP' | 'FEDERATION' | 'SOCIAL' | 'IMPORT';

/** Times are ms since 1970 by the vendor's clock; they become ISO text when rendered. */
export interface User {
  id: string;
  seq: number;
  status: Status;
  created: number;
  activated: number | null;
  statusChanged: number | null;
  lastLogin: number | null;
  lastUpdated: number;
  passwordChanged: number | null;
  transitioningToStatus: Status | null;
  provider: { type: ProviderType; name: string };
  profile: Record<string, unknown>;
  sessions: number;
  factors: number;
  /** What the search index still shows, until then; null: not indexed yet. */
  indexed?: { until: number; row: User | null };
}

export interface Membership {
  /** Id of the user. */
  id: string;
  seq: number;
}

export interface Group {
  id: string;
  seq: number;
  type: 'OKTA_GROUP' | 'APP_GROUP' | 'BUILT_IN';
  created: number;
  lastUpdated: number;
  lastMembershipUpdated: number;
  objectClass: string;
  profile: Record<string, unknown>;
  sourceAppId?: string;
  members: OrderedTable<Membership>;
}

export interface RoleAssignment {
  id: string;
  seq: number;
  type: string;
  label: string;
  assignmentType: 'USER' | 'GROUP' | 'CLIENT';
  /** User, group or client id. */
  assigneeId: string;
  created: number;
  role?: string;
  resourceSet?: string;
}

export interface App {
  id: string;
  seq: number;
  name: string;
  label: string;
  signOnMode: 'OPENID_CONNECT' | 'SAML_2_0';
  status: 'ACTIVE' | 'INACTIVE';
  created: number;
  lastUpdated: number;
  users: OrderedTable<Membership>;
}

export interface Grant {
  id: string;
  seq: number;
  userId: string;
  clientId: string;
  scopeId: string;
  scope: string;
  source: 'ADMIN' | 'END_USER';
  created: number;
}

export interface RefreshToken {
  id: string;
  seq: number;
  userId: string;
  clientId: string;
  scopes: string[];
  created: number;
  expiresAt: number;
}

export interface ApiToken {
  id: string;
  seq: number;
  value: string;
  name: string;
  userId: string;
  created: number;
  lastUsed: number;
  revoked: boolean;
}

export interface ServiceApp {
  clientId: string;
  label: string;
  keys: Record<string, unknown>[];
  grantedScopes: string[];
  dpop: boolean;
}

export interface AccessToken {
  value: string;
  clientId: string;
  scopes: string[];
  expiresAt: number;
  jkt?: string;
}

export interface Hook {
  id: string;
  seq: number;
  name: string;
  description: string | null;
  status: 'ACTIVE' | 'INACTIVE';
  verificationStatus: 'UNVERIFIED' | 'VERIFIED';
  created: number;
  createdBy: string;
  lastUpdated: number;
  items: string[];
  filter: unknown;
  uri: string;
  headers: { key: string; value: string }[];
  authScheme?: { type: 'HEADER'; key: string; value: string };
}

/** The whole tenant, in memory. Everything random comes from the seed. */
export class OktaState {
  readonly seed: number;
  readonly random: Random;
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly org: { id: string; subdomain: string; companyName: string; created: number };
  readonly users = new OrderedTable<User>();
  readonly logins = new Map<string, string>();
  readonly groups = new OrderedTable<Group>();
  readonly groupsOfUser = new Map<string, Set<string>>();
  readonly roles = new OrderedTable<RoleAssignment>();
  /** Permissions of each custom role: names of `AdminPermission`. */
  readonly customRoles = new Map<string, { label: string; permissions: string[] }>();
  readonly apps = new OrderedTable<App>();
  readonly grants = new OrderedTable<Grant>();
  readonly refreshTokens = new OrderedTable<RefreshToken>();
  readonly apiTokens = new OrderedTable<ApiToken>();
  readonly apiTokenByHash = new Map<string, ApiToken>();
  readonly serviceApps = new Map<string, ServiceApp>();
  readonly accessTokens = new Map<string, AccessToken>();
  readonly hooks = new OrderedTable<Hook>();
  readonly log: SystemLog;
  readonly typeId: string;
  everyoneId = '';
  #seq = 0;

  constructor(seed: number, subdomain: string, knobs: Knobs = defaultKnobs(), counters: Counters = createCounters()) {
    this.seed = seed;
    this.random = seeded(seed);
    this.knobs = knobs;
    this.counters = counters;
    this.org = { id: this.id('00o'), subdomain, companyName: `${subdomain} (simulated)`, created: this.now() - 4e10 };
    this.typeId = this.id('oty');
    this.log = new SystemLog(this.random, () => this.now(), knobs);
  }

  /** The vendor's clock. */
  now(): number {
    return Date.now() + this.knobs.clockSkewMs;
  }

  iso(ms: number): string {
    return new Date(ms).toISOString();
  }

  seq(): number {
    return ++this.#seq;
  }

  /** 20 characters, as Okta's. */
  id(prefix: string): string {
    return prefix + letters(this.random, 17 - 6) + base62(this.seq(), 6);
  }

  addApiToken(token: Omit<ApiToken, 'seq' | 'id'>): ApiToken {
    const row = this.apiTokens.add({ ...token, id: this.id('00T'), seq: this.seq() });
    this.apiTokenByHash.set(hashOf(row.value), row);
    return row;
  }

  userByIdOrLogin(idOrLogin: string): User | undefined {
    const found = this.users.get(idOrLogin);
    if (found) return found;
    const id = this.logins.get(idOrLogin.toLowerCase());
    return id === undefined ? undefined : this.users.get(id);
  }

  /** Roles a user holds, of its own and by groups. */
  rolesOf(userId: string): RoleAssignment[] {
    const groups = this.groupsOfUser.get(userId);
    return this.roles.rows.filter((row) =>
      row.assignmentType === 'USER'
        ? row.assigneeId === userId
        : row.assignmentType === 'GROUP' && (groups?.has(row.assigneeId) ?? false),
    );
  }
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
