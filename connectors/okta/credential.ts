import { z } from 'zod';

const jwk = z.looseObject({ kty: z.enum(['RSA', 'EC']), d: z.string().min(1), kid: z.string().optional() });
const privateKey = z.union([
  z.string().refine((text) => text.includes('PRIVATE KEY') || text.trimStart().startsWith('{'), {
    error: 'must be a private key: PKCS#8 PEM, or a JWK',
  }),
  jwk,
]);

export const credential = z.discriminatedUnion('type', [
  /** An API token: it has the rights of the admin who made it. */
  z.strictObject({ type: z.literal('ssws'), token: z.string().trim().min(1).max(500) }),
  /** A service app (client credentials with private_key_jwt), the recommended form. */
  z.strictObject({
    type: z.literal('oauth'),
    clientId: z.string().min(1).max(200),
    privateKey,
    keyId: z.string().min(1).max(200).optional(),
    /** What to ask for; without it, all that Castellan can use and the app was granted. */
    scopes: z.array(z.string().min(1)).min(1).optional(),
    /** Whether tokens are bound to a key of ours (the default of new service apps). */
    dpop: z.boolean().default(true),
  }),
]);
export type Credential = z.output<typeof credential>;
export type OauthCredential = Extract<Credential, { type: 'oauth' }>;

export const identityOf = (given: Credential): Record<string, string> =>
  given.type === 'ssws'
    ? { type: 'ssws' }
    : { type: 'oauth', clientId: given.clientId, ...(given.keyId ? { keyId: given.keyId } : {}) };

/** What each scope is for; asked for when the operator names none. */
export const usableScopes = [
  'okta.orgs.read',
  'okta.users.read',
  'okta.users.manage',
  'okta.groups.read',
  'okta.groups.manage',
  'okta.roles.read',
  'okta.roles.manage',
  'okta.logs.read',
  'okta.apiTokens.read',
  'okta.apiTokens.manage',
  'okta.eventHooks.read',
  'okta.eventHooks.manage',
] as const;
