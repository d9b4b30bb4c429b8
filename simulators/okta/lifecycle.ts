import { holds, isSuperAdmin, rolesOfPrincipal } from './admin-permissions.ts';
import type { AdminPermission } from './admin-permissions.ts';
import { changeUser, clearSessions, deleteUser, resetFactors, setStatus } from './changes.ts';
import { letters } from '../kit/seeded.ts';
import { renderUser } from './render.ts';
import { invalid, noPermission, notFound, OktaError, wrongStatus } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import type { OktaState, Status, User } from './state.ts';

/** The user that a call names; 404 E0000007 otherwise. `me` is the owner of the token. */
export function userOf(call: Call, name = 'id'): User {
  const idOrLogin = call.params[name] ?? '';
  const user =
    idOrLogin === 'me'
      ? call.principal.userId === undefined
        ? undefined
        : call.state.users.get(call.principal.userId)
      : call.state.userByIdOrLogin(idOrLogin);
  if (!user) throw notFound(idOrLogin, 'User');
  return user;
}

/** Whoever is not a super admin may not act on a user that holds an admin role. */
export function guardAdmins(call: Call, user: User): void {
  const own = rolesOfPrincipal(call.state, call.principal);
  if (!isSuperAdmin(own) && call.state.rolesOf(user.id).length > 0) throw noPermission();
}

export const doer = (call: Call) => ({
  actor: call.principal.actor,
  requestUri: call.path,
  userAgent: String(call.headers['user-agent'] ?? ''),
});

export function flag(call: Call, name: string, standard: boolean | undefined): boolean {
  const text = call.query.get(name);
  if (text === null) {
    if (standard === undefined)
      throw new OktaError(400, 'E0000028', 'The request is missing a required parameter.', [name]);
    return standard;
  }
  if (text !== 'true' && text !== 'false') throw invalid(name, `${name}: must be true or false`);
  return text === 'true';
}

const PASSWORD_STATES: readonly Status[] = ['ACTIVE', 'LOCKED_OUT', 'PASSWORD_EXPIRED', 'RECOVERY'];

function guardPassword(user: User, states: readonly Status[]): void {
  if (user.provider.type !== 'OKTA' || !states.includes(user.status)) throw wrongStatus();
}

const secret = (state: OktaState) => letters(state.random, 20);
const EMPTY: Answer = { status: 200, body: {} };

type Act = (call: Call, user: User) => Answer;

const ACTIONS: Record<string, { query?: string[]; permission?: AdminPermission; act: Act }> = {
  suspend: {
    act: (call, user) => {
      if (user.status !== 'ACTIVE') throw invalid('suspendUser', 'Cannot suspend a user that is not active');
      setStatus(call.state, doer(call), user, 'suspend', 'SUSPENDED');
      return EMPTY;
    },
  },
  unsuspend: {
    act: (call, user) => {
      if (user.status !== 'SUSPENDED') throw invalid('unsuspendUser', 'Cannot unsuspend a user that is not suspended');
      setStatus(call.state, doer(call), user, 'unsuspend', 'ACTIVE');
      return EMPTY;
    },
  },
  activate: {
    query: ['sendEmail'],
    act: (call, user) => {
      const mail = flag(call, 'sendEmail', true);
      if (user.status !== 'STAGED' && user.status !== 'DEPROVISIONED')
        throw new OktaError(403, 'E0000016', 'Activation failed because the user is already active');
      setStatus(call.state, doer(call), user, 'activate', user.passwordChanged === null ? 'PROVISIONED' : 'ACTIVE');
      return activation(call, mail);
    },
  },
  reactivate: {
    query: ['sendEmail'],
    act: (call, user) => {
      const mail = flag(call, 'sendEmail', false);
      if (user.status !== 'PROVISIONED') throw wrongStatus();
      setStatus(call.state, doer(call), user, 'reactivate', 'PROVISIONED');
      return activation(call, mail);
    },
  },
  deactivate: {
    query: ['sendEmail'],
    act: (call, user) => {
      flag(call, 'sendEmail', false);
      if (user.status === 'DEPROVISIONED') throw wrongStatus();
      deactivate(call, user);
      return EMPTY;
    },
  },
  unlock: {
    permission: 'users.credentials',
    act: (call, user) => {
      if (user.status !== 'LOCKED_OUT') throw wrongStatus();
      setStatus(call.state, doer(call), user, 'unlock', 'ACTIVE');
      return EMPTY;
    },
  },
  expire_password: {
    permission: 'users.credentials',
    act: (call, user) => {
      guardPassword(user, PASSWORD_STATES);
      setStatus(call.state, doer(call), user, 'expire_password', 'PASSWORD_EXPIRED');
      return { status: 200, body: renderUser(call.state, user, call.base) };
    },
  },
  expire_password_with_temp_password: {
    query: ['revokeSessions'],
    permission: 'users.credentials',
    act: (call, user) => {
      const revoke = flag(call, 'revokeSessions', false);
      guardPassword(user, PASSWORD_STATES);
      setStatus(call.state, doer(call), user, 'expire_password_with_temp_password', 'PASSWORD_EXPIRED');
      if (revoke) clearSessions(call.state, doer(call), user, false);
      return { status: 200, body: { tempPassword: secret(call.state) } };
    },
  },
  reset_password: {
    query: ['sendEmail', 'revokeSessions'],
    permission: 'users.credentials',
    act: (call, user) => {
      const mail = flag(call, 'sendEmail', undefined);
      const revoke = flag(call, 'revokeSessions', false);
      guardPassword(user, PASSWORD_STATES);
      setStatus(call.state, doer(call), user, 'reset_password', 'RECOVERY');
      if (revoke) clearSessions(call.state, doer(call), user, false);
      if (mail) return EMPTY;
      return { status: 200, body: { resetPasswordUrl: `${call.base}/reset_password/${secret(call.state)}` } };
    },
  },
  reset_factors: {
    permission: 'users.credentials',
    act: (call, user) => {
      if (user.status === 'DEPROVISIONED') throw wrongStatus();
      resetFactors(call.state, doer(call), user);
      return EMPTY;
    },
  },
};

