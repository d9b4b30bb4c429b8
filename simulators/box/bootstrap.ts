import { putUser } from './changes-users.ts';
import type { Counters } from './counters.ts';
import type { Knobs } from './knobs.ts';
import { BoxState } from './state.ts';
import type { App, User } from './objects.ts';

export interface TenantOptions {
  seed: number;
  enterprise: string;
  clientId: string;
  clientSecret: string;
  scopes: string[];
}

export interface Tenant {
  state: BoxState;
  /** The primary admin. */
  admin: User;
  app: App;
}

export const ALL_SCOPES = [
  'root_readwrite',
  'manage_managed_users',
  'manage_groups',
  'manage_enterprise_properties',
  'manage_webhook',
];

/** A platform application with its service account. */
export function putApp(state: BoxState, given: Pick<App, 'clientId' | 'clientSecret'> & Partial<App>): App {
  const before = state.apps.get(given.clientId);
  const account =
    before?.serviceAccount ??
    putUser(state, {
      kind: 'service',
      name: given.name ?? 'Castellan',
      login: `AutomationUser_${given.clientId}@boxdevedition.com`,
      sessions: 0,
    }).id;
  const app: App = {
    name: 'Castellan',
    scopes: ALL_SCOPES,
    enterpriseAccess: true,
    asUser: true,
    generateUserTokens: true,
    authorized: true,
    grants: ['ccg', 'jwt'],
    keys: [],
    reach: 'all',
    signatureKeys: { primary: 'primary-key-1', secondary: 'secondary-key-1' },
    quiet: false,
    ...before,
    ...given,
    serviceAccount: account,
  };
  state.apps.set(app.clientId, app);
  return app;
}

/** An enterprise with its admin and one application, and nothing else. */
export function bootstrap(options: TenantOptions, knobs: Knobs, counters: Counters): Tenant {
  const state = new BoxState(options.seed, options.enterprise, knobs, counters);
  const admin = putUser(state, {
    name: 'Primary admin',
    login: `admin@${state.enterprise.domain}`,
    role: 'admin',
    createdAt: state.now() - 800 * 86_400_000,
  });
  const { clientId, clientSecret, scopes } = options;
  return { state, admin, app: putApp(state, { clientId, clientSecret, scopes }) };
}
