import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { request as send, type Dispatcher } from 'undici';
import { listen, readBody } from '../kit/http-server.ts';
import { AwsRefusal, createEventHistory } from './event-history.ts';
import { operationOf, type Asked } from './operation.ts';
import { encodeTrusts, indexOf, pageBuckets, pageIam } from './xml-pages.ts';

export interface Fault {
  /** `ListUsers`, or `*` for every operation of the service. */
  operation: string;
  service?: string;
  /** `throttle`: in the service's own words. `torn`: half of the body. `html`: a proxy's page with status 502. */
  kind: 'throttle' | 'denied' | 'error' | 'torn' | 'html' | 'delay';
  ms?: number;
  /** How many calls it meets; 1 unless told. */
  times?: number;
}

export interface AwsFrontOptions {
  /** Where moto listens. */
  moto: string;
  port?: number;
  /** Members a page of the lists that moto never cuts. */
  pageSize?: number;
  /** Calls of LookupEvents a second and Region. */
  lookupPerSecond?: number;
  now?: () => number;
  /** Whoever commands must send it as `x-control-token`. */
  controlToken?: string;
}

/** What the control interface offers: `POST /_control/<name>` with the argument as JSON. */
export interface AwsControl {
  fault(fault: Fault): void;
  clearFaults(): void;
  pages(size: number): void;
  lookupRate(perSecond: number): void;
  addEvents(more: { region: string; events: Record<string, unknown>[] }): void;
  forgetTokens(): void;
  /** Calls by `service:operation` since the last reset, faults included. */
  counts(): Record<string, number>;
  resetCounts(): void;
}

const pagedLists: Record<string, readonly string[]> = {
  ListUsers: ['Users'],
  ListGroups: ['Groups'],
  GetAccountAuthorizationDetails: ['UserDetailList', 'GroupDetailList', 'RoleDetailList', 'Policies'],
};
const bodyCap = 64 * 1024 * 1024;

interface Given {
  status: number;
  headers: Record<string, string | string[]>;
  body: Buffer;
}