function activation(call: Call, mail: boolean): Answer {
  if (mail) return EMPTY;
  const activationToken = secret(call.state);
  return { status: 200, body: { activationUrl: `${call.base}/welcome/${activationToken}`, activationToken } };
}

/** `Prefer: respond-async` leaves the user as it is, with `transitioningToStatus`, until the knob's time has passed. */
function deactivate(call: Call, user: User): void {
  if (call.headers.prefer !== 'respond-async') {
    setStatus(call.state, doer(call), user, 'deactivate', 'DEPROVISIONED');
    return;
  }
  changeUser(call.state, user, { transitioningToStatus: 'DEPROVISIONED' });
  setTimeout(() => {
    if (call.state.users.has(user.id) && user.status !== 'DEPROVISIONED')
      setStatus(call.state, doer(call), user, 'deactivate', 'DEPROVISIONED');
  }, call.state.knobs.asyncDeactivateMs).unref();
}

export const lifecycleRoutes: Route[] = [
  ...Object.entries(ACTIONS).map(([action, { query, permission = 'users.lifecycle', act }]): Route => ({
    method: 'POST',
    path: `/api/v1/users/{id}/lifecycle/${action}`,
    scope: 'okta.users.manage',
    permission,
    query: query ?? [],
    handle: (call) => {
      const user = userOf(call);
      guardAdmins(call, user);
      if (user.transitioningToStatus)
        throw new OktaError(409, 'E0000112', 'Cannot update this user because they are still being activated.');
      return act(call, user);
    },
  })),
  {
    method: 'DELETE',
    path: '/api/v1/users/{id}',
    scope: 'okta.users.manage',
    permission: 'users.lifecycle',
    query: ['sendEmail'],
    handle: (call) => {
      const user = userOf(call);
      guardAdmins(call, user);
      if (user.status === 'DEPROVISIONED') deleteUser(call.state, doer(call), user);
      else deactivate(call, user);
      return { status: 204 };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/users/{userId}/sessions',
    scope: 'okta.users.manage',
    permission: 'users.sessions',
    query: ['oauthTokens', 'forgetDevices'],
    handle: (call) => {
      const user = userOf(call, 'userId');
      guardAdmins(call, user);
      flag(call, 'forgetDevices', true);
      clearSessions(call.state, doer(call), user, flag(call, 'oauthTokens', false));
      return { status: 204 };
    },
  },
];

export const mayReadRolesOf = (call: Call, userId: string): boolean =>
  call.principal.userId === userId || holds(call.state, rolesOfPrincipal(call.state, call.principal), 'roles.read');
