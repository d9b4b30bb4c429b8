import { request as send, type Dispatcher } from 'undici';
import type { Origins, OutgoingRequest } from '../authorization.ts';
import type { Answer, Call, CallEvent } from '../connector.ts';
import type { Charge, Governor, QuotaReading, Urgency } from '../quota.ts';
import { createAnswer, evidenceOf, type ReceivedAnswer } from './answer.ts';
import { classify, Failure } from './failures.ts';
import { matchesAnyOrigin, originProblem } from './origins.ts';
import { quotaReading, retryAfter, statedRetryAfter, type Headers } from './retry-after.ts';
import { unreachable } from './unreachable.ts';

/** All that a call needs to know of its session. */
export interface FetchContext {
  origins: Origins;
  allowLocalOrigins: boolean;
  dispatcher: Dispatcher;
  governor: Governor;
  urgency: Urgency;
  signal: AbortSignal;
  bareThrottleMs: number;
  timeoutMs: number;
  quotas(call: Call): Charge[];
  authorize(request: OutgoingRequest): Promise<void> | void;
  challenged(answer: Answer): Promise<boolean> | boolean;
  classify(answer: Answer, call: Call): Failure | undefined;
  /** What must not be shown in evidence. */
  secrets(): string[];
  /** Told of each `Date` header, with our own time of the arrival. */
  heard(origin: string, date: Date): void;
  observe(event: CallEvent): void;
}

const maxChallenges = 2;
const maxRedirects = 3;
const defaultMaxBytes = 10 * 1024 * 1024;

/** One call of a connector: governed, pinned, authorized, limited and classified. */
export async function governedFetch(call: Call, context: FetchContext): Promise<Answer> {
  let current = call;
  let challenges = 0;
  let redirects = 0;
  for (;;) {
    const url = allowedUrl(current, context, redirects > 0);
    const outcome = await attempt(current, url, context);
    if ('answer' in outcome) return outcome.answer;
    if ('redirect' in outcome) {
      if (++redirects > maxRedirects) throw refusal(current, 'was redirected too often');
      current = { ...current, url: outcome.redirect, method: 'GET', body: undefined, headers: {}, anonymous: true };
      continue;
    }
    if (!current.anonymous && challenges++ < maxChallenges && (await context.challenged(outcome.refused))) continue;
    throw outcome.failure;
  }
}

const refusal = (call: Call, why: string) => new Failure('invalid', `${call.operation} ${why}`, { who: 'operator' });

function allowedUrl(call: Call, context: FetchContext, redirected: boolean): URL {
  let url: URL;
  try {
    url = new URL(String(call.url));
  } catch {
    throw refusal(call, 'has an address that cannot be read');
  }
  const download = matchesAnyOrigin(context.origins.download ?? [], url);
  const api = matchesAnyOrigin(context.origins.api, url);
  if (redirected ? !download : !api && !(download && call.anonymous))
    throw refusal(call, `would go to ${url.host}, which is not an origin of this connection`);
  const problem = originProblem(url, context.allowLocalOrigins);
  if (problem) throw refusal(call, `is refused: ${problem}`);
  return url;
}

