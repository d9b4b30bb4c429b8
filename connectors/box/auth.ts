import { createPrivateKey, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { z } from 'zod';
import type { OutgoingRequest } from '../authorization.ts';
import type { Answer } from '../call.ts';
import type { AuthContext } from '../authorization.ts';
import { Failure } from '../kit/failures.ts';
import { watchClock } from '../kit/watch-clock.ts';
import { clientOf, type Credential, type JwtConfig } from './credential.ts';
import { apiOrigin, type Settings } from './settings.ts';

type Context = AuthContext<Settings, Credential>;

export const tokenOperation = 'POST /oauth2/token';
/** Whoever is called: the assertion is for Box's own token endpoint. */
const audience = 'https://api.box.com/oauth2/token';
const assertionLifeSeconds = 45;

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

/** One token of the service account for all; who is acted as stands in a header. */
export async function authorize(request: OutgoingRequest, context: Context): Promise<void> {
  const token = await context.shared.get('access', () => mintInTime(context));
  request.headers.authorization = `Bearer ${token}`;
  if (context.subject !== undefined) request.headers['as-user'] = context.subject;
}

/** A token that Box no longer takes is minted anew once. */
export function challenged(answer: Answer, context: Context): boolean {
  if (answer.status !== 401) return false;
  context.shared.forget('access');
  return true;
}

/** An assertion lives for less than a minute: one that was signed by the wrong clock is signed once more. */
async function mintInTime(context: Context): Promise<Minted> {
  const clockIsAnother = watchClock(context.now);
  try {
    return await mint(context);
  } catch (error) {
    if (context.credential.type !== 'jwt' || !Failure.is(error, 'unauthorized') || !clockIsAnother()) throw error;
    return mint(context);
  }
}

interface Minted {
  value: string;
  expiresAt: Date;
}

async function mint(context: Context): Promise<Minted> {
  const { credential, settings } = context;
  const client = clientOf(credential);
  const form: Record<string, string> =
    credential.type === 'jwt'
      ? {
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          client_id: client.id,
          client_secret: client.secret,
          assertion: await assertion(context, credential.config),
        }
      : {
          grant_type: 'client_credentials',
          client_id: client.id,
          client_secret: client.secret,
          box_subject_type: 'enterprise',
          box_subject_id: settings.enterpriseId,
        };
  const at = context.now().getTime();
  const answer = await context.fetch({
    method: 'POST',
    url: `${apiOrigin(settings)}/oauth2/token`,
    operation: tokenOperation,
    body: new URLSearchParams(form),
  });
  const token = answer.json(tokenAnswer);
  // A fifth of its life is kept for calls under way.
  return { value: token.access_token, expiresAt: new Date(at + token.expires_in * 800) };
}

function keyOf(config: JwtConfig): KeyObject {
  const { privateKey, passphrase } = config.boxAppSettings.appAuth;
  try {
    return createPrivateKey({ key: privateKey, ...(passphrase ? { passphrase } : {}) });
  } catch {
    // The library's message may quote the key.
    throw new Failure('invalid', 'credential.config: the private key cannot be read with its passphrase', {
      field: 'credential.config.boxAppSettings.appAuth.privateKey',
      remedy: 'give the settings file as Box made it, with privateKey and passphrase',
      who: 'operator',
    });
  }
}

async function assertion({ settings, now }: Context, config: JwtConfig): Promise<string> {
  const { clientID, appAuth } = config.boxAppSettings;
  if (config.enterpriseID !== undefined && !['', settings.enterpriseId].includes(config.enterpriseID))
    throw new Failure('invalid', `the settings file is of another enterprise than ${settings.enterpriseId}`, {
      field: 'settings.enterpriseId',
      who: 'operator',
    });
  return new SignJWT({ box_sub_type: 'enterprise', jti: randomUUID() })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: appAuth.publicKeyID })
    .setIssuer(clientID)
    .setSubject(settings.enterpriseId)
    .setAudience(audience)
    .setExpirationTime(Math.floor(now().getTime() / 1000) + assertionLifeSeconds)
    .sign(keyOf(config));
}
