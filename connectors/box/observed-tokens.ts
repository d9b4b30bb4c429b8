import { text, timeOf } from '../kit/ocsf.ts';
import type { AppPermissionRecord } from '../records.ts';
import { isOwn, type EventContext } from './enterprise-event.ts';
import { detailsOf, idText, rowOf, userOf } from './event-source.ts';

/** A refresh token lives 60 days or for one use, and each use makes an access token (guide "Token & URL Expiration"). */
const lifeMs = 60 * 86_400_000;
const longestApp = 200;
/** What events without `service_id` and `service_name` are of: Box does not promise either. */
const unknownApp = 'unknown';

const tokenId = (userId: string, app: string) => `token:${userId}:${app}`;
export function parseTokenId(vendorId: string): { userId: string; app: string } | undefined {
  const found = /^token:(\w{1,40}):(.+)$/s.exec(vendorId);
  return found ? { userId: found[1]!, app: found[2]! } : undefined;
}

/**
 * What an enterprise event tells of the tokens that an app holds of a user. Box lists none, so an app and a user make one
 * record: after a revocation it is `revoked` until a token is made anew. Undefined for other events, for our own tokens,
 * and for what has run out by now.
 */
export function observedToken(raw: unknown, context: EventContext): AppPermissionRecord | undefined {
  const event = rowOf(raw);
  const type = text(event.event_type) ?? '';
  const made = type === 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE';
  if (!made && !/^OAUTH2_(ACCESS|REFRESH)_TOKEN_REVOKE$/.test(type)) return undefined;
  const details = detailsOf(event);
  if (isOwn(event, details, context)) return undefined;
  const user = userOf(event) ?? rowOf(event.created_by);
  const userId = idText(user.id);
  const ms = timeOf(event.created_at);
  if (userId === undefined || ms === undefined || ms + lifeMs <= context.receivedAt.getTime()) return undefined;
  const app = (text(details.service_id) ?? text(details.service_name) ?? unknownApp).slice(0, longestApp);
  const at = new Date(ms);
  return {
    kind: 'appPermissions',
    vendorId: tokenId(userId, app),
    accountId: userId,
    appId: app,
    appName: text(details.service_name)?.slice(0, longestApp),
    type: 'grant',
    scopes: [],
    status: made ? 'observed' : 'revoked',
    ...(made ? { issuedAt: at, lastUsedAt: at } : {}),
    expiresAt: new Date(ms + lifeMs),
    changedAt: at,
    raw: { event_type: type, service_id: details.service_id, service_name: details.service_name, user },
  };
}
