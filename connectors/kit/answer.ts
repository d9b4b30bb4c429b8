import type { Answer } from '../call.ts';
import { Failure, type Evidence } from './failures.ts';
import { matchesAnyOrigin } from './origins.ts';
import { redact } from './redact.ts';
import type { Headers } from './retry-after.ts';

export interface ReceivedAnswer {
  operation: string;
  /** Where it came from: relative links are read against it. */
  url: URL;
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

const requestIdHeaders = [
  'x-okta-request-id',
  'x-amzn-requestid',
  'x-amz-request-id',
  'request-id',
  'x-request-id',
  'box-request-id',
];

/** The vendor's own error code, wherever the usual shapes keep it. */
function vendorCode(text: string): string | undefined {
  const found =
    /"(?:errorCode|code|error|__type)"\s*:\s*"?([\w.:#-]{1,80})/.exec(text) ??
    /<Code>([\w.-]{1,80})<\/Code>/.exec(text);
  return found?.[1];
}

/** What may be shown of an answer: the first 200 bytes, redacted before they are cut. */
export function evidenceOf(answer: ReceivedAnswer, secrets: readonly string[]): Evidence {
  const first = (name: string) => answer.headers.get(name)?.[0];
  // Some more is decoded than is shown, so that a secret across the cut is seen whole.
  const text = new TextDecoder().decode(answer.bytes.subarray(0, 16_384));
  const requestId = requestIdHeaders.map(first).find((value) => value !== undefined);
  return {
    operation: answer.operation,
    status: answer.status,
    contentType: first('content-type'),
    excerpt: redact(text, secrets).slice(0, 200),
    requestId: requestId?.slice(0, 100),
    vendorCode: vendorCode(text),
  };
}

/** `rel → address` of all Link headers, both one header a link and several in one. */
function linksOf(headers: Headers): Map<string, string> {
  const links = new Map<string, string>();
  for (const line of headers.get('link') ?? [])
    for (const [, target, parameters] of line.matchAll(/<([^>]*)>([^<]*)/g))
      for (const rel of /;\s*rel="?([^";,]+)"?/i.exec(parameters!)?.[1]?.trim().split(/\s+/) ?? [])
        if (!links.has(rel)) links.set(rel, target!);
  return links;
}

/** An `Answer` over what was received; its links may only lead to `origins`. */
export function createAnswer(received: ReceivedAnswer, origins: readonly string[], secrets: readonly string[]): Answer {
  const { status, headers, bytes, operation } = received;
  const misshaped = (what: string, cause?: unknown) =>
    new Failure(
      'unavailable',
      `${operation}: the answer ${what}`,
      { who: 'vendor', evidence: evidenceOf(received, secrets) },
      { cause },
    );
  const text = () => new TextDecoder().decode(bytes);
  return {
    status,
    headers,
    bytes,
    text,
    header: (name) => headers.get(name.toLowerCase())?.[0],
    json(schema) {
      let value: unknown;
      try {
        value = JSON.parse(text());
      } catch {
        const type = headers.get('content-type')?.[0] ?? 'no content type';
        // The parser's message quotes the body, so it is not kept as the cause.
        throw misshaped(`is not JSON (${type}, ${bytes.length} bytes)`);
      }
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      const issue = parsed.error.issues[0];
      throw misshaped(`has an unexpected shape at ${issue?.path.join('.') || 'the top'}: ${issue?.code ?? 'unknown'}`);
    },
    link(rel) {
      const target = linksOf(headers).get(rel);
      if (target === undefined) return undefined;
      let url: URL;
      try {
        url = new URL(target, received.url);
      } catch {
        throw misshaped(`has a ${rel} link that is not an address`);
      }
      if (url.username || url.password || !matchesAnyOrigin(origins, url))
        throw misshaped(`has a ${rel} link to another origin, ${redact(url.host, secrets)}, which is refused`);
      return url.href;
    },
  };
}
