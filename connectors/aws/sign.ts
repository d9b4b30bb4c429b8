import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { z } from 'zod';
import type { OutgoingRequest } from '../authorization.ts';
import type { Answer } from '../call.ts';
import type { AuthContext } from '../authorization.ts';
import { Failure } from '../kit/failures.ts';
import { asFailure } from './errors.ts';
import { requestHandler, scopeHeader } from './request-handler.ts';
import { awsCredential, endpointOf, globalRegion, type AwsCredential, type AwsSettings } from './settings.ts';

class Sha256 {
  #hash: Hash | Hmac;
  readonly #secret: string | ArrayBuffer | ArrayBufferView | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret;
    this.#hash = this.#fresh();
  }
  #fresh(): Hash | Hmac {
    const key = this.#secret;
    if (key === undefined) return createHash('sha256');
    if (typeof key === 'string') return createHmac('sha256', key);
    return createHmac(
      'sha256',
      ArrayBuffer.isView(key) ? Buffer.from(key.buffer, key.byteOffset, key.byteLength) : Buffer.from(key),
    );
  }
  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    this.#hash = this.#fresh();
  }
}

type Context = AuthContext<AwsSettings, AwsCredential>;
const roleToken = 'assumed-role';
const storedCredential = awsCredential.omit({ accessKeyId: true }).extend({ accessKeyId: z.string() });

/** Who signs: the credential itself, or what the customer's role gives for it. */
async function signer(context: Context): Promise<AwsCredential> {
  const { roleArn } = context.settings;
  if (!roleArn) return context.credential;
  return storedCredential.parse(
    JSON.parse(await context.tokens.get(roleToken, () => assumeRole(context, roleArn))) as unknown,
  );
}

async function assumeRole(context: Context, roleArn: string): Promise<{ value: string; expiresAt: Date }> {
  const { settings, credential } = context;
  const sts = new STSClient({
    region: globalRegion(settings),
    endpoint: endpointOf(settings, 'sts'),
    // A copy: the SDK writes into it.
    credentials: { ...credential },
    // The SDK adds this to its own clock, which is what makes a wrong local clock harmless here too.
    systemClockOffset: context.now().getTime() - Date.now(),
    maxAttempts: 1,
    requestHandler: requestHandler((call) => context.fetch({ ...call, anonymous: true }), 'sts', ''),
  });
  const answer = await sts
    .send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'castellan', ExternalId: settings.externalId }))
    .catch((error: unknown) => {
      throw asFailure(error, 'sts:AssumeRole');
    });
  const given = answer.Credentials;
  if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken)
    throw new Failure('unavailable', 'sts:AssumeRole answered without credentials', { who: 'vendor' });
  const value: AwsCredential = {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
  };
  return {
    value: JSON.stringify(value),
    expiresAt: given.Expiration ?? new Date(context.now().getTime() + 15 * 60_000),
  };
}

/**
 * Signature Version 4, here rather than in the SDK, so that the secret stays with `authorize`, a retry is signed anew
 * and the time is that of the origin's clock. The Region and service come from a header of our own that is taken off.
 */
export async function authorize(request: OutgoingRequest, context: Context): Promise<void> {
  const scope = request.headers[scopeHeader];
  delete request.headers[scopeHeader];
  const [region, service] = (scope ?? '').split('/');
  if (!region || !service) throw new Error(`a call without ${scopeHeader} cannot be signed`);
  const query: Record<string, string | string[]> = {};
  for (const name of new Set(request.url.searchParams.keys())) {
    const values = request.url.searchParams.getAll(name);
    query[name] = values.length === 1 ? values[0]! : values;
  }
  const v4 = new SignatureV4({
    service,
    region,
    credentials: await signer(context),
    sha256: Sha256,
    // S3 alone takes the path as it was sent.
    uriEscapePath: service !== 's3',
    applyChecksum: true,
  });
  const signed = await v4.sign(
    {
      method: request.method,
      protocol: request.url.protocol,
      hostname: request.url.hostname,
      port: request.url.port ? Number(request.url.port) : undefined,
      path: request.url.pathname,
      query,
      headers: { ...request.headers, host: request.url.host },
      body: request.body,
    },
    { signingDate: context.now() },
  );
  for (const [name, value] of Object.entries(signed.headers)) if (name !== 'host') request.headers[name] = value;
}

const clockComplaint =
  /RequestTimeTooSkewed|RequestExpired|Signature (expired|not yet current)|RequestTimeTooSkewedException/;
const expired = /ExpiredToken/;

/** Signed once more when only the clock was wrong, or when the role's session had run out. */
export function challenged(answer: Answer, context: Context): boolean {
  if (answer.status < 400 || answer.status >= 500) return false;
  const text = answer.text().slice(0, 4_000);
  if (clockComplaint.test(text)) return true;
  if (!context.settings.roleArn || !expired.test(text)) return false;
  context.tokens.forget(roleToken);
  return true;
}
