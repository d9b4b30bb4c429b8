import type { IncomingMessage } from 'node:http';
import { count } from '../kit/counters.ts';
import { Router } from '../kit/router.ts';
import { seeded } from '../kit/seeded.ts';
import type { Spoiling } from '../kit/send.ts';
import { VendorFaults } from '../kit/vendor-faults.ts';
import { authenticate, checkScope, isAdmin, tokenOf } from './auth.ts';
import type { Tenant } from './bootstrap.ts';
import { answerDownload } from './download.ts';
import { boxManners } from './faults.ts';
import { HookSender } from './hook-sender.ts';
import { Limits } from './limits.ts';
import { Markers } from './markers.ts';
import { BoxError, badRequest, denied, invalid, notFound, OAuthError, throttled } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import type { BoxState } from './state.ts';
import { answerRevoke, answerToken } from './token-endpoint.ts';

/** Box is three hosts: the API, one for uploads, one that hands out content. */
export type Host = 'api' | 'upload' | 'download';

/** What every request passes before its handler: faults, concurrency, credential, As-User, rate, route, form, scope. */
export class Gate {
  downloadUrl = '';
  readonly limits = new Limits();
  readonly markers: Markers;
  readonly faults: VendorFaults;
  readonly #tenant: { now: Tenant };
  readonly #routers = {
    api: new Router(routes.filter((route) => !route.upload)),
    upload: new Router(routes.filter((route) => route.upload)),
  };
  #hooks: HookSender;

  constructor(tenant: { now: Tenant }, seed: number) {
    this.#tenant = tenant;
    this.markers = new Markers(seed);
    const manners = boxManners(this.markers, () => this.#tenant.now.state.now());
    this.faults = new VendorFaults(manners, seeded(seed ^ 0x5eed));
    this.#hooks = new HookSender(tenant.now.state);
  }

  /** The tenant was replaced: hooks listen to the new one. */
  follow(state: BoxState): void {
    this.#hooks.close();
    this.#hooks = new HookSender(state);
  }

  close(): void {
    this.#hooks.close();
  }

  /** The answer and how its bytes are to be spoilt, if at all. */
  async answer(
    host: Host,
    request: IncomingMessage,
    body: Buffer | undefined,
  ): Promise<{ answer: Answer; spoiling?: Spoiling }> {
    const { counters } = this.#tenant.now.state;
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    return this.faults.through(request.method ?? 'GET', url, counters.faults, (wait, idle) =>
      this.#answer(host, request, url, body, wait, idle),
    );
  }

  async #answer(
    host: Host,
    request: IncomingMessage,
    url: URL,
    body: Buffer | undefined,
    wait: number,
    idle: boolean,
  ): Promise<Answer> {
    const { state } = this.#tenant.now;
    const requestId = `${state.seq().toString(36)}req`.padStart(12, '0');
    const headers = { 'box-request-id': requestId };
    try {
      const fits = this.limits.enter(state);
      const pause = state.knobs.latencyMs + wait;
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      if (idle) return { status: 204 };
      if (!fits) throw throttled(1);
      state.due.run(state.now());
      const answer =
        host === 'download'
          ? answerDownload(state, request)
          : url.pathname.startsWith('/oauth2/')
            ? await this.#oauth(state, host, request, url.pathname, body)
            : await this.#process(state, host, request, url, body);
      return { ...answer, headers: { ...headers, ...answer.headers } };
    } catch (error) {
      if (error instanceof OAuthError) {
        const told = { error: error.error, error_description: error.message };
        return { status: 400, body: told, headers };
      }
      if (!(error instanceof BoxError)) throw error;
      return { status: error.status, body: error.body(requestId), headers: { ...headers, ...error.headers } };
    } finally {
      this.limits.leave();
    }
  }

  async #oauth(
    state: BoxState,
    host: Host,
    request: IncomingMessage,
    path: string,
    body: Buffer | undefined,
  ): Promise<Answer> {
    count(state.counters.calls, `${request.method ?? 'GET'} ${path}`);
    if (host !== 'api' || (path !== '/oauth2/token' && path !== '/oauth2/revoke')) throw notFound();
    if (request.method !== 'POST') throw new BoxError(405, 'method_not_allowed', 'Method Not Allowed');
    if (!/^application\/x-www-form-urlencoded/.test(request.headers['content-type'] ?? '')) {
      throw new OAuthError('invalid_request', 'The content type must be application/x-www-form-urlencoded');
    }
    const form = new URLSearchParams(body?.toString('utf8') ?? '');
    return path === '/oauth2/token' ? await answerToken(state, form) : answerRevoke(state, form);
  }

  async #process(
    state: BoxState,
    host: Host,
    request: IncomingMessage,
    url: URL,
    raw: Buffer | undefined,
  ): Promise<Answer> {
    const method = request.method ?? 'GET';
    const base = host === 'upload' ? '/api/2.0' : '/2.0';
    const path = url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : undefined;
    const found =
      path === undefined ? { allowed: [] } : this.#routers[host === 'upload' ? 'upload' : 'api'].find(method, path);
    count(state.counters.calls, `${method} ${'route' in found ? found.route.path : url.pathname}`);
    const authorization = request.headers.authorization;
    const asUser = request.headers['as-user'];
    const { userId } = tokenOf(state, authorization);
    const effective = typeof asUser === 'string' ? asUser : userId;
    const { charged } = state.knobs;
    const payers = charged === 'both' ? new Set([effective, userId]) : [charged === 'token' ? userId : effective];
    const wait = this.limits.take(state, host === 'upload' ? 'uploads' : 'requests', [...payers]);
    if (wait !== undefined) throw throttled(wait);
    const { app, token, user } = authenticate(state, authorization, asUser as string | undefined);
    if (!('route' in found)) {
      if (found.allowed.length === 0) throw notFound();
      throw new BoxError(405, 'method_not_allowed', 'Method Not Allowed');
    }
    const { route, params } = found;
    checkForm(route, url.searchParams, request, raw);
    checkScope(state, token, route.need);
    if (route.admin && !isAdmin(user)) throw denied();
    return route.handle({
      state,
      app,
      token,
      user,
      by: { userId: user.id, app: app.name, ip: '127.0.0.1' },
      markers: this.markers,
      params,
      query: url.searchParams,
      headers: request.headers,
      body: route.upload ? undefined : parseBody(method, request, raw as Buffer),
      raw: raw as Buffer,
      downloadHost: this.downloadUrl,
    });
  }
}

function checkForm(route: Route, query: URLSearchParams, request: IncomingMessage, raw: Buffer | undefined): void {
  if (raw === undefined) throw new BoxError(413, 'request_entity_too_large', 'Request Entity Too Large');
  const version = request.headers['box-version'];
  if (route.version !== undefined ? version !== route.version : version !== undefined && version !== '2024.0') {
    throw badRequest(`Header box-version ${String(version)} is not supported here`, 'invalid_api_version');
  }
  const seen = new Set<string>();
  for (const name of query.keys()) {
    if (!route.query?.includes(name)) throw invalid(name, 'unknown query parameter');
    if (seen.has(name)) throw invalid(name, 'given more than once');
    seen.add(name);
  }
}

function parseBody(method: string, request: IncomingMessage, raw: Buffer): unknown {
  if (method === 'GET' || raw.length === 0) return undefined;
  if (!/^application\/json/.test(request.headers['content-type'] ?? '')) {
    throw new BoxError(415, 'unsupported_media_type', 'Unsupported Media Type');
  }
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    throw badRequest('The request body is not well-formed JSON');
  }
}
