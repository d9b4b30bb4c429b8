/** Who calls. `id` counts the share of the rate limits: the SSWS token or the OAuth app. */
export interface Principal {
  kind: 'token' | 'app';
  id: string;
  /** Owner of the token; undefined for an app. */
  userId?: string;
  clientId?: string;
  scopes?: readonly string[];
  scheme: 'SSWS' | 'Bearer' | 'DPoP';
  /** How the System Log names it. */
  actor: Actor;
}

export interface Actor {
  id: string;
  type: 'User' | 'PublicClientApp' | 'SystemPrincipal';
  alternateId: string;
  displayName: string;
  /** Goes into `transaction.detail.requestApiTokenId`. */
  tokenId?: string;
}

export const SYSTEM: Actor = {
  id: 'SystemPrincipal',
  type: 'SystemPrincipal',
  alternateId: 'system@okta.com',
  displayName: 'Okta System',
};
