import type { IncomingMessage } from 'node:http';
import { count } from '../kit/counters.ts';
import { Router } from '../kit/router.ts';
import { seeded } from '../kit/seeded.ts';
import type { Spoiling } from '../kit/send.ts';
import { VendorFaults } from '../kit/vendor-faults.ts';
import { holds, rolesOfPrincipal } from './admin-permissions.ts';
import { authenticate } from './auth.ts';
import type { Presented } from './auth.ts';
import type { Tenant } from './bootstrap.ts';
import { Cursors } from './cursor.ts';
import { Nonces, ProofMemory } from './dpop.ts';
import { oktaManners } from './faults.ts';
import { HookSender } from './hook-sender.ts';
import { Limits } from './limits.ts';
import { invalid, noPermission, notFound, oauthRefused, OktaError } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Call, Route } from './route.ts';
import { routes } from './routes.ts';
import type { Principal } from './principal.ts';
import type { OktaState } from './state.ts';
import { answerToken } from './token-endpoint.ts';

/** What every request passes before its handler: concurrency, credential, rate, route, parameters, scope, role. */
export class Gate {
  url = '';
  readonly nonces: Nonces;
  readonly limits = new Limits();
  readonly faults: VendorFaults;
  readonly #tenant: { now: Tenant };
  readonly #cursors: Cursors;
  readonly #memory = new ProofMemory();
  readonly #router = new Router(routes);
  readonly #allowHttpHooks: boolean;
  #hooks: HookSender;

  constructor(tenant: { now: Tenant }, seed: number, allowHttpHooks: boolean) {
    this.#tenant = tenant;
    this.#cursors = new Cursors(seed);
    this.nonces = new Nonces(seed);
    const manners = oktaManners(this.#cursors, () => this.#tenant.now.state.now());
    this.faults = new VendorFaults(manners, seeded(seed ^ 0x5eed));
    this.#allowHttpHooks = allowHttpHooks;
    this.#hooks = new HookSender(tenant.now.state, () => this.url);
  }

  /** The tenant was replaced: hooks listen to the new one. */
  follow(state: OktaState): void {
    this.#hooks.close();
    this.#hooks = new HookSender(state, () => this.url);
  }

  close(): void {
    this.#hooks.close();
  }

  /** The answer and how its bytes are to be spoilt, if at all. */
  async answer(request: IncomingMessage, body: Buffer | undefined): Promise<{ answer: Answer; spoiling?: Spoiling }> {
    const { counters } = this.#tenant.now.state;
    return this.faults.through(request.method ?? 'GET', this.#urlOf(request), counters.faults, (wait, idle) =>
      this.#answer(request, body, wait, idle),
    );
  }

  async #answer(request: IncomingMessage, body: Buffer | undefined, wait: number, idle: boolean): Promise<Answer> {
    const { state } = this.#tenant.now;
    const requestId = `req${state.seq().toString(36)}`;
    const headers: Record<string, string> = { 'x-okta-request-id': requestId };
    try {
      if (!this.limits.enter(state)) {
        Object.assign(headers, this.limits.refusedByConcurrency(state));
        throw throttled();
      }
      const pause = state.knobs.latencyMs + wait;
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      if (idle) return { status: 204 };
      const answer = await this.#process(state, request, body, requestId, headers);
      return { ...answer, headers: { ...headers, ...answer.headers } };
    } catch (error) {
      if (!(error instanceof OktaError)) throw error;
      return {
        status: error.status,
        body: error.body(`oae${requestId}`),
        headers: { ...headers, ...error.headers },
      };
    } finally {
      this.limits.leave();
    }
  }

