import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import type { JWK, JWTPayload } from 'jose';
import { letters } from '../kit/seeded.ts';
import { ALGORITHMS, ProofError, readProof } from './dpop.ts';
import type { Nonces, ProofMemory } from './dpop.ts';
import type { Answer } from '../kit/answer.ts';
import type { OktaState, ServiceApp } from './state.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const HOUR_MS = 3_600_000;
const SKEW_MS = 5 * 60_000;

export interface TokenRequest {
  state: OktaState;
  nonces: Nonces;
  memory: ProofMemory;
  /** `http://host/oauth2/v1/token`, as the caller wrote it. */
  htu: string;
  method: string;
  contentType: string | undefined;
  proof: string | string[] | undefined;
  body: string;
}

class OauthError extends Error {
  readonly status: number;
  readonly error: string;
  readonly headers: Record<string, string>;

  constructor(status: number, error: string, description: string, headers: Record<string, string> = {}) {
    super(description);
    this.status = status;
    this.error = error;
    this.headers = headers;
  }
}

/** `POST /oauth2/v1/token` of the org authorization server: client credentials by private_key_jwt only. */
export async function answerToken(request: TokenRequest): Promise<Answer> {
  try {
    return await mint(request);
  } catch (error) {
    if (!(error instanceof OauthError)) throw error;
    return {
      status: error.status,
      body: { error: error.error, error_description: error.message },
      headers: error.headers,
    };
  }
}

async function mint(request: TokenRequest): Promise<Answer> {
  const { state } = request;
  if (!/^application\/x-www-form-urlencoded/.test(request.contentType ?? ''))
    throw new OauthError(400, 'invalid_request', 'The request must be form-urlencoded.');
  const form = new URLSearchParams(request.body);
  if (form.get('grant_type') !== 'client_credentials')
    throw new OauthError(400, 'unsupported_grant_type', 'The authorization grant type is not supported by the server.');
  if (form.has('client_secret'))
    throw new OauthError(401, 'invalid_client', 'Client authentication by secret is not allowed for this app.');
  if (form.get('client_assertion_type') !== ASSERTION_TYPE)
    throw new OauthError(401, 'invalid_client', 'The client_assertion_type is missing or unknown.');
  const app = await clientOf(request, form.get('client_assertion') ?? '');
  const jkt = await boundKey(request, app);
  const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
  if (scopes.length === 0) throw new OauthError(400, 'invalid_scope', "The 'scope' parameter is missing.");
  if (scopes.some((scope) => !app.grantedScopes.includes(scope)))
    throw new OauthError(
      400,
      'invalid_scope',
      'One or more scopes are not configured for the authorization server resource.',
    );
  const value = `eyJ${letters(state.random, 40)}.${letters(state.random, 120)}.${letters(state.random, 60)}`;
  const lifetime = state.knobs.accessTokenMs;
  state.accessTokens.set(value, { value, clientId: app.clientId, scopes, expiresAt: state.now() + lifetime, jkt });
  return {
    status: 200,
    body: {
      token_type: jkt === undefined ? 'Bearer' : 'DPoP',
      expires_in: Math.floor(lifetime / 1000),
      access_token: value,
      scope: scopes.join(' '),
    },
  };
}

/** The app that the assertion proves; each refusal says which rule it broke, as Okta's does. */
async function clientOf(request: TokenRequest, assertion: string): Promise<ServiceApp> {
  const { state, memory, htu } = request;
  const refuse = (why: string) => new OauthError(401, 'invalid_client', why);
  let claims: JWTPayload;
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    claims = decodeJwt(assertion);
    header = decodeProtectedHeader(assertion);
  } catch {
    throw refuse('The client_assertion is not a well-formed JWT.');
  }
  const app = state.serviceApps.get(String(claims.iss));
  if (!app) throw refuse('The client_assertion names no known client in iss.');
  if (claims.sub !== claims.iss) throw refuse('The client_assertion must have the same iss and sub.');
  const key = app.keys.find((one) => one.kid === header.kid);
  if (!key) throw refuse('The client_assertion is signed by an unknown key (kid).');
  if (!ALGORITHMS.includes(String(header.alg)))
    throw refuse('The client_assertion has an algorithm that is not allowed.');
  try {
    await jwtVerify(assertion, await importJWK(key as JWK, header.alg), {
      algorithms: ALGORITHMS,
      currentDate: new Date(state.now()),
      clockTolerance: SKEW_MS / 1000,
    });
  } catch (error) {
    throw refuse(`The client_assertion is not valid: ${(error as Error).message}`);
  }
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (!audience.includes(htu))
    throw refuse('The client_assertion has the wrong aud: it must be the URL of the token endpoint.');
  if (typeof claims.exp !== 'number') throw refuse('The client_assertion must have exp.');
  if (claims.exp * 1000 > state.now() + HOUR_MS + SKEW_MS)
    throw refuse('The client_assertion expires more than an hour ahead.');
  if (claims.jti !== undefined && !memory.first(`assertion ${app.clientId} ${claims.jti}`, state.now(), 2 * HOUR_MS))
    throw refuse('The client_assertion has already been used (jti).');
  return app;
}

/** Thumbprint of the DPoP key, undefined for an app that does not want DPoP and was sent none. */
async function boundKey(request: TokenRequest, app: ServiceApp): Promise<string | undefined> {
  const { state, nonces, memory, htu, method, proof } = request;
  if (proof === undefined && !app.dpop) return undefined;
  const now = state.now();
  try {
    const { payload, jkt } = await readProof(proof, method, htu, memory, now);
    if (nonces.accepts(payload.nonce, now)) return jkt;
  } catch (error) {
    if (error instanceof ProofError) throw new OauthError(400, 'invalid_dpop_proof', error.message);
    throw error;
  }
  throw new OauthError(400, 'use_dpop_nonce', 'Authorization server requires nonce in DPoP proof.', {
    'dpop-nonce': nonces.current(now),
  });
}
