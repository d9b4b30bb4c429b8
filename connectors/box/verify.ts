import type { ActionName } from '../actions.ts';
import type { Answer } from '../call.ts';
import type { Capability, Probe, Verified } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { call, rowsOf } from './api.ts';
import { lacksScope } from './errors.ts';
import { markerPage, user as userSchema } from './schemas.ts';
import type { BoxSession } from './settings.ts';

const scopes = {
  users: 'Manage users (manage_managed_users)',
  groups: 'Manage groups (manage_groups)',
  enterprise: 'Manage enterprise properties (manage_enterprise_properties)',
  webhooks: 'Manage webhooks (manage_webhook)',
  files: 'Read and write all files (root_readwrite)',
} as const;

const ask = (session: BoxSession, path: string, query: Record<string, string | number> = {}) =>
  call(session, 'GET', path.replace(/\d+/, '{id}'), path, { accept: [403, 404], query: { limit: 1, ...query } });

const again = 'then have an admin authorize the app again in the Admin Console';

function judge(answer: Answer, scope: string): Probe {
  if (answer.status === 200) return { state: 'granted' };
  if (lacksScope(answer)) return { state: 'missing', missing: scope, remedy: `tick "${scope}" for the app, ${again}` };
  return {
    state: 'missing',
    missing: `the right behind "${scope}"`,
    remedy: 'authorize the app as the primary admin, or as a co-admin who may manage users and run reports',
  };
}

const userActions: readonly ActionName[] = ['suspendUser', 'unsuspendUser', 'revokeSessions', 'removePrivilege'];
const fileActions: readonly ActionName[] = [
  'removePublicAccess',
  'quarantineFile',
  'trashFile',
  'restoreFile',
  'overwriteFile',
  'removeCollaborator',
  'removeExternalAccess',
  'restrictLink',
  'removeLink',
  'makePrivate',
];

export async function verify(session: BoxSession): Promise<Verified> {
  const { enterpriseId } = session.settings;
  const query = { fields: 'enterprise,role,login,name,status' };
  const me = (await call(session, 'GET', '/users/me', '/users/me', { query })).json(userSchema);
  if (!me.enterprise)
    throw new Failure('forbidden', 'this account of Box belongs to no enterprise', {
      who: 'tenant-admin',
      remedy: 'connect an app of a Box enterprise',
    });
  if (me.enterprise.id !== enterpriseId)
    throw new Failure('unauthorized', `the credential is of enterprise ${me.enterprise.id}, not of ${enterpriseId}`, {
      who: 'operator',
      field: 'settings.enterpriseId',
    });
  const usersAnswer = await ask(session, '/users', {
    user_type: 'managed',
    usemarker: 'true',
    limit: 200,
    fields: 'role',
  });
  const users = judge(usersAnswer, scopes.users);
  const groups = judge(await ask(session, '/groups'), scopes.groups);
  const stream = { stream_type: 'admin_logs_streaming', stream_position: 'now' };
  const activities = judge(await ask(session, '/events', stream), scopes.enterprise);
  const webhooks = judge(await ask(session, '/webhooks'), scopes.webhooks);
  const pins = await ask(session, `/enterprises/${enterpriseId}/device_pinners`);
  // An enterprise without device pinning has none, which is not a missing right.
  const permissions: Probe = pins.status === 404 ? { state: 'granted' } : judge(pins, scopes.enterprise);
  const files = await filesProbe(session, me.id, usersAnswer);

  const probes: Verified['probes'] = {
    users: combined(users, groups),
    permissions,
    activities,
    files,
    push: webhooks,
    revokeAppPermission: written(permissions),
    removeFromGroup: written(groups),
  };
  for (const name of userActions) probes[name] = written(users);
  // Content that can be read as its owner can be changed as its owner, unless the app was made read-only.
  for (const name of fileActions) probes[name] = written(files);
  const granted = Object.entries({ users, groups, enterprise: activities, webhooks, files })
    .filter(([, probe]) => probe.state === 'granted')
    .map(([name]) => scopes[name as keyof typeof scopes]);
  return {
    tenant: { id: enterpriseId, name: me.enterprise.name || `Box enterprise ${enterpriseId}` },
    principal: { id: me.id, name: me.login || me.id },
    granted: [...granted, ...(files.state === 'granted' ? ['As-User'] : [])],
    probes: probes satisfies Partial<Record<Capability, Probe>>,
  };
}

/** Writing is not tried: reading alone is no proof of it, its lack one against it. */
const written = (probe: Probe): Probe => (probe.state === 'granted' ? { state: 'granted' } : probe);

function combined(users: Probe, groups: Probe): Probe {
  if (users.state !== 'granted' || groups.state === 'granted') return users;
  return { state: 'granted', missing: groups.missing, remedy: groups.remedy };
}

/** As somebody else, and as an admin too where there is one: a co-admin does not reach admins and other co-admins. */
async function filesProbe(session: BoxSession, own: string, usersAnswer: Answer): Promise<Probe> {
  if (usersAnswer.status !== 200) return { state: 'unknown', missing: scopes.users };
  const rows = rowsOf(usersAnswer.json(markerPage).entries, userSchema).rows.filter(({ id }) => id !== own);
  const ordinary = rows.find(({ role }) => role === 'user');
  const admin = rows.find(({ role }) => role === 'admin') ?? rows.find(({ role }) => role === 'coadmin');
  if (!ordinary && !admin) return { state: 'unknown' };
  const asked = await rootOf(session, (ordinary ?? admin)!.id);
  if (asked.status !== 200)
    return lacksScope(asked)
      ? judge(asked, scopes.files)
      : {
          state: 'missing',
          missing: 'As-User',
          remedy: `switch on "Make API calls using the as-user header" for the app, ${again}`,
        };
  if (!ordinary || !admin || (await rootOf(session, admin.id)).status === 200) return { state: 'granted' };
  return {
    state: 'granted',
    missing: 'files of admins and co-admins: this app was authorized by a co-admin',
    remedy: 'authorize the app as the primary admin',
  };
}

const rootOf = (session: BoxSession, userId: string) =>
  call(session.as(userId), 'GET', '/folders/{folder_id}', '/folders/0', {
    accept: [403, 404],
    query: { fields: 'name' },
  });
