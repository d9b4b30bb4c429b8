import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createOpenGovernor } from '../../test/support/open-governor.ts';
import type { CallEvent } from '../call.ts';
import type { ConnectorSpec, OpenOptions } from '../connector.ts';
import { defineConnector } from '../define.ts';
import { Failure } from './failures.ts';
import { closeTransport } from './transport.ts';

type Handler = (request: IncomingMessage & { body: string }, response: ServerResponse) => void;
const settingsSchema = z.strictObject({ baseUrl: z.url(), files: z.url().optional() });
const credentialSchema = z.strictObject({ token: z.string() });
type Spec = ConnectorSpec<typeof settingsSchema, typeof credentialSchema>;

const servers: Server[] = [];
async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => handler(Object.assign(request, { body: Buffer.concat(chunks).toString() }), response));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(async () => {
  await closeTransport();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

let governor = createOpenGovernor();
let events: CallEvent[] = [];
beforeEach(() => {
  governor = createOpenGovernor();
  events = [];
});

function open(settings: z.output<typeof settingsSchema>, spec: Partial<Spec> = {}, options: Partial<OpenOptions> = {}) {
  const connector = defineConnector<typeof settingsSchema, typeof credentialSchema>({
    id: 'acme',
    title: 'Acme',
    settings: settingsSchema,
    credential: credentialSchema,
    label: () => 'acme',
    origins: ({ baseUrl, files }) => ({ api: [baseUrl], download: files ? [files] : [] }),
    identity: () => ({}),
    quotas: () => [{ bucket: 'acme/all', kind: 'rate', limit: 10, windowMs: 1000 }],
    authorize: (request, { credential }) => {
      request.headers.authorization = `Bearer ${credential.token}`;
    },
    verify: () => Promise.reject(new Error('not asked here')),
    stages: {},
    actions: {},
    absent: {},
    ...spec,
  });
  return connector.open({
    connectionId: 'c1',
    settings,
    credential: { token: 'sesame-open-up' },
    credentialVersion: 1,
    governor,
    urgency: 'sweep',
    signal: new AbortController().signal,
    allowLocalOrigins: true,
    observe: (event) => events.push(event),
    ...options,
  });
}
const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('expected a failure'),
    (error: unknown) => error as Failure,
  );
const get = (url: string) => ({ method: 'GET', url, operation: 'GET /things' });

describe('a call', () => {
  it('is authorized, parsed, observed and settled once with what the headers say', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(
        `${request.method} ${request.headers.authorization} ${request.headers['content-type']} ${request.body}`,
      );
      response
        .setHeader('x-rate-limit-limit', '50')
        .setHeader('x-rate-limit-remaining', '9')
        .end('{"id":"a","more":1}');
    });
    const session = open({ baseUrl: url });
    const answer = await session.fetch({ method: 'POST', url, operation: 'POST /things', body: { a: 1 } });
    expect(answer.json(z.object({ id: z.string() }))).toEqual({ id: 'a' });
    expect(seen).toEqual(['POST Bearer sesame-open-up application/json {"a":1}']);
    expect(governor.calls).toMatchObject([{ urgency: 'sweep', settled: 1, reading: { limit: 50, remaining: 9 } }]);
    expect(events).toMatchObject([{ operation: 'POST /things', status: 200 }]);
  });

  it('sends forms, and a POST of nothing with a length', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      seen.push([request.headers['content-type'], request.headers['content-length'], request.body]);
      response.end('{}');
    });
    const session = open({ baseUrl: url });
    await session.fetch({ method: 'POST', url, operation: 'x', body: new URLSearchParams({ a: 'b c' }) });
    await session.fetch({ method: 'POST', url, operation: 'x' });
    expect(seen).toEqual([
      ['application/x-www-form-urlencoded', '5', 'a=b+c'],
      [undefined, '0', ''],
    ]);
  });

  it('takes a 403 that says when to come again for a throttle, also where a 403 is accepted', async () => {
    const url = await serve((_, response) => {
      response.statusCode = 403;
      response.setHeader('retry-after', '7').end('{"error":"quota"}');
    });
    const failure = await failed(open({ baseUrl: url }).fetch({ ...get(url), accept: [403] }));
    expect([failure.kind, failure.details.retryAfterMs]).toEqual(['throttled', 7_000]);
  });

  it.each([
    [400, 'invalid'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'notFound'],
    [409, 'conflict'],
    [410, 'notFound'],
    [412, 'conflict'],
    [418, 'invalid'],
    [422, 'invalid'],
    [429, 'throttled'],
    [500, 'unavailable'],
    [501, 'invalid'],
    [503, 'unavailable'],
  ])('answered %i is %s, with redacted evidence', async (status, kind) => {
    const url = await serve((_, response) => {
      response.statusCode = status;
      response.setHeader('x-request-id', 'r1').setHeader('content-type', 'application/json');
      response.end(`{"errorCode":"E1","token":"sesame-open-up"}`);
    });
    const failure = await failed(open({ baseUrl: url }).fetch(get(url)));
    expect(failure).toMatchObject({ kind, details: { evidence: { status, requestId: 'r1', vendorCode: 'E1' } } });
    expect(JSON.stringify(failure.details) + failure.message).not.toContain('sesame');
    expect(governor.calls.map(({ settled }) => settled)).toEqual([1]);
  });

  it('takes an accepted status as an answer', async () => {
    const url = await serve((_, response) => response.writeHead(404).end());
    expect((await open({ baseUrl: url }).fetch({ ...get(url), accept: [404] })).status).toBe(404);
  });

  it('tells the governor and the caller how long a throttle lasts', async () => {
    const url = await serve((_, response) => response.writeHead(429, { 'retry-after': '7' }).end());
    const failure = await failed(open({ baseUrl: url }).fetch(get(url)));
    expect(failure.details).toMatchObject({ retryAfterMs: 7000, bucket: 'acme/all' });
    expect(governor.calls[0]!.reading).toMatchObject({ throttledForMs: 7000 });
    // Whose it is the app did not say.
    expect(governor.calls[0]!.reading!.bucket).toBeUndefined();
  });

  it('tells the governor which quota the app named', async () => {
    const url = await serve((_, response) => response.writeHead(403).end());
    const named = new Failure('throttled', 'the day is spent', { bucket: 'acme/day', retryAfterMs: 9_000 });
    await failed(open({ baseUrl: url }, { classify: () => named }).fetch(get(url)));
    expect(governor.calls[0]!.reading).toMatchObject({ throttledForMs: 9_000, bucket: 'acme/day' });
  });

  it('tells the governor an answer without figures from no answer', async () => {
    const url = await serve((_, response) => response.end('{}'));
    await open({ baseUrl: url }).fetch(get(url));
    const deaf = await serve((request) => request.socket.destroy());
    await failed(open({ baseUrl: deaf }).fetch(get(deaf)));
    expect(governor.calls.map(({ reading }) => reading)).toEqual([{}, undefined]);
  });

  it('uses the configured wait for a bare throttle', async () => {
    const url = await serve((_, response) => response.writeHead(429).end());
    const failure = await failed(open({ baseUrl: url }, {}, { times: { bareThrottleMs: 30 } }).fetch(get(url)));
    expect(failure.details.retryAfterMs).toBe(30);
  });

  it('is unavailable when torn, reset, refused, late, too long, HTML or mis-shaped', async () => {
    const kinds: string[] = [];
    const handlers: Handler[] = [
      (_, response) => response.writeHead(200, { 'content-length': '100' }).write('{"id":', () => response.destroy()),
      (request) => request.socket.destroy(),
      () => undefined,
      (_, response) => response.end('x'.repeat(2000)),
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>maintenance</html>'),
      (_, response) => response.writeHead(403, { 'content-type': 'text/html' }).end('<html>blocked</html>'),
      (_, response) => response.end('{"id":7}'),
      (_, response) => response.end('{"id":"a"'),
    ];
    for (const handler of handlers) {
      const url = await serve(handler);
      const session = open({ baseUrl: url }, {}, { times: { timeoutMs: 150 } });
      const failure = await failed(
        session.fetch({ ...get(url), maxBytes: 1000 }).then((answer) => answer.json(z.object({ id: z.string() }))),
      );
      kinds.push(failure.kind);
    }
    const closed = await failed(open({ baseUrl: 'http://127.0.0.1:1' }).fetch(get('http://127.0.0.1:1/')));
    expect([...kinds, closed.kind]).toEqual(Array(handlers.length + 1).fill('unavailable'));
    expect(governor.calls.map(({ settled }) => settled)).toEqual(Array(handlers.length + 1).fill(1));
  });

  it('is aborted with its session, and settles', async () => {
    const controller = new AbortController();
    const url = await serve(() => controller.abort());
    const error = await failed(open({ baseUrl: url }, {}, { signal: controller.signal }).fetch(get(url)));
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(governor.calls).toMatchObject([{ settled: 1 }]);
  });
});

