import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import type { BoxTenant } from '../support/box-tenant.ts';

/** As the settings file of an app with JWT: what a token is asked with is signed, and good for less than a minute. */
export async function createBoxApp({ control, body }: BoxTenant): Promise<{ type: 'jwt'; config: object }> {
  const { clientId, clientSecret } = body.credential;
  const pair = await generateKeyPair('RS256', { extractable: true });
  const publicKeyID = 'key-1';
  await control.putApp({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: publicKeyID }] });
  const appAuth = { publicKeyID, privateKey: await exportPKCS8(pair.privateKey) };
  return { type: 'jwt', config: { boxAppSettings: { clientID: clientId, clientSecret, appAuth } } };
}
