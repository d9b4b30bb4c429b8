import { letters, pick } from '../kit/seeded.ts';
import { seedUser } from './bootstrap.ts';
import type { Tenant } from './bootstrap.ts';
import { newGroup, putMember, putRole } from './changes.ts';
import { fillLog } from './fill-log.ts';
import { OrderedTable } from '../kit/ordered-table.ts';
import type { App, Group, OktaState, ProviderType, Status } from './state.ts';

export interface FillOptions {
  /** All users, the owner included. */
  users?: number;
  /** All groups, Everyone included. */
  groups?: number;
  /** Groups an average user is in, Everyone not counted. */
  membershipsPerUser?: number;
  /** OAuth apps that users may grant. */
  apps?: number;
  /** Part of the users that granted something. */
  grantingUsers?: number;
  apiTokens?: number;
  /** Made-up events of the System Log over `logDays`. */
  events?: number;
  logDays?: number;
  /** Events of others, put among the made-up ones. */
  sampleEvents?: readonly Record<string, unknown>[];
  /** True leaves `published` of sample events as it is, even where the vendor would no longer hand them out. */
  keepSampleTimes?: boolean;
}

export interface Filled {
  users: number;
  groups: number;
  memberships: number;
  roleAssignments: number;
  apps: number;
  grants: number;
  refreshTokens: number;
  apiTokens: number;
  events: number;
}

const DAY = 86_400_000;
const RARE: readonly Status[] = [
  'DEPROVISIONED',
  'LOCKED_OUT',
  'PASSWORD_EXPIRED',
  'PROVISIONED',
  'RECOVERY',
  'STAGED',
  'SUSPENDED',
];
const PROVIDERS: readonly ProviderType[] = ['ACTIVE_DIRECTORY', 'LDAP', 'FEDERATION', 'SOCIAL', 'IMPORT'];
const SCOPES = [
  'openid',
  'profile',
  'email',
  'offline_access',
  'calendar.read',
  'files.read',
  'files.write',
  'mail.read',
];
const DEPARTMENTS = ['Engineering', 'Finance', 'Sales', 'Support', 'Legal'];

/** Fills a tenant; the same seed and options give the same tenant up to the moment of filling. */
export function fill(tenant: Tenant, options: FillOptions = {}): Filled {
  const { state } = tenant;
  fillUsers(state, options.users ?? 500);
  fillGroups(state, options.groups ?? 40, options.membershipsPerUser ?? 3);
  fillRoles(state);
  fillApps(state, options.apps ?? 12, options.grantingUsers ?? 0.2);
  fillTokens(state, options.apiTokens ?? 4);
  fillLog(
    state,
    options.events ?? 3_000,
    options.logDays ?? 21,
    options.sampleEvents ?? [],
    options.keepSampleTimes === true,
  );
  return measure(state);
}

export function measure(state: OktaState): Filled {
  return {
    users: state.users.size,
    groups: state.groups.size,
    memberships: state.groups.rows.reduce((sum, group) => sum + group.members.size, 0),
    roleAssignments: state.roles.size,
    apps: state.apps.size,
    grants: state.grants.size,
    refreshTokens: state.refreshTokens.size,
    apiTokens: state.apiTokens.rows.filter((token) => !token.revoked).length,
    events: state.log.persisted().length,
  };
}

function fillUsers(state: OktaState, count: number): void {
  const now = state.now();
  for (let number = state.users.size; number < count; number++) {
    // Each rare status once in every 28 users, the rest active; a provider other than Okta for one active user in 6.
    const status = number % 4 === 3 ? (RARE[Math.floor(number / 4) % RARE.length] as Status) : 'ACTIVE';
    const provider =
      status === 'ACTIVE' && number % 6 === 4 ? (PROVIDERS[Math.floor(number / 6) % 5] as ProviderType) : 'OKTA';
    seedUser(state, {
      number,
      subdomain: state.org.subdomain,
      status,
      provider,
      created: now - (30 + Math.floor(state.random() * 700)) * DAY,
      lastLogin: state.random() < 0.9 ? now - Math.floor(state.random() * 20 * DAY) : null,
      profile: {
        department: pick(state.random, DEPARTMENTS),
        ...(number % 5 === 0 ? {} : { title: 'Member of staff' }),
        ...(number % 9 === 0 ? { managerId: `user0001@${state.org.subdomain}.test` } : {}),
      },
    });
  }
}

