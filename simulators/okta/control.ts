import { bootstrap } from './bootstrap.ts';
import type { Tenant, TenantOptions } from './bootstrap.ts';
import {
  addMember,
  clearSessions,
  createUser,
  deleteUser,
  grantRole,
  newGroup,
  record,
  removeMember,
  revokeGrant,
  revokeRefreshToken,
  revokeRole,
  setStatus,
  updateProfile,
} from './changes.ts';
import type { NewUser } from './changes.ts';
import { createCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import { fill, grantApp, measure } from './fill.ts';
import type { Filled, FillOptions } from './fill.ts';
import type { OktaFault } from './faults.ts';
import type { Gate } from './gate.ts';
import { digestOf, generateLog } from './generate-log.ts';
import type { Generated } from './generate-log.ts';
import { turnKnobs } from '../kit/turn-knobs.ts';
import type { Knobs, KnobsPatch } from './knobs.ts';
import { tokenTarget, userTarget } from './log-event.ts';
import type { Actor } from './principal.ts';
import type { Group, ServiceApp, Status, User } from './state.ts';
import type { LogEvent } from './system-log-store.ts';
import { readTruth } from './truth.ts';
import type { Truth } from './truth.ts';

const ACTION_OF: Record<string, string> = {
  SUSPENDED: 'suspend',
  DEPROVISIONED: 'deactivate',
  LOCKED_OUT: 'lock',
  PASSWORD_EXPIRED: 'expire_password',
  RECOVERY: 'reset_password',
};

/**
 * What only tests and the demo may do: change the tenant as somebody else would, turn knobs, read the whole truth and
 * the vendor's own counts. Every method takes and gives JSON, so that the same is offered under `/_control`.
 */
export type Control = ReturnType<typeof createControl>;

export function createControl(tenant: { now: Tenant }, options: TenantOptions, gate: Gate) {
  const state = () => tenant.now.state;
  const user = (idOrLogin: string): User => {
    const found = state().userByIdOrLogin(idOrLogin);
    if (!found) throw new Error(`no such user: ${idOrLogin}`);
    return found;
  };
  const group = (id: string): Group => {
    const found = state().groups.get(id);
    if (!found) throw new Error(`no such group: ${id}`);
    return found;
  };
  const somebody = (): { actor: Actor } => ({ actor: { ...userTarget(tenant.now.owner), type: 'User' } });
  const rest = {
    /** An empty tenant again; knobs stay, counters begin anew. */
    reset(): void {
      const { knobs } = state();
      tenant.now = bootstrap(options, knobs, createCounters());
      gate.follow(tenant.now.state);
    },
    fill: (given: FillOptions = {}): Filled => fill(tenant.now, given),
    measure: (): Filled => measure(state()),
    truth: (given: { only?: (keyof Truth)[] } = {}): Partial<Truth> => readTruth(state(), given.only),
    counters: (): Counters & { inFlight: number } => ({ ...state().counters, inFlight: gate.limits.inFlight }),
    resetCounters: (): void => void Object.assign(state().counters, createCounters()),
    knobs: (patch: KnobsPatch = {}): Knobs => turnKnobs(state().knobs, patch),

    /** Adds faults; answers every rule with how often it struck. */
    faults(given: { add?: OktaFault[]; clear?: boolean } = {}): { rule: OktaFault; struck: number }[] {
      if (given.clear) gate.faults.clear();
      for (const rule of given.add ?? []) gate.faults.add(rule);
      return gate.faults.list();
    },

    setStatus({ user: id, status }: { user: string; status: Status }): void {
      const found = user(id);
      const action = ACTION_OF[status] ?? (found.status === 'SUSPENDED' ? 'unsuspend' : 'activate');
      setStatus(state(), somebody(), found, action, status);
    },
    createUser: (given: NewUser): { id: string } => ({ id: createUser(state(), somebody(), given).id }),
    updateProfile({ user: id, profile }: { user: string; profile: Record<string, unknown> }): void {
      updateProfile(state(), somebody(), user(id), profile);
    },
    deleteUser: ({ user: id }: { user: string }): void => deleteUser(state(), somebody(), user(id)),
    clearSessions: ({ user: id }: { user: string }): void => clearSessions(state(), somebody(), user(id), true),
    createGroup: ({ name, type }: { name: string; type?: Group['type'] }): { id: string } => ({
      id: newGroup(state(), { type: type ?? 'OKTA_GROUP', profile: { name, description: '' } }).id,
    }),
    addMember: (given: { group: string; user: string }): void =>
      addMember(state(), somebody(), group(given.group), user(given.user)),
    removeMember: (given: { group: string; user: string }): boolean =>
      removeMember(state(), somebody(), group(given.group), user(given.user)),
    grantRole: (given: Parameters<typeof grantRole>[2]): { id: string } => ({
      id: grantRole(state(), somebody(), given).id,
    }),
    revokeRole({ id }: { id: string }): void {
      const role = state().roles.get(id);
      if (!role) throw new Error(`no such role assignment: ${id}`);
      revokeRole(state(), somebody(), role);
    },
    /** Replaces the direct roles of the first administrator, the owner of the SSWS token. */
    setOwnerRoles({ types }: { types: string[] }): void {
      const { owner } = tenant.now;
      for (const role of state().roles.rows.filter((one) => one.assigneeId === owner.id)) {
        revokeRole(state(), somebody(), role);
      }
      for (const type of types) grantRole(state(), somebody(), { type, assignmentType: 'USER', assigneeId: owner.id });
    },
    grantApp({ user: id, app }: { user: string; app: string }): void {
      const found = state().apps.get(app);
      if (!found) throw new Error(`no such app: ${app}`);
      grantApp(state(), user(id).id, found);
    },
    revokeGrant({ id }: { id: string }): void {
      const grant = state().grants.get(id);
      if (!grant) throw new Error(`no such grant: ${id}`);
      revokeGrant(state(), somebody(), grant);
    },
    revokeRefreshToken({ id }: { id: string }): void {
      const token = state().refreshTokens.get(id);
      if (!token) throw new Error(`no such refresh token: ${id}`);
      revokeRefreshToken(state(), somebody(), token);
    },

    /** A further SSWS token of any user. */
    createApiToken({ user: id, value, name }: { user: string; value: string; name?: string }): { id: string } {
      const now = state().now();
      const token = { value, name: name ?? 'further token', userId: user(id).id, created: now, lastUsed: now };
      const row = state().addApiToken({ ...token, revoked: false });
      record(state(), somebody(), 'system.api_token.create', [tokenTarget(row)]);
      return { id: row.id };
    },
    /** By value, or the first administrator's. */
    revokeApiToken({ value = options.token }: { value?: string } = {}): void {
      const token = state().apiTokens.rows.find((row) => row.value === value);
      if (!token) throw new Error('no such API token');
      token.revoked = true;
      record(state(), somebody(), 'system.api_token.revoke', [tokenTarget(token)]);
    },
    restoreApiToken({ value = options.token }: { value?: string } = {}): void {
      const token = state().apiTokens.rows.find((row) => row.value === value);
      if (!token) throw new Error('no such API token');
      Object.assign(token, { revoked: false, lastUsed: state().now() });
    },
    /** As if nobody had used it for that long. */
    idleApiToken({ value = options.token, ms }: { value?: string; ms: number }): void {
      const token = state().apiTokens.rows.find((row) => row.value === value);
      if (!token) throw new Error('no such API token');
      token.lastUsed -= ms;
    },

    /** An API Services app with its public keys (JWK with `kid`), granted scopes and admin roles. */
    putServiceApp(given: Omit<ServiceApp, 'label'> & { label?: string; roles: string[] }): void {
      const { roles, ...app } = given;
      state().serviceApps.set(app.clientId, { label: 'Castellan', ...app });
      for (const role of state().roles.rows.filter((one) => one.assigneeId === app.clientId))
        state().roles.delete(role.id);
      for (const type of roles) {
        grantRole(state(), somebody(), { type, assignmentType: 'CLIENT', assigneeId: app.clientId });
      }
    },
    /** Its public keys from now on. Tokens that it has stay good. */
    setServiceAppKeys({ clientId, keys }: Pick<ServiceApp, 'clientId' | 'keys'>): void {
      const app = state().serviceApps.get(clientId);
      if (!app) throw new Error(`no such service app: ${clientId}`);
      app.keys = keys;
    },
    /** Every access token handed out so far is worth nothing from now on. */
    expireAccessTokens: (): void => state().accessTokens.clear(),
    /** A new DPoP nonce; `forget` also refuses the ones before. */
    turnNonce: ({ forget = false }: { forget?: boolean } = {}): void => gate.nonces.turn(forget),

    /** Many rows of the System Log that are made when they are read. */
    generateLog: (given: Generated): void => generateLog(state(), given),
    logDigest: (): ReturnType<typeof digestOf> => digestOf(state()),
    /** Rows of the System Log; `delayMs` holds them back, so that they come late. */
    appendEvents: ({ events, delayMs }: { events: Record<string, unknown>[]; delayMs?: number }): LogEvent[] =>
      events.map((event) => state().log.append(event, delayMs)),
  };
  return rest;
}
