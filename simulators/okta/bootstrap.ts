import { addUser, newGroup, putRole } from './changes.ts';
import type { Knobs } from './knobs.ts';
import type { Counters } from './counters.ts';
import { OktaState } from './state.ts';
import type { ApiToken, ProviderType, Status, User } from './state.ts';

export interface TenantOptions {
  seed: number;
  subdomain: string;
  /** The first administrator's SSWS token. */
  token: string;
  /** The roles of the first administrator. */
  roles: string[];
}

export interface Tenant {
  state: OktaState;
  owner: User;
  token: ApiToken;
}

export interface UserSeed {
  number: number;
  subdomain: string;
  status: Status;
  provider: ProviderType;
  created: number;
  lastLogin: number | null;
  profile?: Record<string, unknown>;
}

const NEVER_ACTIVATED: readonly Status[] = ['STAGED', 'PROVISIONED'];

/** A user as filling makes it: no event, all times in the past. */
export function seedUser(state: OktaState, seed: UserSeed): User {
  const { created } = seed;
  const activated = NEVER_ACTIVATED.includes(seed.status) ? null : created + 5_000;
  const login = `user${String(seed.number).padStart(4, '0')}@${seed.subdomain}.test`;
  const user: User = {
    id: state.id('00u'),
    seq: state.seq(),
    status: seed.status,
    created,
    activated,
    statusChanged: created + 5_000,
    lastLogin: activated === null ? null : seed.lastLogin,
    lastUpdated: created + 60_000,
    passwordChanged: activated === null || seed.provider !== 'OKTA' ? null : created + 120_000,
    transitioningToStatus: null,
    provider: { type: seed.provider, name: seed.provider === 'OKTA' ? 'OKTA' : `${seed.subdomain}.test` },
    profile: {
      login,
      email: login,
      secondEmail: null,
      firstName: `First${seed.number}`,
      lastName: `Last${seed.number}`,
      mobilePhone: null,
      ...seed.profile,
    },
    sessions: seed.status === 'ACTIVE' ? 1 : 0,
    factors: seed.status === 'ACTIVE' ? 2 : 0,
  };
  addUser(state, user);
  return user;
}

/** An org as it is on its first day: one administrator with a token, the Everyone group, nothing else. */
export function bootstrap(options: TenantOptions, knobs: Knobs, counters: Counters): Tenant {
  const state = new OktaState(options.seed, options.subdomain, knobs, counters);
  const { created } = state.org;
  const everyone = newGroup(state, {
    type: 'BUILT_IN',
    created,
    profile: { name: 'Everyone', description: 'All users in your organization' },
  });
  state.everyoneId = everyone.id;
  const owner = seedUser(state, {
    number: 0,
    subdomain: options.subdomain,
    status: 'ACTIVE',
    provider: 'OKTA',
    created,
    lastLogin: state.now() - 3_600_000,
    profile: { title: 'Owner' },
  });
  for (const type of options.roles) putRole(state, { type, assignmentType: 'USER', assigneeId: owner.id, created });
  const now = state.now();
  const token = state.addApiToken({
    value: options.token,
    name: 'castellan',
    userId: owner.id,
    created: now - 86_400_000,
    lastUsed: now,
    revoked: false,
  });
  return { state, owner, token };
}
