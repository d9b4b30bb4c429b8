import type { Need } from './route.ts';
import { BoxError, denied, insufficientScope, invalidToken } from './respond.ts';
import type { AccessToken, App, User } from './objects.ts';
import type { BoxState } from './state.ts';

export interface Caller {
  app: App;
  token: AccessToken;
  subject: User;
  user: User;
}

const GRANTS: Record<Exclude<Need, 'any'>, readonly string[]> = {
  read: ['root_readonly', 'root_readwrite'],
  write: ['root_readwrite'],
  users: ['manage_managed_users'],
  groups: ['manage_groups'],
  webhooks: ['manage_webhook'],
  enterprise: ['manage_enterprise_properties'],
};
/** Scopes of narrowed tokens. */
const NARROW: Partial<Record<Need, readonly string[]>> = {
  read: ['item_readwrite', 'item_preview', 'item_download', 'base_explorer', 'base_preview'],
  write: ['item_readwrite', 'item_upload', 'item_delete', 'item_rename', 'item_share', 'base_upload'],
};
export const NARROW_SCOPES = [...new Set([...(NARROW.read ?? []), ...(NARROW.write ?? [])])];

export const isAdmin = (user: User): boolean => user.role !== 'user' || user.kind === 'service';

/** Co-admins have no power over the admin and over each other; what a service account reaches is the app's to say. */
export function reaches(app: App, subject: User, target: User): boolean {
  if (subject.id === target.id) return true;
  if (target.kind === 'external' || target.kind === 'service') return false;
  if (subject.kind === 'service') {
    if (!app.enterpriseAccess) return target.kind === 'app';
    return app.reach === 'all' || target.role === 'user';
  }
  if (subject.role === 'admin') return true;
  return subject.role === 'coadmin' && target.role === 'user';
}

export function tokenOf(state: BoxState, header: string | undefined): AccessToken {
  const value = /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
  const token = value === undefined ? undefined : state.tokens.get(value);
  if (!token || token.expiresAt <= state.now()) throw invalidToken();
  return token;
}

/** Who calls and as whom. */
export function authenticate(state: BoxState, authorization: string | undefined, asUser: string | undefined): Caller {
  const token = tokenOf(state, authorization);
  const app = state.apps.get(token.clientId);
  const subject = state.user(token.userId);
  // Box takes the app's authorisation away from tokens that were given before, too.
  if (!app || !app.authorized || !subject || subject.status === 'inactive') throw invalidToken();
  if (asUser === undefined) return { app, token, subject, user: subject };
  const target = state.user(asUser);
  // A service account is never the target, not even its own.
  if (!app.asUser || !isAdmin(subject) || !target || target.kind === 'service' || !reaches(app, subject, target))
    throw denied();
  if (target.status === 'inactive' && state.knobs.asInactiveUser === 'refused') throw denied();
  return { app, token, subject, user: target };
}

export function checkScope(state: BoxState, token: AccessToken, need: Need): void {
  if (need === 'any') return;
  const enough = [...GRANTS[need], ...(NARROW[need] ?? [])];
  if (token.scopes.some((scope) => enough.includes(scope))) return;
  if (state.knobs.missingScope === 'header') throw insufficientScope();
  const { headers } = insufficientScope();
  throw new BoxError(
    403,
    'insufficient_scope',
    'The request requires higher privileges than provided by the access token.',
    { headers },
  );
}