  #urlOf(request: IncomingMessage): URL {
    return new URL(request.url ?? '/', `http://${request.headers.host ?? new URL(this.url).host}`);
  }

  async #process(
    state: OktaState,
    request: IncomingMessage,
    body: Buffer | undefined,
    requestId: string,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const method = request.method ?? 'GET';
    const url = this.#urlOf(request);
    const base = url.origin;
    const path = url.pathname;
    const presented = {
      method,
      htu: `${base}${path}`,
      authorization: request.headers.authorization,
      proof: request.headers.dpop,
    };
    if (path === '/oauth2/v1/token') return this.#token(state, presented, request, body, headers);
    const principal = await authenticate(state, presented, this.#memory).catch((error: unknown) => {
      count(state.counters.calls, `${method} ${path}`);
      Object.assign(headers, this.limits.take(state, method, path, undefined).headers);
      throw error;
    });
    const found = this.#router.find(method, path);
    count(state.counters.calls, `${method} ${'route' in found ? found.route.path : path}`);
    const permit = this.limits.take(state, method, path, principal.id);
    Object.assign(headers, permit.headers);
    if (!permit.allowed) throw throttled();
    if (!('route' in found)) {
      if (found.allowed.length === 0) throw notFound(path, 'Endpoint');
      throw new OktaError(405, 'E0000022', 'The endpoint does not support the provided HTTP method');
    }
    const { route, params } = found;
    checkForm(route, url.searchParams, request, body);
    checkScope(route, principal);
    const permitted = holds(state, rolesOfPrincipal(state, principal), route.permission);
    if (!permitted && route.checks !== 'handler') throw noPermission();
    const call: Call = {
      state,
      cursors: this.#cursors,
      principal,
      base,
      method,
      path,
      params,
      query: url.searchParams,
      headers: request.headers,
      body: parseBody(method, request, body),
      requestId,
      permitted,
      hooks: { verify: (id) => this.#hooks.verify(id), allowHttp: this.#allowHttpHooks },
    };
    const answer = await route.handle(call);
    if (!call.permitted) throw noPermission();
    return answer;
  }

  async #token(
    state: OktaState,
    { htu, method, proof }: Presented,
    request: IncomingMessage,
    body: Buffer | undefined,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const path = '/oauth2/v1/token';
    count(state.counters.calls, `${method} ${path}`);
    const permit = this.limits.take(state, method, path, undefined);
    Object.assign(headers, permit.headers);
    if (!permit.allowed) throw throttled();
    if (method !== 'POST')
      throw new OktaError(405, 'E0000022', 'The endpoint does not support the provided HTTP method');
    return answerToken({
      state,
      nonces: this.nonces,
      memory: this.#memory,
      htu,
      method,
      contentType: request.headers['content-type'],
      proof,
      body: body?.toString('utf8') ?? '',
    });
  }
}

const throttled = () => new OktaError(429, 'E0000047', 'API call exceeded rate limit due to too many requests.');

function checkForm(route: Route, query: URLSearchParams, request: IncomingMessage, body: Buffer | undefined): void {
  const { accept, 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (body === undefined) throw new OktaError(413, 'E0000003', 'The request body was too large.');
  if ((route.method === 'POST' || route.method === 'PUT') && length === undefined && encoding === undefined)
    throw new OktaError(411, 'E0000003', 'The request needs a Content-Length header.');
  if (accept !== undefined && !/application\/(\*|json|.*\+json)|\*\/\*/.test(accept))
    throw new OktaError(
      400,
      'E0000021',
      'Bad request. Accept and/or Content-Type headers likely do not match supported values.',
    );
  const seen = new Set<string>();
  for (const name of query.keys()) {
    if (!route.query?.includes(name)) throw invalid(name, `${name}: unknown query parameter`);
    if (seen.has(name)) throw invalid(name, `${name}: given more than once`);
    seen.add(name);
  }
}

function checkScope(route: Route, principal: Principal): void {
  if (principal.scopes === undefined) return;
  // `manage` scopes include reading.
  const wider = route.scope.replace(/\.read$/, '.manage');
  if (principal.scopes.includes(route.scope) || principal.scopes.includes(wider)) return;
  throw oauthRefused(
    403,
    principal.scheme === 'DPoP' ? 'DPoP' : 'Bearer',
    'insufficient_scope',
    'The access token provided does not contain the required scopes.',
  );
}

function parseBody(method: string, request: IncomingMessage, body: Buffer | undefined): unknown {
  if (method === 'GET' || body === undefined || body.length === 0) return undefined;
  if (!/^application\/([\w.]+\+)?json/.test(request.headers['content-type'] ?? ''))
    throw new OktaError(
      400,
      'E0000021',
      'Bad request. Accept and/or Content-Type headers likely do not match supported values.',
    );
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new OktaError(400, 'E0000003', 'The request body was not well-formed.');
  }
}
