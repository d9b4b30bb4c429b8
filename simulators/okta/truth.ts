import { createHash } from 'node:crypto';
import type { OktaState } from './state.ts';

/** The whole tenant as JSON, the way the vendor knows it. */
export interface Truth {
  org: Record<string, unknown>;
  users: Record<string, unknown>[];
  groups: Record<string, unknown>[];
  memberships: { groupId: string; userId: string }[];
  roleAssignments: Record<string, unknown>[];
  apps: Record<string, unknown>[];
  grants: Record<string, unknown>[];
  refreshTokens: Record<string, unknown>[];
  apiTokens: Record<string, unknown>[];
  hooks: Record<string, unknown>[];
  /** Rows in the order of persistence, duplicates included; `hash` is over the uuids in that order. */
  logs: { count: number; held: number; hash: string; uuids: string[]; eventTypes: Record<string, number> };
}

const READERS: { [K in keyof Truth]: (state: OktaState) => Truth[K] } = {
  org: (state) => ({ ...state.org }),
  users: (state) =>
    state.users.rows.map(({ seq: _seq, indexed: _indexed, ...row }) => ({
      ...row,
      lastUpdated: state.iso(row.lastUpdated),
    })),
  groups: (state) =>
    state.groups.rows.map(({ seq: _seq, members, ...row }) => ({
      ...row,
      lastMembershipUpdated: state.iso(row.lastMembershipUpdated),
      members: members.size,
    })),
  memberships: (state) =>
    state.groups.rows.flatMap((group) => group.members.rows.map((row) => ({ groupId: group.id, userId: row.id }))),
  roleAssignments: (state) => state.roles.rows.map(({ seq: _seq, ...row }) => row),
  apps: (state) =>
    state.apps.rows.map(({ seq: _seq, users, ...row }) => ({ ...row, users: users.rows.map((one) => one.id) })),
  grants: (state) => state.grants.rows.map(({ seq: _seq, ...row }) => row),
  refreshTokens: (state) => state.refreshTokens.rows.map(({ seq: _seq, ...row }) => row),
  apiTokens: (state) => state.apiTokens.rows.map(({ seq: _seq, value: _value, ...row }) => row),
  hooks: (state) => state.hooks.rows.map(({ seq: _seq, authScheme: _secret, ...row }) => row),
  logs: (state) => {
    const rows = state.log.persisted();
    const uuids = rows.map((row) => row.event.uuid);
    const eventTypes: Record<string, number> = {};
    for (const { event } of rows) eventTypes[event.eventType] = (eventTypes[event.eventType] ?? 0) + 1;
    const hash = createHash('sha256').update(uuids.join('\n')).digest('hex');
    return { count: rows.length, held: state.log.held, hash, uuids, eventTypes };
  },
};

/** `only` names the parts wanted; without it, all. */
export function readTruth(state: OktaState, only?: readonly (keyof Truth)[]): Partial<Truth> {
  const names = only ?? (Object.keys(READERS) as (keyof Truth)[]);
  return Object.fromEntries(names.map((name) => [name, READERS[name](state)]));
}
