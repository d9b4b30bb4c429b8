import { Failure } from '../kit/failures.ts';
import { call, segment, type OktaSession } from './api.ts';
import { hasOtherSuperAdmin, isSuperAdmin } from './privileges.ts';
import { member, user as userSchema, type User } from './schemas.ts';

export const conflict = (why: string, remedy?: string) => new Failure('conflict', why, { remedy, who: 'operator' });

/**
 * The user as Okta has it now, read by id and never by search, whose index lags. Where Okta wants an id it also takes a
 * login or the first part of one; that is refused, since whoever is protected by id could be acted upon by name.
 */
export async function readUser(session: OktaSession, accountId: string): Promise<User> {
  const answer = await call(session, 'GET', '/api/v1/users/{id}', `/api/v1/users/${segment(accountId)}`);
  const user = answer.json(userSchema);
  if (user.id !== accountId)
    throw new Failure('invalid', `${accountId} is not the id of an account but a name of ${user.id}`, {
      who: 'operator',
      remedy: `name the account by its id: ${user.id}`,
      field: 'target',
    });
  return user;
}

/** By which a protected principal may be listed. */
export const namesOf = ({ id, profile }: User): string[] =>
  [id, profile?.login, profile?.email].filter((name) => typeof name === 'string');

/** Whose token this is; undefined for a service app, which is no user. */
export async function ownUserId(session: OktaSession): Promise<string | undefined> {
  if (session.identity.clientId !== undefined) return undefined;
  return (await call(session, 'GET', '/api/v1/users/me', '/api/v1/users/me')).json(member).id;
}

/** Refuses to act on the admin whose token we use: it would take the connection's own access away. */
export async function refuseOwn(session: OktaSession, accountId: string): Promise<void> {
  if ((await ownUserId(session)) === accountId)
    throw conflict(
      'this is the administrator that Castellan itself works as',
      'use another admin, in the Okta console',
    );
}

/** Refuses to leave the org without a super admin who can sign in. Where roles cannot be read, Okta guards admins. */
export async function refuseLastSuperAdmin(session: OktaSession, accountId: string): Promise<void> {
  if ((await isSuperAdmin(session, 'user', accountId)) !== true) return;
  if (!(await hasOtherSuperAdmin(session, accountId)))
    throw conflict('this is the last active super admin of the org', 'make somebody else super admin first');
}
