import type { Principal } from './principal.ts';
import type { OktaState, RoleAssignment } from './state.ts';

export type AdminPermission =
  | 'any'
  | 'users.read'
  | 'users.lifecycle'
  | 'users.credentials'
  | 'users.sessions'
  | 'groups.read'
  | 'groups.members'
  | 'roles.read'
  | 'roles.manage'
  | 'logs.read'
  | 'apps.read'
  | 'apps.manage'
  | 'appGrants.read'
  | 'userTokens.read'
  | 'userTokens.revoke'
  | 'eventHooks.read'
  | 'eventHooks.manage'
  | 'apiTokens.read'
  | 'apiTokens.manage'
  | 'rateLimits.read';

const READ: AdminPermission[] = ['users.read', 'groups.read'];
const MATRIX: Record<string, readonly AdminPermission[]> = {
  ORG_ADMIN: [
    ...READ,
    'users.lifecycle',
    'users.credentials',
    'users.sessions',
    'groups.members',
    'logs.read',
    'apps.read',
    'appGrants.read',
    'userTokens.read',
    'userTokens.revoke',
    'eventHooks.read',
    'apiTokens.read',
    'rateLimits.read',
  ],
  APP_ADMIN: [...READ, 'apps.read', 'apps.manage', 'appGrants.read', 'userTokens.read'],
  USER_ADMIN: [
    ...READ,
    'users.lifecycle',
    'users.credentials',
    'users.sessions',
    'groups.members',
    'userTokens.read',
    'userTokens.revoke',
  ],
  GROUP_MEMBERSHIP_ADMIN: [...READ, 'groups.members'],
  HELP_DESK_ADMIN: [...READ, 'users.credentials', 'users.sessions'],
  READ_ONLY_ADMIN: [
    ...READ,
    'logs.read',
    'apps.read',
    'appGrants.read',
    'userTokens.read',
    'apiTokens.read',
    'rateLimits.read',
  ],
  REPORT_ADMIN: ['logs.read'],
  MOBILE_ADMIN: [...READ],
  API_ACCESS_MANAGEMENT_ADMIN: ['apps.read', 'appGrants.read'],
  WORKFLOWS_ADMIN: [],
  ACCESS_CERTIFICATIONS_ADMIN: [],
  ACCESS_REQUESTS_ADMIN: [],
};

/** The role assignments a caller works with. */
export function rolesOfPrincipal(state: OktaState, principal: Principal): readonly RoleAssignment[] {
  if (principal.userId !== undefined) return state.rolesOf(principal.userId);
  return state.roles.rows.filter((row) => row.assignmentType === 'CLIENT' && row.assigneeId === principal.clientId);
}

export function isSuperAdmin(roles: readonly RoleAssignment[]): boolean {
  return roles.some((role) => role.type === 'SUPER_ADMIN');
}

/** Does any of the roles carry the permission? 'any' is for every admin. */
export function holds(state: OktaState, roles: readonly RoleAssignment[], permission: AdminPermission): boolean {
  if (isSuperAdmin(roles)) return true;
  if (permission === 'any') return roles.length > 0;
  return roles.some((role) =>
    role.type === 'CUSTOM'
      ? state.customRoles.get(role.role ?? '')?.permissions.includes(permission)
      : MATRIX[role.type]?.includes(permission),
  );
}
