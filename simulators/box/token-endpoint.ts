import { endWebhooksWithout } from './changes-webhooks.ts';
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import { letters } from '../kit/seeded.ts';
import { NARROW_SCOPES } from './auth.ts';
import { record } from './record.ts';
import { userMini } from './render-user.ts';
import { OAuthError } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { AccessToken, App, User } from './objects.ts';
import type { BoxState } from './state.ts';

/** The literal that Box wants in `aud`, whatever address the token endpoint really has. */
export const AUDIENCE = 'https://api.box.com/oauth2/token';

const badGrant = (why = 'Grant credentials are invalid') => new OAuthError('invalid_grant', why);

function appOf(state: BoxState, form: URLSearchParams): App {
  const app = state.apps.get(form.get('client_id') ?? '');
  if (!app) throw new OAuthError('invalid_client', 'The client credentials are invalid');
  if (app.clientSecret !== form.get('client_secret')) throw badGrant();
  return app;
}

/** The service account, or the user that the app may speak for. */
function subjectOf(state: BoxState, app: App, type: unknown, id: unknown): User {
  if (!app.authorized) {
    throw new OAuthError('unauthorized_client', 'This app is not authorized by the enterprise admin');
  }
  if (type === 'enterprise') {
    if (id !== state.enterprise.id) throw badGrant();
    return state.user(app.serviceAccount) as User;
  }
  const user = type === 'user' ? state.user(String(id)) : undefined;
  if (!user || user.kind === 'external' || !app.generateUserTokens) throw badGrant();
  if (!app.enterpriseAccess && user.kind === 'managed') {
    throw badGrant('Cannot obtain token based on the enterprise configuration for your app');
  }
  if (user.status === 'inactive') throw badGrant();
  return user;
}

async function byAssertion(state: BoxState, app: App, assertion: string): Promise<User> {
  let claims: Record<string, unknown>;
  try {
    const { kid, alg } = decodeProtectedHeader(assertion);
    const key = app.keys.find((one) => one.kid === kid);
    if (!key || !/^RS(256|384|512)$/.test(alg ?? ''))
      throw badGrant('Please check the public key id and the algorithm');
    const { payload } = await compactVerify(assertion, await importJWK(key, alg));
    claims = JSON.parse(Buffer.from(payload).toString('utf8')) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof OAuthError) throw error;
    throw badGrant('OAuth JWT signature is invalid');
  }
  const seconds = state.now() / 1_000;
  const { iss, sub, aud, jti, exp, box_sub_type: type } = claims;
  if (typeof exp !== 'number' || exp <= seconds) {
    throw badGrant("Current date time must be before the expiration date time listed in the 'exp' claim");
  }
  if (exp > seconds + 60) throw badGrant("The 'exp' claim must be within 60 seconds of the current date time");
  if (iss !== app.clientId) throw badGrant("Please check the 'iss' claim");
  if (aud !== AUDIENCE) throw badGrant("Please check the 'aud' claim");
  if (typeof jti !== 'string' || jti.length < 16 || jti.length > 128) throw badGrant("Please check the 'jti' claim");
  if (state.usedAssertions.has(jti)) throw badGrant("A unique 'jti' value is required");
  state.usedAssertions.add(jti);
  return subjectOf(state, app, type, sub);
}

/** A token with fewer rights, for fewer items, from another. */
function narrowed(state: BoxState, form: URLSearchParams): AccessToken & { restricted: unknown[] } {
  const from = state.tokens.get(form.get('subject_token') ?? '');
  if (form.get('subject_token_type') !== 'urn:ietf:params:oauth:token-type:access_token' || !from) {
    throw new OAuthError('invalid_request', 'Invalid subject_token');
  }
  if (from.expiresAt <= state.now()) throw badGrant('Invalid subject_token');
  const scopes = (form.get('scope') ?? '').split(' ').filter(Boolean);
  if (scopes.length === 0 || scopes.some((scope) => !NARROW_SCOPES.includes(scope) && !from.scopes.includes(scope))) {
    throw new OAuthError('invalid_scope', 'The requested scope is invalid, unknown, or malformed.');
  }
  const resource = form.get('resource');
  const found = /\/2\.0\/(files|folders)\/(\d+)$/.exec(resource ?? '');
  if (resource !== null && (!found || !state.items.has(Number(found[2])))) {
    throw new OAuthError('invalid_resource', 'The resource is invalid.');
  }
  const object = found ? { type: found[1]?.slice(0, -1), id: found[2] } : undefined;
  return {
    ...mint(state, from.clientId, from.userId, scopes, from.expiresAt, found ? Number(found[2]) : undefined),
    restricted: scopes.map((scope) => ({ scope, ...(object ? { object } : {}) })),
  };
}

function mint(
  state: BoxState,
  clientId: string,
  userId: string,
  scopes: string[],
  expiresAt: number,
  resource?: number,
): AccessToken {
  const token = { value: letters(state.random, 32), clientId, userId, scopes, expiresAt, resource };
  state.tokens.set(token.value, token);
  return token;
}

/** POST /oauth2/token. */
export async function answerToken(state: BoxState, form: URLSearchParams): Promise<Answer> {
  const type = form.get('grant_type');
  let user: User;
  let app: App;
  if (type === 'urn:ietf:params:oauth:grant-type:token-exchange') {
    const token = narrowed(state, form);
    const left = Math.floor((token.expiresAt - state.now()) / 1_000);
    return {
      status: 200,
      body: {
        access_token: token.value,
        expires_in: left,
        token_type: 'bearer',
        restricted_to: token.restricted,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    };
  }
  if (type === 'client_credentials') {
    app = appOf(state, form);
    if (!app.grants.includes('ccg')) {
      throw new OAuthError('unauthorized_client', 'The "box_subject_type" value is unauthorized for this client_id');
    }
    user = subjectOf(state, app, form.get('box_subject_type'), form.get('box_subject_id'));
  } else if (type === 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
    app = appOf(state, form);
    if (!app.grants.includes('jwt')) {
      throw new OAuthError('unauthorized_client', 'The grant type is unauthorized for this client_id');
    }
    user = await byAssertion(state, app, form.get('assertion') ?? '');
  } else throw new OAuthError('unsupported_grant_type', 'Unsupported grant type');
  const token = mint(state, app.clientId, user.id, [...app.scopes], state.now() + state.knobs.accessTokenMs);
  record(state, {
    type: 'USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE',
    by: { userId: user.id, app: app.name },
    source: userMini(state, user.id),
    details: { service_id: app.clientId },
  });
  const expires = Math.floor(state.knobs.accessTokenMs / 1_000);
  return {
    status: 200,
    body: { access_token: token.value, expires_in: expires, token_type: 'bearer', restricted_to: [] },
  };
}

/** POST /oauth2/revoke: only one's own tokens. */
export function answerRevoke(state: BoxState, form: URLSearchParams): Answer {
  const app = appOf(state, form);
  const token = state.tokens.get(form.get('token') ?? '');
  if (!token || token.clientId !== app.clientId) throw new OAuthError('invalid_token', 'Invalid token');
  state.tokens.delete(token.value);
  endWebhooksWithout(state, token);
  record(state, {
    type: 'OAUTH2_ACCESS_TOKEN_REVOKE',
    by: { userId: token.userId, app: app.name },
    source: userMini(state, token.userId),
    details: { service_id: app.clientId },
  });
  return { status: 200 };
}
