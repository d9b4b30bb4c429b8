import { exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose';
import { usableScopes } from '../../connectors/okta/credential.ts';
import type { OktaTenant } from '../support/okta-tenant.ts';

const clientId = '0oacastellan';

/** What Castellan is at the org: an app that signs each call, by the org's clock. */
export interface OktaApp {
  /** With the latest key. */
  readonly credential: { type: 'oauth'; clientId: string; keyId: string; privateKey: string };
  /** One key more; those of before are still good. */
  renew(): Promise<void>;
  /** No key is good any more, or none but the latest; nor is any token that was given before. */
  withdraw(which: 'all' | 'earlier'): Promise<void>;
  /** So often a token was asked for. */
  minted(): Promise<number>;
}

export async function createOktaApp({ control }: Pick<OktaTenant, 'control'>): Promise<OktaApp> {
  let keys: (JWK & { kid: string })[] = [];
  let made = 0;

  async function newKey(): Promise<OktaApp['credential']> {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const keyId = `key-${(made += 1)}`;
    keys = [...keys, { ...(await exportJWK(pair.publicKey)), kid: keyId }];
    return { type: 'oauth', clientId, keyId, privateKey: await exportPKCS8(pair.privateKey) };
  }

  let credential = await newKey();
  const app = { clientId, grantedScopes: [...usableScopes], dpop: true, roles: ['SUPER_ADMIN'] };
  await control.putServiceApp({ ...app, keys });
  return {
    get credential() {
      return credential;
    },
    async renew() {
      credential = await newKey();
      await control.setServiceAppKeys({ clientId, keys });
    },
    async withdraw(which) {
      keys = which === 'all' ? [] : keys.slice(-1);
      await control.setServiceAppKeys({ clientId, keys });
      await control.expireAccessTokens();
    },
    async minted() {
      const { calls } = await control.counters();
      return calls['POST /oauth2/v1/token'] ?? 0;
    },
  };
}
