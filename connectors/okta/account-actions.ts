import type { Action, Before } from '../connector.ts';
import type { Ref } from '../pages.ts';
import type { ActionTarget } from '../actions.ts';
import { call, segment, type OktaSession } from './api.ts';
import { conflict, readUser, refuseLastSuperAdmin, refuseOwn } from './guards.ts';
import type { User } from './schemas.ts';
import type { Settings } from './settings.ts';

type Target = ActionTarget<'suspendUser'>;
/** A type, not an interface: it must be assignable to a plain JSON object. */
export type AccountState = { status: string; login: string };

const stateOf = (user: User): AccountState => ({ status: user.status, login: user.profile?.login ?? user.id });
const touchesOf = ({ accountId }: Target): Ref[] => [{ kind: 'accounts', vendorId: accountId, part: 'accounts' }];
const grantsOf = ({ accountId }: Target): Ref[] => [
  { kind: 'appPermissions', vendorId: `user:${accountId}`, part: 'grants' },
];

const read = async (session: OktaSession, { accountId }: Target) => stateOf(await readUser(session, accountId));

type Transition = 'suspend' | 'unsuspend' | 'expire_password';

/**
 * One lifecycle call, then what Okta shows. Okta answers 400 (403 for passwords) when the status does not fit, also
 * when the wished one is there already, so the status decides and not the answer.
 */
async function transition(
  session: OktaSession,
  target: Target,
  name: Transition,
  wished: string,
): Promise<AccountState> {
  const path = `/api/v1/users/${segment(target.accountId)}/lifecycle/${name}`;
  const answer = await call(session, 'POST', `/api/v1/users/{id}/lifecycle/${name}`, path, { accept: [400] });
  const after = await read(session, target);
  if (answer.status === 400 && after.status !== wished)
    throw conflict(`Okta refuses to ${name.replace('_', ' the ')} ${after.login}: the status is ${after.status}`);
  return after;
}

const endSessions = (session: OktaSession, { accountId }: Target) =>
  call(
    session,
    'DELETE',
    '/api/v1/users/{userId}/sessions',
    `/api/v1/users/${segment(accountId)}/sessions?oauthTokens=true`,
  );

const sessionsAreGone =
  'Sessions, refresh tokens and access tokens that end are not given back: the user signs in again.';

async function mayStop(session: OktaSession, target: Target): Promise<void> {
  await refuseOwn(session, target.accountId);
  await refuseLastSuperAdmin(session, target.accountId);
}

export const suspendUser: Action<Target, AccountState, Settings> = {
  repeat: 'readable',
  async read(session, target): Promise<Before<AccountState>> {
    const state = await read(session, target);
    const done = state.status === 'SUSPENDED';
    if (!done) {
      if (state.status !== 'ACTIVE')
        throw conflict(`Okta suspends only active users; ${state.login} is ${state.status}`);
      await mayStop(session, target);
    }
    return {
      state,
      done,
      principal: [target.accountId, state.login],
      plan: [
        'End all sessions and revoke all OAuth tokens of the user (DELETE /api/v1/users/{id}/sessions).',
        `Suspend ${state.login} (POST /api/v1/users/{id}/lifecycle/suspend); apps and groups stay assigned.`,
      ],
      irreversible: [sessionsAreGone],
      losesAccess: done ? [] : [{ who: state.login, how: 'signs in to Okta and its apps no more; sessions end' }],
      calls: 5,
      touches: [...touchesOf(target), ...grantsOf(target)],
    };
  },
  async apply(session, target) {
    await mayStop(session, target);
    // Sessions first: after a crash it can be read whether the user is suspended, not whether sessions were ended.
    await endSessions(session, target);
    return { after: await transition(session, target, 'suspend', 'SUSPENDED') };
  },
  async undo(session, target, before) {
    if (before.status !== 'ACTIVE') return;
    const after = await transition(session, target, 'unsuspend', 'ACTIVE');
    if (after.status === 'SUSPENDED') throw conflict(`${after.login} is still suspended`);
  },
  verified: (_, after) => after.status === 'SUSPENDED',
};

