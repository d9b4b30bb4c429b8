import { createHash, createHmac } from 'node:crypto';
import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { oauthRefused } from './respond.ts';

export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];
const PROOF_AGE_MS = 5 * 60_000;
const NONCE_MS = 24 * 3_600_000;

/** Ids that were used already, forgotten when they could no longer be accepted anyway. */
export class ProofMemory {
  readonly #until = new Map<string, number>();
  #sweepAt = 0;

  /** False when it was seen before. */
  first(id: string, now: number, keepMs: number): boolean {
    if (now > this.#sweepAt) {
      for (const [old, until] of this.#until) if (until < now) this.#until.delete(old);
      this.#sweepAt = now + 60_000;
    }
    if ((this.#until.get(id) ?? 0) >= now) return false;
    this.#until.set(id, now + keepMs);
    return true;
  }
}

/** Nonces of the token endpoint: a new one every 24 h, the previous ones good for 3 days. `turn` begins a new one. */
export class Nonces {
  readonly #secret: string;
  #turned = 0;

  constructor(seed: number) {
    this.#secret = `okta nonce ${seed}`;
  }

  turn(forget: boolean): void {
    this.#turned += forget ? 1000 : 1;
  }

  current(now: number): string {
    return this.#at(Math.floor(now / NONCE_MS) + this.#turned);
  }

  accepts(nonce: unknown, now: number): boolean {
    const period = Math.floor(now / NONCE_MS) + this.#turned;
    return [0, 1, 2, 3].some((back) => this.#at(period - back) === nonce);
  }

  #at(period: number): string {
    return createHmac('sha256', this.#secret).update(String(period)).digest('base64url');
  }
}

export class ProofError extends Error {}

/** Reads and verifies a proof: signature by its own public key, `htm`, `htu`, `iat`, single `jti`. */
export async function readProof(
  proof: string | string[] | undefined,
  method: string,
  htu: string,
  memory: ProofMemory,
  now: number,
): Promise<{ payload: JWTPayload; jkt: string }> {
  if (proof === undefined || proof === '') throw new ProofError('The DPoP proof JWT header is missing.');
  if (Array.isArray(proof) || proof.includes(',')) throw new ProofError('There must be exactly one DPoP header.');
  let payload: JWTPayload;
  let jkt: string;
  try {
    const header = decodeProtectedHeader(proof);
    if (!header.jwk || 'd' in header.jwk || 'p' in header.jwk) throw new ProofError('jwk must be a public key');
    jkt = await calculateJwkThumbprint(header.jwk, 'sha256');
    // `iat` is judged below by the vendor's clock.
    const verified = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ALGORITHMS,
      currentDate: new Date(now),
    });
    payload = verified.payload;
  } catch (error) {
    throw new ProofError(`The DPoP proof JWT is invalid: ${(error as Error).message}`);
  }
  if (payload.htm !== method) throw new ProofError("The DPoP proof JWT's htm does not match the request.");
  if (payload.htu !== htu) throw new ProofError("The DPoP proof JWT's htu does not match the request.");
  if (typeof payload.iat !== 'number' || Math.abs(now - payload.iat * 1000) > PROOF_AGE_MS)
    throw new ProofError("The DPoP proof JWT's iat is not within five minutes.");
  if (typeof payload.jti !== 'string' || !memory.first(`proof ${jkt} ${payload.jti}`, now, 2 * PROOF_AGE_MS))
    throw new ProofError('The DPoP proof JWT has already been used.');
  return { payload, jkt };
}

/** A proof of an API call must also belong to the token: same key, `ath` its hash. */
export async function checkApiProof(
  given: { method: string; htu: string; proof: string | string[] | undefined },
  token: string,
  jkt: string,
  memory: ProofMemory,
  now: number,
): Promise<void> {
  const refuse = (why: string) => oauthRefused(401, 'DPoP', 'invalid_dpop_proof', why);
  const read = await readProof(given.proof, given.method, given.htu, memory, now).catch((error: unknown) => {
    throw error instanceof ProofError ? refuse(error.message) : error;
  });
  const ath = createHash('sha256').update(token).digest('base64url');
  if (read.payload.ath !== ath) throw refuse("The DPoP proof JWT's ath does not match the access token.");
  if (read.jkt !== jkt) throw refuse('The DPoP proof JWT is signed by another key than the access token is bound to.');
}
