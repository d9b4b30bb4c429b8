import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Origins, OutgoingRequest } from '../authorization.ts';
import type { Answer, Call, Download } from '../call.ts';
import type { CallEvent } from '../call.ts';
import type { Charge, Governor, Permit, QuotaReading, Urgency } from '../quota.ts';
import { createAnswer, evidenceOf, type ReceivedAnswer } from './answer.ts';
import { prepareExchange, readWhole, refusal, unavailable, type Exchange, type Opened } from './exchange.ts';
import { classify, Failure } from './failures.ts';
import { matchesAnyOrigin, originProblem } from './origins.ts';
import { quotaReading, retryAfter, statedRetryAfter, type Headers } from './retry-after.ts';

/** All that a call needs to know of its session. */
export interface FetchContext {
  origins: Origins;
  allowLocalOrigins: boolean;
  dispatcher: Dispatcher;
  governor: Governor;
  connectionId: string;
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
  /** Throws where the call must not be sent any more. */
  permitted(): void;
  observe(event: CallEvent): void;
}

const maxChallenges = 2;
const maxRedirects = 3;
const defaultMaxBytes = 10 * 1024 * 1024;

/** One call of a connector: governed, pinned, authorized, limited and classified. */
export const governedFetch = (call: Call, context: FetchContext): Promise<Answer> => follow(call, context, fetchOnce);

/** The same for a body that is not held: a 2xx answer comes with its bytes still to flow. */
export const governedDownload = (call: Call, context: FetchContext): Promise<Download> =>
  follow(call, context, downloadOnce);

async function follow<A>(
  call: Call,
  context: FetchContext,
  once: (call: Call, url: URL, context: FetchContext) => Promise<Outcome<A>>,
): Promise<A> {
  let current = call;
  let challenges = 0;
  let redirects = 0;
  for (;;) {
    const url = allowedUrl(current, context, redirects > 0);
    const outcome = await once(current, url, context);
    if ('answer' in outcome) return outcome.answer;
    if ('redirect' in outcome) {
      if (++redirects > maxRedirects) throw refusal(current, 'was redirected too often');
      const { redirect } = outcome;
      const headers = { ...call.redirectHeaders };
      current = { ...current, url: redirect, method: 'GET', body: undefined, headers, anonymous: true };
      continue;
    }
    if (!current.anonymous && challenges++ < maxChallenges && (await context.challenged(outcome.refused))) continue;
    throw outcome.failure;
  }
}

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

/** `bucket` is the quota that the vendor named. */
type Outcome<A> = { answer: A } | { redirect: URL } | { failure: Failure; refused: Answer; bucket?: string };

async function fetchOnce(call: Call, url: URL, context: FetchContext): Promise<Outcome<Answer>> {
  const attempt = await begin(call, url, context);
  const timeoutMs = call.timeoutMs ?? context.timeoutMs;
  const exchange = prepareExchange(call, attempt.outgoing, context, AbortSignal.timeout(timeoutMs), timeoutMs);
  try {
    const opened = await exchange.open();
    return attempt.judge(await readWhole(opened, call.maxBytes ?? defaultMaxBytes));
  } catch (error) {
    throw attempt.failed(exchange.failureOf(error));
  } finally {
    await attempt.end();
  }
}

/** Its permit is settled, and its trace written, when the stream is closed. */
async function downloadOnce(call: Call, url: URL, context: FetchContext): Promise<Outcome<Download>> {
  const attempt = await begin(call, url, context);
  const timeoutMs = call.timeoutMs ?? context.timeoutMs;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const exchange = prepareExchange(call, attempt.outgoing, context, late.signal, timeoutMs);
  let flowing = false;
  try {
    const opened = await exchange.open();
    const good = opened.status >= 200 && opened.status < 300;
    // Of a good answer nothing is read before somebody wants it, so it is judged by its head.
    const whole = good ? { ...opened, bytes: new Uint8Array() } : await readWhole(opened, defaultMaxBytes);
    const outcome = attempt.judge(whole);
    if (!good || !('answer' in outcome)) {
      opened.body.on('error', () => undefined).destroy();
      if ('answer' in outcome) throw unavailable(call, `answered ${opened.status} without content`);
      return outcome;
    }
    flowing = true;
    const { status, headers, header } = outcome.answer;
    return { answer: { status, headers, header, stream: flow(call, opened, exchange, attempt) } };
  } catch (error) {
    throw attempt.failed(exchange.failureOf(error));
  } finally {
    clearTimeout(timer);
    if (!flowing) await attempt.end();
  }
}