it('a call that is not permitted any more once it has its permit is not sent, and settles', async () => {
  let requests = 0;
  const baseUrl = await serve((_request, response) => {
    requests += 1;
    response.end('{}');
  });
  const over = new Error('over');
  const permitted = () => {
    if (governor.calls.length > 0) throw over;
  };
  const session = open({ baseUrl }, {}, { permitted });
  expect(await failed(session.fetch(get(`${baseUrl}/things`)))).toBe(over);
  expect([requests, governor.calls.map(({ settled }) => settled)]).toEqual([0, [1]]);
});

describe('origins', () => {
  it('are checked before anything is sent or asked of a quota', async () => {
    let reached = 0;
    const elsewhere = await serve((_, response) => response.end(String(++reached)));
    const url = await serve((_, response) => response.end('{}'));
    const failure = await failed(open({ baseUrl: url }).fetch(get(elsewhere)));
    expect(failure.kind).toBe('invalid');
    expect([reached, governor.calls.length]).toEqual([0, 0]);
  });

  it('pin the links of an answer, in one header or several', async () => {
    const url = await serve((request, response) => {
      const next = request.url === '/bad' ? 'http://127.0.0.1:1/x' : '/p?after=2';
      response.setHeader(
        'link',
        request.url === '/one'
          ? `</p>; rel="self", <${next}>; rel="next"`
          : ['</p>; rel="self"', `<${next}>; rel="next"`],
      );
      response.end('[]');
    });
    const session = open({ baseUrl: url });
    for (const path of ['/one', '/two'])
      expect((await session.fetch(get(url + path))).link('next')).toBe(`${url}/p?after=2`);
    const bad = await session.fetch(get(`${url}/bad`));
    expect(() => bad.link('next')).toThrow(/another origin/);
    expect(bad.link('last')).toBeUndefined();
  });

  it('refuse redirects but to a download host, which gets no credential', async () => {
    const seen: (string | undefined)[] = [];
    const files = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('content');
    });
    const other = await serve((request, response) => {
      seen.push(`leaked ${request.headers.authorization}`);
      response.end();
    });
    const url = await serve((request, response) =>
      response.writeHead(302, { location: request.url === '/file' ? files : other }).end(),
    );
    const session = open({ baseUrl: url, files });
    expect((await session.fetch(get(`${url}/file`))).text()).toBe('content');
    expect(await failed(session.fetch(get(`${url}/other`)))).toMatchObject({ kind: 'unavailable' });
    expect(await failed(session.fetch(get(files)))).toMatchObject({ kind: 'invalid' });
    expect(seen).toEqual([undefined]);
  });

  it('must be https and public unless the process allows local ones', () => {
    expect(() => open({ baseUrl: 'http://127.0.0.1:9001' }, {}, { allowLocalOrigins: false })).toThrow(
      expect.objectContaining({ kind: 'invalid', details: expect.objectContaining({ field: 'settings.baseUrl' }) }),
    );
  });
});