export const unsuspendUser: Action<Target, AccountState, Settings> = {
  repeat: 'readable',
  async read(session, target): Promise<Before<AccountState>> {
    const state = await read(session, target);
    const done = state.status === 'ACTIVE';
    if (!done && state.status !== 'SUSPENDED') throw conflict(`${state.login} is not suspended but ${state.status}`);
    return {
      state,
      done,
      principal: [target.accountId, state.login],
      plan: [`Unsuspend ${state.login} (POST /api/v1/users/{id}/lifecycle/unsuspend).`],
      irreversible: [],
      calls: 2,
      touches: touchesOf(target),
    };
  },
  apply: async (session, target) => ({ after: await transition(session, target, 'unsuspend', 'ACTIVE') }),
  async undo(session, target, before) {
    if (before.status !== 'SUSPENDED') return;
    await mayStop(session, target);
    await transition(session, target, 'suspend', 'SUSPENDED');
  },
  verified: (_, after) => after.status === 'ACTIVE',
};

export type SessionsState = AccountState & { asked: boolean };

export const revokeSessions: Action<Target, SessionsState, Settings> = {
  // Okta does not list a user's sessions, so whether it was done cannot be read; once more does no harm.
  repeat: 'harmless',
  async read(session, target): Promise<Before<SessionsState>> {
    const state = { ...(await read(session, target)), asked: false };
    await refuseOwn(session, target.accountId);
    return {
      state,
      principal: [target.accountId, state.login],
      plan: [
        `End all Okta sessions of ${state.login} and revoke all OAuth tokens of the user ` +
          '(DELETE /api/v1/users/{id}/sessions?oauthTokens=true). Sessions inside other apps end by those apps only.',
      ],
      irreversible: [sessionsAreGone],
      losesAccess: [{ who: state.login, how: 'until the next sign-in: sessions and OAuth tokens end' }],
      calls: 3,
      touches: grantsOf(target),
    };
  },
  async apply(session, target) {
    await refuseOwn(session, target.accountId);
    await endSessions(session, target);
    return { after: { ...(await read(session, target)), asked: true } };
  },
  verified: (_, after) => after.asked,
  unverifiable: 'Okta lists no sessions of a user',
};

export type PasswordState = AccountState & { provider: string };

async function readPassword(session: OktaSession, { accountId }: Target): Promise<PasswordState> {
  const user = await readUser(session, accountId);
  return { ...stateOf(user), provider: user.credentials?.provider?.type ?? 'unknown' };
}

export const requirePasswordReset: Action<Target, PasswordState, Settings> = {
  repeat: 'readable',
  async read(session, target): Promise<Before<PasswordState>> {
    const state = await readPassword(session, target);
    if (state.provider !== 'OKTA')
      throw conflict(`the password of ${state.login} is not held by Okta but by ${state.provider}`, 'reset it there');
    const done = state.status === 'PASSWORD_EXPIRED';
    if (!done && !['ACTIVE', 'RECOVERY', 'LOCKED_OUT'].includes(state.status))
      throw conflict(`Okta expires no password of a user who is ${state.status}`);
    if (!done) await refuseOwn(session, target.accountId);
    return {
      state,
      done,
      principal: [target.accountId, state.login],
      plan: [
        `Expire the password of ${state.login} (POST /api/v1/users/{id}/lifecycle/expire_password): ` +
          'a new one is asked for at the next sign-in.',
      ],
      irreversible: ['An expired password cannot be made valid again; the user must choose a new one.'],
      losesAccess: done ? [] : [{ who: state.login, how: 'until a new password is chosen' }],
      calls: 3,
      touches: touchesOf(target),
    };
  },
  async apply(session, target, before) {
    await refuseOwn(session, target.accountId);
    const after = await transition(session, target, 'expire_password', 'PASSWORD_EXPIRED');
    return { after: { ...after, provider: before.provider } };
  },
  verified: (_, after) => after.status === 'PASSWORD_EXPIRED',
};
