import type { RequestHandler, Request } from 'express';
import { roles, type ApiKeyDocument, type Role } from '../store/documents.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';

/** `Authorization: Bearer <key>`. What cannot be a key is refused without asking the store. */
export function authenticate({ store }: Pick<Deps, 'store'>): RequestHandler {
  return async (request, _response, next) => {
    const header = request.get('authorization');
    const challenge = { headers: { 'WWW-Authenticate': 'Bearer realm="castellan"' } };
    if (!header) throw new HttpProblem('key-missing', 'the request has no Authorization header', challenge);
    const secret = /^Bearer ([A-Za-z0-9._~+/=-]{16,500})$/i.exec(header)?.[1];
    const key = secret ? await store.apiKeys.verify(secret) : null;
    if (!key) throw new HttpProblem('key-refused', 'the API key is unknown, expired or revoked', challenge);
    request.apiKey = key;
    next();
  };
}

/** At most so many requests a minute for each key, a sixth of them at once. In this process's memory. */
export function limitRate({ clock, config }: Pick<Deps, 'clock' | 'config'>): RequestHandler {
  const perMs = config.requestsPerMinute / 60_000;
  const burst = Math.max(5, Math.ceil(config.requestsPerMinute / 6));
  const buckets = new Map<string, { left: number; at: number }>();
  return (request, _response, next) => {
    const id = keyOf(request)._id;
    const now = clock.now().getTime();
    const bucket = buckets.get(id) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + Math.max(0, now - bucket.at) * perMs);
    bucket.at = now;
    buckets.set(id, bucket);
    if (bucket.left < 1) {
      const seconds = Math.ceil((1 - bucket.left) / perMs / 1_000);
      throw new HttpProblem('too-many-requests', `at most ${config.requestsPerMinute} requests a minute`, {
        remedy: `try again in ${seconds} s`,
        headers: { 'Retry-After': String(seconds) },
      });
    }
    bucket.left -= 1;
    next();
  };
}

export function keyOf(request: Request): ApiKeyDocument {
  if (!request.apiKey) throw new Error('this address is not behind authenticate');
  return request.apiKey;
}

/** A governor may all that an operator may, an operator all that a viewer may. */
export const hasRole = (request: Request, role: Role): boolean =>
  roles.indexOf(keyOf(request).role) >= roles.indexOf(role);

export function demandRole(request: Request, role: Role, what: string): void {
  if (hasRole(request, role)) return;
  throw new HttpProblem('role-missing', `${what} needs the role ${role}; this key has ${keyOf(request).role}`, {
    remedy: `use a key with the role ${role}: npm run key -- create --role ${role} --name …`,
  });
}

/** Whether the key may know of this connection; others' are answered as if they were not there. */
export function mayKnow(request: Request, connectionId: string): boolean {
  const { connectionIds } = keyOf(request);
  return !connectionIds || connectionIds.includes(connectionId);
}
