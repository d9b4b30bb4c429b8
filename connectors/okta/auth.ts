import { createHash, createPrivateKey, randomUUID, type KeyObject } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from 'jose';
import { z } from 'zod';
import type { OutgoingRequest } from '../authorization.ts';
import type { Answer } from '../call.ts';
import type { AuthContext } from '../authorization.ts';
import { Failure } from '../kit/failures.ts';
import { watchClock } from '../kit/watch-clock.ts';
import { usableScopes, type Credential, type OauthCredential } from './credential.ts';
import { noOrg } from './no-org.ts';
import { originOf, type Settings } from './settings.ts';

type Context = AuthContext<Settings, Credential>;
const day = 86_400_000;
const later = (context: Context, ms: number) => new Date(context.now().getTime() + ms);

/** Adds the credential to a request: an API token as it is, a service app's access token with its DPoP proof. */
export async function authorize(request: OutgoingRequest, context: Context): Promise<void> {
  const { credential } = context;
  if (credential.type === 'ssws') {
    request.headers.authorization = `SSWS ${credential.token}`;
    return;
  }
  const held = await context.tokens.get('access', () => mint(context, credential));
  request.headers.authorization = held;
  if (!held.startsWith('DPoP ')) return;
  const nonce = await context.tokens.get('api-nonce', async () => ({ value: '', expiresAt: later(context, day) }));
  const ath = createHash('sha256').update(held.slice('DPoP '.length)).digest('base64url');
  request.headers.dpop = await proof(context, request.method, request.url, { ath, ...(nonce ? { nonce } : {}) });
}

/** A nonce that the API asks for, or an access token that it no longer knows: minted anew once. */
export async function challenged(answer: Answer, context: Context): Promise<boolean> {
  if (context.credential.type === 'ssws' || (answer.status !== 401 && answer.status !== 400)) return false;
  const said = `${answer.header('www-authenticate') ?? ''} ${answer.text().slice(0, 500)}`;
  const nonce = answer.header('dpop-nonce');
  if (nonce && said.includes('use_dpop_nonce')) {
    await remember(context, 'api-nonce', nonce, day);
    return true;
  }
  // E0000015: the feature is not licensed, which no other token changes.
  if (answer.status !== 401 || said.includes('E0000015')) return false;
  context.tokens.forget('access');
  return true;
}

/** The scopes that the last minted token has, '' for an API token. */
export async function grantedScopes(context: Context): Promise<string[]> {
  if (context.credential.type === 'ssws') return [];
  const scopes = await context.tokens.get('granted', async () => ({ value: '', expiresAt: later(context, day) }));
  return scopes.split(' ').filter(Boolean);
}

async function remember(context: Context, name: string, value: string, ms: number) {
  context.tokens.forget(name);
  await context.tokens.get(name, async () => ({ value, expiresAt: later(context, ms) }));
}

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  token_type: z.string(),
  expires_in: z.number().positive(),
  scope: z.string().nullish(),
});
const tokenError = z.object({ error: z.string().nullish(), error_description: z.string().nullish() });

async function mint(context: Context, credential: OauthCredential): Promise<{ value: string; expiresAt: Date }> {
  let scopes = credential.scopes ?? (await obtainableScopes(context, credential));
  let { answer, at } = await requestToken(context, credential, scopes);
  if (!credential.scopes && answer.status === 400 && answer.json(tokenError).error === 'invalid_scope') {
    // One of the remembered scopes was taken from the app since.
    context.tokens.forget('scopes');
    scopes = await obtainableScopes(context, credential);
    ({ answer, at } = await requestToken(context, credential, scopes));
  }
  if (answer.status !== 200) throw refused(answer, scopes);
  const token = answer.json(tokenAnswer);
  const type = token.token_type.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer';
  await remember(context, 'granted', token.scope ?? scopes.join(' '), day);
  return { value: `${type} ${token.access_token}`, expiresAt: new Date(at + token.expires_in * 1000) };
}

/**
 * Okta refuses a whole request for one scope that the app was not granted, and does not say which. So when all are
 * refused together each is tried alone, once in half a day.
 */
async function obtainableScopes(context: Context, credential: OauthCredential): Promise<string[]> {
  const held = await context.tokens.get('scopes', async () => {
    const expiresAt = later(context, day / 2);
    const { answer } = await requestToken(context, credential, usableScopes);
    if (answer.status === 200) return { value: usableScopes.join(' '), expiresAt };
    const refusal = refused(answer, usableScopes);
    if (answer.json(tokenError).error !== 'invalid_scope') throw refusal;
    const granted: string[] = [];
    for (const scope of usableScopes)
      if ((await requestToken(context, credential, [scope])).answer.status === 200) granted.push(scope);
    if (granted.length === 0) throw refusal;
    return { value: granted.join(' '), expiresAt };
  });
  return held.split(' ');
}

