import type { Actor } from './principal.ts';
import type { ApiToken, Group, OktaState, User } from './state.ts';
import type { LogEvent } from './system-log-store.ts';

export interface Target {
  id: string;
  type: string;
  alternateId: string;
  displayName: string;
}

export const userTarget = (user: User): Target => ({
  id: user.id,
  type: 'User',
  alternateId: String(user.profile.login),
  displayName: `${String(user.profile.firstName)} ${String(user.profile.lastName)}`,
});
export const groupTarget = (group: Group): Target => ({
  id: group.id,
  type: 'UserGroup',
  alternateId: 'unknown',
  displayName: String(group.profile.name),
});
export const tokenTarget = (token: ApiToken): Target => ({
  id: token.id,
  type: 'Token',
  alternateId: token.name,
  displayName: token.name,
});

export interface EventParts {
  eventType: string;
  displayMessage: string;
  actor: Actor;
  targets?: readonly Target[];
  severity?: string;
  outcome?: { result: string; reason: string | null };
  requestUri?: string;
  /** As the caller sent it. */
  userAgent?: string;
  ip?: string;
  transactionId?: string;
}

/** A LogEvent without uuid and published, all members present as Okta sends them. */
export function makeEvent(parts: EventParts): Record<string, unknown> {
  const { actor } = parts;
  const ip = parts.ip ?? null;
  return {
    version: '0',
    eventType: parts.eventType,
    severity: parts.severity ?? 'INFO',
    legacyEventType: null,
    displayMessage: parts.displayMessage,
    actor: {
      id: actor.id,
      type: actor.type,
      alternateId: actor.alternateId,
      displayName: actor.displayName,
      detailEntry: null,
    },
    client: {
      userAgent: { rawUserAgent: parts.userAgent ?? 'Mozilla/5.0 (simulated)', os: 'Unknown', browser: 'UNKNOWN' },
      zone: 'null',
      device: 'Unknown',
      id: null,
      ipAddress: ip,
      geographicalContext: null,
    },
    device: null,
    authenticationContext: {
      authenticationProvider: null,
      credentialProvider: null,
      credentialType: null,
      issuer: null,
      interface: null,
      authenticationStep: 0,
      rootSessionId: 'unknown',
      externalSessionId: 'unknown',
    },
    outcome: parts.outcome ?? { result: 'SUCCESS', reason: null },
    target: parts.targets?.map((target) => ({ ...target, detailEntry: null, changeDetails: null })) ?? null,
    transaction: {
      type: 'WEB',
      id: parts.transactionId ?? 'unknown',
      detail: actor.tokenId === undefined ? {} : { requestApiTokenId: actor.tokenId },
    },
    debugContext: { debugData: parts.requestUri === undefined ? {} : { requestUri: parts.requestUri } },
    securityContext: { asNumber: null, asOrg: null, isp: null, domain: null, isProxy: null },
    request: { ipChain: ip === null ? [] : [{ ip, version: 'V4', source: null, geographicalContext: null }] },
  };
}

/** Writes the event of a mutation into the System Log. */
export function logMutation(state: OktaState, parts: EventParts): LogEvent {
  return state.log.append(makeEvent({ ip: '127.0.0.1', ...parts, transactionId: `tx${state.seq()}` }));
}