function flow(call: Call, { body }: Opened, exchange: Exchange, attempt: Attempt): Readable {
  const maxBytes = call.maxBytes ?? defaultMaxBytes;
  async function* pieces() {
    let size = 0;
    try {
      for await (const piece of body as AsyncIterable<Uint8Array>) {
        size += piece.length;
        if (size > maxBytes) throw refusal(call, `answered more than ${maxBytes} bytes`);
        yield piece;
      }
    } catch (error) {
      throw attempt.failed(exchange.failureOf(error));
    }
  }
  // A body that is destroyed before anybody reads it says so by an error that nobody waits for.
  body.on('error', () => undefined);
  return Readable.from(pieces(), { objectMode: false }).once('close', () => {
    body.destroy();
    void attempt.end();
  });
}

interface Attempt {
  outgoing: OutgoingRequest;
  judge(received: ReceivedAnswer): Outcome<Answer>;
  failed(error: unknown): unknown;
  /** Once, whatever came of it. */
  end(): Promise<void>;
}

async function begin(call: Call, url: URL, context: FetchContext): Promise<Attempt> {
  context.signal.throwIfAborted();
  // Authorized first: it may mint a token, which is a governed call of its own, and must not hold this one's permit.
  const outgoing: OutgoingRequest = { method: call.method.toUpperCase(), url, ...encode(call) };
  if (!call.anonymous) await context.authorize(outgoing);
  const charges = context.quotas(call);
  const permit: Permit = await context.governor.acquire(charges, context.urgency, context.signal, context.connectionId);
  try {
    context.permitted();
  } catch (error) {
    await permit.settle();
    throw error;
  }
  const startedAt = performance.now();
  let reading: QuotaReading | undefined;
  const event: Pick<CallEvent, 'status' | 'failure'> = {};
  return {
    outgoing,
    judge(received) {
      event.status = received.status;
      const at = dateOf(received.headers);
      if (at) context.heard(url.origin, at);
      reading = quotaReading(received.headers, at ?? new Date()) ?? {};
      const outcome = judge(call, received, charges, at ?? new Date(), context);
      if ('failure' in outcome) {
        event.failure = outcome.failure.kind;
        const { kind, details } = outcome.failure;
        if (kind === 'throttled')
          reading = { ...reading, throttledForMs: details.retryAfterMs, bucket: outcome.bucket };
      }
      return outcome;
    },
    failed(error) {
      event.failure = error instanceof Failure ? error.kind : 'aborted';
      return error;
    },
    async end() {
      await permit.settle(reading);
      context.observe({ operation: call.operation, ms: performance.now() - startedAt, ...event });
    },
  };
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
): Outcome<Answer> {
  const secrets = context.secrets();
  const answer = createAnswer(received, context.origins.api, secrets);
  const { status, headers } = received;
  const special = context.classify(answer, call);
  if (special) {
    const { bucket } = special.details;
    return { failure: complete(special, received, charges, at, context), refused: answer, bucket };
  }
  const contentType = headers.get('content-type')?.[0];
  const kind = classify({ status, contentType, retryAfter: headers.has('retry-after') });
  // Who takes a refusal for an answer does not mean one for speed.
  const accepted = call.accept?.includes(status) && kind !== 'throttled';
  if ((status >= 200 && status < 300) || accepted) return { answer };
  const location = headers.get('location')?.[0];
  if ([301, 302, 303, 307, 308].includes(status) && call.method === 'GET' && location !== undefined) {
    const target = URL.canParse(location, received.url.href) ? new URL(location, received.url) : undefined;
    if (target && matchesAnyOrigin(context.origins.download ?? [], target)) return { redirect: target };
  }
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