async function requestToken(context: Context, credential: OauthCredential, scopes: readonly string[]) {
  const url = `${originOf(context.settings)}/oauth2/v1/token`;
  let resigned = false;
  for (let tries = 0; ; tries++) {
    const clockIsAnother = watchClock(context.now);
    const nonce = await context.tokens.get('token-nonce', async () => ({ value: '', expiresAt: later(context, day) }));
    const at = context.now().getTime();
    const answer = await context.fetch({
      method: 'POST',
      url,
      operation: 'POST /oauth2/v1/token',
      accept: [400, 401, 404],
      headers: credential.dpop
        ? { dpop: await proof(context, 'POST', new URL(url), nonce ? { nonce } : {}) }
        : undefined,
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        scope: scopes.join(' '),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(context, credential, url),
      }),
    });
    if (!resigned && answer.status !== 200 && clockIsAnother()) {
      resigned = true;
      continue;
    }
    const fresh = answer.header('dpop-nonce');
    if (answer.status === 400 && fresh && tries < 3 && answer.json(tokenError).error === 'use_dpop_nonce') {
      await remember(context, 'token-nonce', fresh, day);
      continue;
    }
    if (answer.status === 404) throw noOrg(context.settings, 'POST /oauth2/v1/token');
    return { answer, at };
  }
}

function refused(answer: Answer, scopes: readonly string[]): Failure {
  const { error, error_description: why } = answer.json(tokenError);
  const evidence = { operation: 'POST /oauth2/v1/token', status: answer.status, vendorCode: error ?? undefined };
  const make = (remedy: string, field?: string) =>
    new Failure(
      'unauthorized',
      `Okta gives no access token: ${error ?? answer.status}${why ? ` (${why.slice(0, 200)})` : ''}`,
      {
        who: 'tenant-admin',
        remedy,
        field,
        evidence,
      },
    );
  if (error === 'invalid_scope')
    return make(`grant the app these scopes on its "Okta API Scopes" tab: ${scopes.join(' ')}`, 'credential.scopes');
  if (error === 'invalid_dpop_proof')
    return make('set credential.dpop to true: the app demands DPoP', 'credential.dpop');
  return make(
    'check the client id, that the public key of this private key is registered with the app, and its key id',
    'credential',
  );
}

async function privateKeyOf(credential: OauthCredential): Promise<{ key: KeyObject; jwk: JWK }> {
  try {
    const given = credential.privateKey;
    const text = typeof given === 'string' ? given.trim() : undefined;
    const key =
      text?.startsWith('{') || text === undefined
        ? createPrivateKey({ key: (text === undefined ? given : JSON.parse(text)) as never, format: 'jwk' })
        : createPrivateKey(text);
    return { key, jwk: key.export({ format: 'jwk' }) as JWK };
  } catch {
    // The library's message may quote the key.
    throw new Failure('invalid', 'credential.privateKey cannot be read as a private key', {
      field: 'credential.privateKey',
      remedy: 'give the key as PKCS#8 PEM or as a JWK',
      who: 'operator',
    });
  }
}

const algorithmOf = (jwk: JWK) =>
  jwk.kty === 'EC' ? ({ 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[jwk.crv ?? ''] ?? 'ES256') : 'RS256';

/** The client assertion; its `jti` is used once. */
async function assertion(context: Context, credential: OauthCredential, audience: string): Promise<string> {
  const { key, jwk } = await privateKeyOf(credential);
  const given = credential.privateKey;
  const kid = credential.keyId ?? (typeof given === 'object' ? given.kid : undefined);
  const now = Math.floor(context.now().getTime() / 1000);
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: algorithmOf(jwk), ...(kid ? { kid } : {}) })
    .setIssuer(credential.clientId)
    .setSubject(credential.clientId)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + 300)
    .sign(key);
}

/** A proof of possession for one request; its key lives in this process only and is never the client's own key. */
async function proof(context: Context, method: string, url: URL, claims: Record<string, string>): Promise<string> {
  const held = await context.tokens.get('dpop-key', async () => {
    const pair = await generateKeyPair('RS256', { extractable: true });
    return { value: JSON.stringify(await exportJWK(pair.privateKey)), expiresAt: later(context, 30 * day) };
  });
  const jwk = JSON.parse(held) as JWK;
  const { kty, n, e } = jwk;
  return new SignJWT({ htm: method, htu: `${url.origin}${url.pathname}`, jti: randomUUID(), ...claims })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'RS256', jwk: { kty, n, e } })
    .setIssuedAt(Math.floor(context.now().getTime() / 1000))
    .sign(await importJWK({ ...jwk, alg: 'RS256' }, 'RS256'));
}
