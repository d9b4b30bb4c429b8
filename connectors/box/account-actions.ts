import type { ActionTarget } from '../actions.ts';
import type { Action, Before } from '../connector.ts';
import type { Ref } from '../pages.ts';
import { Failure } from '../kit/failures.ts';
import { ownId } from './accounts.ts';
import { call, segment } from './api.ts';
import { readUser } from './lookup-users.ts';
import type { User } from './schemas.ts';
import type { BoxSession, Settings } from './settings.ts';

type Target = ActionTarget<'suspendUser'>;
/** A type, not an interface: it must be assignable to a plain JSON object. */
export type AccountState = { status: string; role: string; login: string };

export const conflict = (why: string, remedy?: string) => new Failure('conflict', why, { remedy, who: 'operator' });

const stateOf = (user: User): AccountState => ({
  status: user.status ?? 'unknown',
  role: user.role ?? 'user',
  login: user.login ?? user.id,
});
const touchesOf = ({ accountId }: Target): Ref[] => [{ kind: 'accounts', vendorId: accountId, part: 'accounts' }];

async function read(session: BoxSession, { accountId }: Target): Promise<AccountState> {
  const user = (await readUser(session, accountId))!;
  if (user.enterprise?.id !== session.settings.enterpriseId)
    throw conflict(
      `${user.login ?? accountId} does not belong to this enterprise`,
      'remove the external access instead',
    );
  return stateOf(user);
}

/** Refuses what Box would refuse too, in words that help. */
async function refuseProtected(session: BoxSession, { accountId }: Target, state: AccountState): Promise<void> {
  if (accountId === (await ownId(session))) throw conflict('this is the service account that Castellan works as');
  if (state.role === 'admin') throw conflict(`${state.login} is the primary admin, whom no API call changes`);
}

async function write(session: BoxSession, { accountId }: Target, body: object): Promise<AccountState> {
  await call(session, 'PUT', '/users/{user_id}', `/users/${segment(accountId)}`, { body });
  return read(session, { accountId });
}

const suspended = 'inactive';

export const suspendUser: Action<Target, AccountState, Settings> = {
  repeat: 'readable',
  async read(session, target): Promise<Before<AccountState>> {
    const state = await read(session, target);
    const done = state.status === suspended;
    if (!done) await refuseProtected(session, target, state);
    return {
      state,
      done,
      principal: [target.accountId, state.login],
      plan: [`Set ${state.login} inactive (PUT /users/{id}): nobody signs in as them; what they own and share stays.`],
      irreversible: [],
      losesAccess: done ? [] : [{ who: state.login, how: 'signs in to Box no more' }],
      calls: 2,
      touches: touchesOf(target),
    };
  },
  async apply(session, target, before) {
    await refuseProtected(session, target, before);
    return { after: await write(session, target, { status: suspended }) };
  },
  async undo(session, target, before) {
    // Back to what it was: `cannot_delete_edit` and the like, too.
    if (before.status !== suspended) await write(session, target, { status: before.status });
  },
  verified: (_, after) => after.status === suspended,
};

export const unsuspendUser: Action<Target, AccountState, Settings> = {
  repeat: 'readable',
  async read(session, target): Promise<Before<AccountState>> {
    const state = await read(session, target);
    return {
      state,
      done: state.status === 'active',
      principal: [target.accountId, state.login],
      plan: [`Set ${state.login}, who is ${state.status}, active (PUT /users/{id}). It may take a licence seat.`],
      irreversible: [],
      calls: 2,
      touches: touchesOf(target),
    };
  },
  apply: async (session, target) => ({ after: await write(session, target, { status: 'active' }) }),
  async undo(session, target, before) {
    if (before.status === 'active') return;
    await refuseProtected(session, target, before);
    await write(session, target, { status: before.status });
  },
  verified: (_, after) => after.status === 'active',
};

export type SessionsState = AccountState & { asked: boolean };

export const revokeSessions: Action<Target, SessionsState, Settings> = {
  // Box does not list sessions, so whether it was done cannot be read; once more does no harm.
  repeat: 'harmless',
  async read(session, target): Promise<Before<SessionsState>> {
    const state = { ...(await read(session, target)), asked: false };
    if (target.accountId === (await ownId(session)))
      throw conflict('this is the service account that Castellan works as');
    return {
      state,
      principal: [target.accountId, state.login],
      plan: [
        `End all sessions of ${state.login} (POST /users/terminate_sessions). Box does it as a job, whose end it does not show.`,
      ],
      irreversible: ['Sessions that end are not given back: the user signs in again.'],
      losesAccess: [{ who: state.login, how: 'until the next sign-in: sessions end' }],
      calls: 2,
      touches: [],
    };
  },
  async apply(session, target) {
    const state = await read(session, target);
    await call(session, 'POST', '/users/terminate_sessions', '/users/terminate_sessions', {
      body: { user_ids: [segment(target.accountId)], user_logins: [state.login] },
    });
    return { after: { ...state, asked: true } };
  },
  verified: (_, after) => after.asked,
  unverifiable: 'Box ends sessions by a job of its own, lists none, and does not say by which event it tells',
};