function encode(call: Call): Pick<OutgoingRequest, 'headers' | 'body'> {
  const headers = Object.fromEntries(
    Object.entries(call.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { body } = call;
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return { headers, body };
  const form = body instanceof URLSearchParams;
  headers['content-type'] ??= form ? 'application/x-www-form-urlencoded' : 'application/json';
  return { headers, body: form ? body.toString() : JSON.stringify(body) };
}

type Outcome = { answer: Answer } | { redirect: URL } | { failure: Failure; refused: Answer };

async function attempt(call: Call, url: URL, context: FetchContext): Promise<Outcome> {
  context.signal.throwIfAborted();
  // Authorized first: it may mint a token, which is a governed call of its own, and must not hold this one's permit.
  const outgoing: OutgoingRequest = { method: call.method.toUpperCase(), url, ...encode(call) };
  if (!call.anonymous) await context.authorize(outgoing);
  const charges = context.quotas(call);
  const permit = await context.governor.acquire(charges, context.urgency, context.signal);
  const startedAt = performance.now();
  let reading: QuotaReading | undefined;
  let event: Pick<CallEvent, 'status' | 'failure'> = {};
  try {
    const received = await exchange(call, outgoing, context);
    event = { status: received.status };
    const at = dateOf(received.headers);
    if (at) context.heard(url.origin, at);
    reading = quotaReading(received.headers, at ?? new Date());
    const outcome = judge(call, received, charges, at ?? new Date(), context);
    if ('failure' in outcome) {
      event.failure = outcome.failure.kind;
      const { kind, details } = outcome.failure;
      if (kind === 'throttled') reading = { ...reading, throttledForMs: details.retryAfterMs };
    }
    return outcome;
  } catch (error) {
    event.failure = error instanceof Failure ? error.kind : 'aborted';
    throw error;
  } finally {
    await permit.settle(reading);
    context.observe({ operation: call.operation, ms: performance.now() - startedAt, ...event });
  }
}

function dateOf(headers: Headers): Date | undefined {
  const date = new Date(headers.get('date')?.[0] ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function judge(
  call: Call,
  received: ReceivedAnswer,
  charges: readonly Charge[],
  at: Date,
  context: FetchContext,
): Outcome {
  const secrets = context.secrets();
  const answer = createAnswer(received, context.origins.api, secrets);
  const { status, headers } = received;
  const special = context.classify(answer, call);
  if (special) return { failure: complete(special, received, charges, at, context), refused: answer };
  if ((status >= 200 && status < 300) || call.accept?.includes(status)) return { answer };
  const location = headers.get('location')?.[0];
  if ([301, 302, 303, 307, 308].includes(status) && call.method === 'GET' && location !== undefined) {
    const target = URL.canParse(location, received.url.href) ? new URL(location, received.url) : undefined;
    if (target && matchesAnyOrigin(context.origins.download ?? [], target)) return { redirect: target };
  }
  const kind = classify({ status, contentType: headers.get('content-type')?.[0] });
  const evidence = evidenceOf(received, secrets);
  const code = evidence.vendorCode ? ` (${evidence.vendorCode})` : '';
  const failure = new Failure(kind, `${call.operation} answered ${status}${code}`, { evidence });
  return { failure: complete(failure, received, charges, at, context), refused: answer };
}

/** Adds what only the answer knows: evidence, how long to wait and on whose quota. */
function complete(
  failure: Failure,
  received: ReceivedAnswer,
  charges: readonly Charge[],
  at: Date,
  context: FetchContext,
): Failure {
  const details = { ...failure.details };
  details.evidence ??= evidenceOf(received, context.secrets());
  if (failure.kind === 'throttled') {
    details.retryAfterMs ??= retryAfter(received.headers, at, context.bareThrottleMs);
    details.bucket ??= charges[0]?.bucket;
  } else if (failure.kind === 'unavailable' && received.headers.has('retry-after')) {
    details.retryAfterMs ??= statedRetryAfter(received.headers, at);
  }
  return new Failure(failure.kind, failure.message, details, { cause: failure.cause });
}

/** Sends and reads the whole answer; what goes wrong on the way is `unavailable`, an abort by the session stays one. */
async function exchange(call: Call, outgoing: OutgoingRequest, context: FetchContext): Promise<ReceivedAnswer> {
  const timeoutMs = call.timeoutMs ?? context.timeoutMs;
  const timeout = AbortSignal.timeout(timeoutMs);
  const maxBytes = call.maxBytes ?? defaultMaxBytes;
  const unavailable = (why: string, code?: string) =>
    new Failure('unavailable', `${call.operation} ${why}`, {
      who: 'vendor',
      evidence: { operation: call.operation, vendorCode: code },
    });
  try {
    const response = await send(outgoing.url, {
      method: outgoing.method as Dispatcher.HttpMethod,
      headers: { accept: 'application/json', 'user-agent': 'castellan', ...outgoing.headers },
      body: outgoing.body,
      dispatcher: context.dispatcher,
      signal: AbortSignal.any([context.signal, timeout]),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      // Leaving the loop destroys the body and its connection.
      if (size > maxBytes) throw unavailable(`answered more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const headers = new Map<string, readonly string[]>();
    for (const [name, value] of Object.entries(response.headers))
      if (value !== undefined) headers.set(name.toLowerCase(), Array.isArray(value) ? value : [value]);
    const bytes = Buffer.concat(chunks, size);
    return { operation: call.operation, url: outgoing.url, status: response.statusCode, headers, bytes };
  } catch (error) {
    if (error instanceof Failure) throw error;
    context.signal.throwIfAborted();
    if (timeout.aborted) throw unavailable(`did not answer within ${timeoutMs} ms`, 'timeout');
    const code = (error as { code?: string }).code ?? (error as Error).name;
    if (code === 'ENOTPUBLIC') throw refusal(call, 'is refused: its address is not on the public internet');
    throw unreachable(call.operation, new URL(outgoing.url).hostname, code);
  }
}