/** An error in the words of the service's protocol. */
function refusal({ service }: Asked, status: number, code: string, message: string): Given {
  if (service === 'cloudtrail' || service === 'sqs')
    return {
      status,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: Buffer.from(JSON.stringify({ __type: code, message })),
    };
  const error = `<Code>${code}</Code><Message>${message}</Message>`;
  const text =
    service === 's3'
      ? `<?xml version="1.0" encoding="UTF-8"?><Error>${error}<RequestId>R1</RequestId></Error>`
      : `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>R1</RequestId></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml' }, body: Buffer.from(text) };
}

function throttle(asked: Asked): Given {
  if (asked.service === 's3') return refusal(asked, 503, 'SlowDown', 'Please reduce your request rate.');
  const json = asked.service === 'cloudtrail' || asked.service === 'sqs';
  return refusal(asked, 400, json ? 'ThrottlingException' : 'Throttling', 'Rate exceeded');
}

const hop = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'expect']);

/** A server before moto that adds what moto lacks and passes on all else. */
export async function startAwsFront(options: AwsFrontOptions) {
  const now = options.now ?? Date.now;
  let pageSize = options.pageSize ?? 100;
  let lookupPerSecond = options.lookupPerSecond ?? 2;
  let faults: (Fault & { left: number })[] = [];
  let counts: Record<string, number> = {};
  const history = createEventHistory(now, () => lookupPerSecond);
  const failures: unknown[] = [];
  let reportAt = 0;

  const control: AwsControl = {
    fault: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    clearFaults: () => void (faults = []),
    pages: (size) => void (pageSize = size),
    lookupRate: (perSecond) => void (lookupPerSecond = perSecond),
    addEvents: ({ region, events }) => history.add(region, events),
    forgetTokens: () => history.forgetTokens(),
    counts: () => ({ ...counts }),
    resetCounts: () => void (counts = {}),
  };

  async function forward(request: IncomingMessage, path: string, body: Buffer): Promise<Given> {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined && !hop.has(name)) headers[name] = value;
    const answer = await send(`${options.moto}${path}`, {
      method: request.method as Dispatcher.HttpMethod,
      headers,
      body: body.length > 0 ? body : undefined,
    });
    const received: Given['headers'] = {};
    for (const [name, value] of Object.entries(answer.headers))
      if (value !== undefined && (!hop.has(name) || (name === 'content-length' && request.method === 'HEAD')))
        received[name] = value;
    return { status: answer.statusCode, headers: received, body: Buffer.from(await answer.body.arrayBuffer()) };
  }

  async function answer(request: IncomingMessage, url: URL, asked: Asked, body: Buffer): Promise<Given> {
    if (asked.operation === 'LookupEvents') {
      try {
        const found = history.lookup(asked.region, JSON.parse(body.toString('utf8') || '{}') as object);
        return {
          status: 200,
          headers: { 'content-type': 'application/x-amz-json-1.1' },
          body: Buffer.from(JSON.stringify(found)),
        };
      } catch (error) {
        if (error instanceof AwsRefusal) return refusal(asked, 400, error.code, error.message);
        throw error;
      }
    }
    const given = await forward(request, request.url ?? '/', body);
    if (given.status !== 200 || request.method === 'HEAD') return given;
    // moto's report is always of 2015.
    if (asked.operation === 'GenerateCredentialReport') reportAt = now();
    if (asked.operation === 'GetCredentialReport')
      given.body = Buffer.from(
        given.body
          .toString('utf8')
          .replace(/<GeneratedTime>[^<]*/, () => `<GeneratedTime>${new Date(reportAt).toISOString()}`),
      );
    const lists = asked.service === 'iam' ? pagedLists[asked.operation] : undefined;
    if (lists) {
      const form = new URLSearchParams(body.toString('utf8'));
      const start = indexOf(form.get('Marker'));
      if (start === undefined) return refusal(asked, 400, 'ValidationError', 'Invalid Marker.');
      const size = Math.min(pageSize, Number(form.get('MaxItems') ?? 100));
      given.body = Buffer.from(pageIam(given.body.toString('utf8'), asked.operation, lists, start, size));
    }
    if (asked.operation === 'ListBuckets') {
      const start = indexOf(url.searchParams.get('continuation-token'));
      if (start === undefined) return refusal(asked, 400, 'InvalidArgument', 'The continuation token is incorrect');
      const size = Math.min(pageSize, Number(url.searchParams.get('max-buckets') ?? 10_000));
      given.body = Buffer.from(pageBuckets(given.body.toString('utf8'), start, size));
    }
    if (asked.service === 'iam' && /AssumeRolePolicyDocument/.test(given.body.toString('latin1')))
      given.body = Buffer.from(encodeTrusts(given.body.toString('utf8')));
    return given;
  }

  async function command(request: IncomingMessage, response: ServerResponse, name: string, body: Buffer) {
    const reply = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (options.controlToken !== undefined && request.headers['x-control-token'] !== options.controlToken)
      return reply(401, { error: 'the control token is missing or wrong' });
    const method = Object.hasOwn(control, name) ? control[name as keyof AwsControl] : undefined;
    if (!method) return reply(404, { error: `no control ${name}` });
    const argument = body.length > 0 ? (JSON.parse(body.toString('utf8')) as never) : (undefined as never);
    reply(200, { result: method(argument) ?? null });
  }

  const listening = await listen(
    async (request, response) => {
      const url = new URL(request.url ?? '/', 'http://front');
      const body = await readBody(request, bodyCap);
      if (!body) return void response.writeHead(413).end();
      if (url.pathname.startsWith('/_control/')) return command(request, response, url.pathname.slice(10), body);
      const asked = operationOf(request.method ?? 'GET', url, request.headers, body);
      const counted = `${asked.service}:${asked.operation}`;
      counts[counted] = (counts[counted] ?? 0) + 1;
      const fault = faults.find(
        ({ operation, service, left }) =>
          left > 0 && (operation === '*' || operation === asked.operation) && (!service || service === asked.service),
      );
      if (fault) fault.left--;
      if (fault?.kind === 'delay') await wait(fault.ms ?? 0);
      let given: Given;
      if (fault?.kind === 'throttle') given = throttle(asked);
      else if (fault?.kind === 'denied')
        given = refusal(
          asked,
          asked.service === 'cloudtrail' || asked.service === 'sqs' ? 400 : 403,
          asked.service === 'cloudtrail' || asked.service === 'sqs' ? 'AccessDeniedException' : 'AccessDenied',
          `User: arn:aws:iam::123456789012:user/castellan is not authorized to perform: ${asked.service}:${asked.operation} because no identity-based policy allows the ${asked.service}:${asked.operation} action`,
        );
      else if (fault?.kind === 'error')
        given = refusal(asked, 500, 'InternalFailure', 'We encountered an internal error.');
      else if (fault?.kind === 'html')
        given = {
          status: 502,
          headers: { 'content-type': 'text/html' },
          body: Buffer.from('<html>Bad gateway</html>'),
        };
      else given = await answer(request, url, asked, body);
      if (fault?.kind === 'torn') {
        response.writeHead(given.status, { ...given.headers, 'content-length': given.body.length });
        response.write(given.body.subarray(0, Math.floor(given.body.length / 2)), () => response.destroy());
        return;
      }
      response.writeHead(given.status, given.headers);
      response.end(given.body);
    },
    (error) => failures.push(error),
    { port: options.port },
  );
  return { ...listening, control, failures };
}
