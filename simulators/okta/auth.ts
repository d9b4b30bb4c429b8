import { checkApiProof } from './dpop.ts';
import type { ProofMemory } from './dpop.ts';
import type { Principal } from './principal.ts';
import { TOKEN_WINDOW_MS } from './render.ts';
import { invalidToken, oauthRefused } from './respond.ts';
import { hashOf } from './state.ts';
import type { OktaState } from './state.ts';

export interface Presented {
  method: string;
  /** URL without query. */
  htu: string;
  authorization: string | undefined;
  proof: string | string[] | undefined;
}

/** Names the caller of an API request, or refuses as Okta does. Every use of an SSWS token restarts its 30 days. */
export async function authenticate(state: OktaState, given: Presented, memory: ProofMemory): Promise<Principal> {
  const match = /^(SSWS|Bearer|DPoP) +(\S+)$/.exec(given.authorization ?? '');
  const scheme = match?.[1];
  const secret = match?.[2] ?? '';
  if (scheme === 'SSWS') return byApiToken(state, secret);
  if (scheme === 'Bearer' || scheme === 'DPoP') return byAccessToken(state, scheme, secret, given, memory);
  throw invalidToken();
}

function byApiToken(state: OktaState, secret: string): Principal {
  const token = state.apiTokenByHash.get(hashOf(secret));
  const now = state.now();
  const owner = token && state.users.get(token.userId);
  if (!token || token.revoked || token.lastUsed + TOKEN_WINDOW_MS < now) throw invalidToken();
  if (!owner || owner.status === 'DEPROVISIONED') throw invalidToken();
  token.lastUsed = now;
  return {
    kind: 'token',
    id: token.id,
    userId: owner.id,
    scheme: 'SSWS',
    actor: {
      id: owner.id,
      type: 'User',
      alternateId: String(owner.profile.login),
      displayName: `${String(owner.profile.firstName)} ${String(owner.profile.lastName)}`,
      tokenId: token.id,
    },
  };
}

async function byAccessToken(
  state: OktaState,
  scheme: 'Bearer' | 'DPoP',
  secret: string,
  given: Presented,
  memory: ProofMemory,
): Promise<Principal> {
  const token = state.accessTokens.get(secret);
  const app = token && state.serviceApps.get(token.clientId);
  const refuse = (why: string) => oauthRefused(401, scheme, 'invalid_token', why);
  if (!token || !app) throw refuse('The access token is invalid.');
  if (token.expiresAt <= state.now()) throw refuse('The access token has expired.');
  if ((token.jkt !== undefined) !== (scheme === 'DPoP'))
    throw refuse('The authorization scheme does not match the type of the access token.');
  if (token.jkt !== undefined) await checkApiProof(given, secret, token.jkt, memory, state.now());
  return {
    kind: 'app',
    id: app.clientId,
    clientId: app.clientId,
    scopes: token.scopes,
    scheme,
    actor: { id: app.clientId, type: 'PublicClientApp', alternateId: app.clientId, displayName: app.label },
  };
}
