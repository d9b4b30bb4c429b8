import { z } from 'zod';

const text = z.string().trim().min(1).max(500);

/** Made in the Developer Console ("Webhooks", "Signature Keys"): with them Box signs what it sends. */
const webhookKeys = z.array(text).max(2).optional();

/** The file that the Developer Console gives for an app with JWT. */
const appSettings = z.strictObject({
  boxAppSettings: z.strictObject({
    clientID: text,
    clientSecret: text,
    appAuth: z.strictObject({
      publicKeyID: text,
      privateKey: z.string().refine((key) => key.includes('PRIVATE KEY'), { error: 'must be a private key in PEM' }),
      passphrase: z.string().max(500).optional(),
    }),
  }),
  enterpriseID: z.string().max(50).optional(),
  webhooks: z.strictObject({ primaryKey: z.string(), secondaryKey: z.string() }).partial().optional(),
});

export const credential = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('clientCredentials'), clientId: text, clientSecret: text, webhookKeys }),
  z.strictObject({ type: z.literal('jwt'), config: appSettings, webhookKeys }),
]);
export type Credential = z.output<typeof credential>;
export type JwtConfig = Extract<Credential, { type: 'jwt' }>['config'];

export const clientOf = (given: Credential): { id: string; secret: string } =>
  given.type === 'jwt'
    ? { id: given.config.boxAppSettings.clientID, secret: given.config.boxAppSettings.clientSecret }
    : { id: given.clientId, secret: given.clientSecret };

export const identityOf = (given: Credential): Record<string, string> => ({
  type: given.type,
  clientId: clientOf(given).id,
  ...(webhookKeysOf(given).length > 0 ? { webhooks: 'signed' } : {}),
  ...(given.type === 'jwt' ? { keyId: given.config.boxAppSettings.appAuth.publicKeyID } : {}),
});

/** The keys with which Box signs what it sends to this app. */
export function webhookKeysOf(given: Credential): string[] {
  const own = given.type === 'jwt' ? given.config.webhooks : undefined;
  const keys = [...(given.webhookKeys ?? []), own?.primaryKey, own?.secondaryKey];
  return [...new Set(keys.filter((key) => key !== undefined && key !== ''))] as string[];
}