function fillGroups(state: OktaState, count: number, perUser: number): void {
  const now = state.now();
  const created = now - 600 * DAY;
  for (let number = state.groups.size; number < count; number++) {
    const imported = number % 8 === 7;
    const group = newGroup(state, {
      type: imported ? 'APP_GROUP' : 'OKTA_GROUP',
      objectClass: imported ? 'okta:windows_security_principal' : 'okta:user_group',
      created,
      profile: imported
        ? {
            name: `Directory group ${number}`,
            description: '',
            dn: `CN=group${number},DC=${state.org.subdomain},DC=test`,
            externalId: `ext${number}`,
          }
        : { name: `Group ${number}`, description: `Made-up group ${number}` },
    });
    group.lastMembershipUpdated = now - Math.floor(state.random() * 60 * DAY);
  }
  const admins = adminGroups(state);
  const groups = state.groups.rows.filter((group) => group.type !== 'BUILT_IN' && !admins.includes(group));
  if (groups.length === 0) return;
  for (const user of state.users.rows) {
    if (user.status === 'DEPROVISIONED') continue;
    const wanted = Math.floor(state.random() * (2 * perUser + 1));
    for (let times = 0; times < wanted; times++) {
      // Squared, so that a few groups are large and one stays nearly empty.
      putMember(state, groups[Math.floor(state.random() ** 2 * groups.length)] as (typeof groups)[0], user.id);
    }
  }
}

const DIRECT = [
  'SUPER_ADMIN',
  'ORG_ADMIN',
  'READ_ONLY_ADMIN',
  'HELP_DESK_ADMIN',
  'REPORT_ADMIN',
  'APP_ADMIN',
  'USER_ADMIN',
];

/** Two groups that carry admin roles; only administrators are in them. */
function adminGroups(state: OktaState): Group[] {
  return state.groups.rows
    .filter((group) => group.type === 'OKTA_GROUP')
    .slice(1)
    .slice(-2);
}

function fillRoles(state: OktaState): void {
  const created = state.now() - 200 * DAY;
  const active = state.users.rows.filter((user) => user.status === 'ACTIVE').slice(1, DIRECT.length + 4);
  active.forEach((user, index) => {
    const type = DIRECT[index % DIRECT.length] as string;
    putRole(state, { type, assignmentType: 'USER', assigneeId: user.id, created });
  });
  const custom = state.id('cr0');
  state.customRoles.set(custom, {
    label: 'Directory auditor',
    permissions: ['users.read', 'groups.read', 'logs.read'],
  });
  const auditor = active.at(-1);
  if (auditor) {
    putRole(state, {
      type: 'CUSTOM',
      assignmentType: 'USER',
      assigneeId: auditor.id,
      created,
      role: custom,
      resourceSet: state.id('iam'),
      label: 'Directory auditor',
    });
  }
  adminGroups(state).forEach((group, index) => {
    const type = index === 0 ? 'HELP_DESK_ADMIN' : 'GROUP_MEMBERSHIP_ADMIN';
    putRole(state, { type, assignmentType: 'GROUP', assigneeId: group.id, created });
    const user = active[index];
    if (user) putMember(state, group, user.id);
  });
}

function fillApps(state: OktaState, count: number, granting: number): void {
  const now = state.now();
  const oauth: App[] = [];
  for (let number = 1; number <= count; number++) {
    const oidc = number % 4 !== 0;
    const app = state.apps.add({
      id: state.id('0oa'),
      seq: state.seq(),
      name: oidc ? 'oidc_client' : `saml_app_${number}`,
      label: oidc ? `Helper app ${number}` : `Single sign-on app ${number}`,
      signOnMode: oidc ? 'OPENID_CONNECT' : 'SAML_2_0',
      status: number % 11 === 0 ? 'INACTIVE' : 'ACTIVE',
      created: now - 400 * DAY,
      lastUpdated: now - 100 * DAY,
      users: new OrderedTable(),
    });
    if (oidc) oauth.push(app);
  }
  if (oauth.length === 0) return;
  for (const user of state.users.rows) {
    if (user.status !== 'ACTIVE' || state.random() >= granting) continue;
    for (let times = 1 + Math.floor(state.random() * 2); times > 0; times--)
      grantApp(state, user.id, pick(state.random, oauth));
  }
}

/** A user consents to an app: some grants, and a refresh token when offline access is among them. */
export function grantApp(state: OktaState, userId: string, app: App): void {
  if (app.users.has(userId)) return;
  const now = state.now();
  const created = now - Math.floor((1 + state.random() * 80) * DAY);
  const scopes = SCOPES.filter((_, index) => index === 0 || state.random() < 0.5);
  app.users.add({ id: userId, seq: state.seq() });
  for (const scope of scopes) {
    state.grants.add({
      id: state.id('oag'),
      seq: state.seq(),
      userId,
      clientId: app.id,
      scopeId: `scp${scope}`,
      scope,
      source: 'END_USER',
      created,
    });
  }
  if (!scopes.includes('offline_access')) return;
  state.refreshTokens.add({
    id: state.id('oar'),
    seq: state.seq(),
    userId,
    clientId: app.id,
    scopes,
    created,
    expiresAt: created + 100 * DAY,
  });
}

function fillTokens(state: OktaState, count: number): void {
  const admins = [
    ...new Set(state.roles.rows.filter((role) => role.assignmentType === 'USER').map((role) => role.assigneeId)),
  ];
  for (let number = state.apiTokens.size; number < count; number++) {
    const now = state.now();
    state.addApiToken({
      value: `00${letters(state.random, 40)}`,
      name: `integration ${number}`,
      userId: admins[number % admins.length] as string,
      created: now - 90 * DAY,
      lastUsed: now - number * DAY,
      revoked: false,
    });
  }
}