describe('credentials', () => {
  it('are minted once for many callers, again after forget, and per credential version', async () => {
    let minted = 0;
    const url = await serve((request, response) => {
      if (request.url === '/token') return void response.end(`{"t":"minted-${++minted}"}`);
      response.end(JSON.stringify({ id: request.headers.authorization }));
    });
    let forget = () => {};
    const connectorSpec: Partial<Spec> = {
      authorize: async (request, { tokens, fetch, now }) => {
        forget = () => tokens.forget('access');
        request.headers.authorization = await tokens.get('access', async () => {
          const answer = await fetch({ method: 'POST', url: `${url}/token`, operation: 'POST /token' });
          const expiresAt = new Date(now().getTime() + 3_600_000);
          return { value: answer.json(z.object({ t: z.string() })).t, expiresAt };
        });
      },
    };
    const session = open({ baseUrl: url }, connectorSpec);
    const id = async () => (await session.fetch(get(`${url}/x`))).json(z.object({ id: z.string() })).id;
    expect(new Set(await Promise.all([id(), id(), id()]))).toEqual(new Set(['minted-1']));
    forget();
    expect(await id()).toBe('minted-2');
  });

  it('that are challenged are repaired at most twice, each a governed call', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      if (request.headers.authorization !== 'try 2') response.statusCode = 401;
      response.end('{}');
    });
    let tries = 0;
    const authorize: Spec['authorize'] = (request) => void (request.headers.authorization = `try ${tries}`);
    await open({ baseUrl: url }, { authorize, challenged: () => ++tries > 0 }).fetch(get(url));
    expect([asked, governor.calls.length]).toEqual([3, 3]);
    tries = 10;
    const failure = await failed(open({ baseUrl: url }, { authorize, challenged: () => true }).fetch(get(url)));
    expect([failure.kind, asked]).toEqual(['unauthorized', 6]);
  });

  it('are signed by the clock of the origin', async () => {
    const url = await serve((_, response) => response.setHeader('date', 'Sat, 02 May 2026 10:00:00 GMT').end('{}'));
    const session = open({ baseUrl: url }, {}, { now: () => new Date('2026-05-02T09:00:00Z') });
    expect(session.now().toISOString()).toBe('2026-05-02T09:00:00.000Z');
    await session.fetch(get(url));
    expect(session.now().toISOString()).toBe('2026-05-02T10:00:00.000Z');
  });
});
