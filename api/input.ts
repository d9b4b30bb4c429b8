import type { Request } from 'express';
import { z } from 'zod';
import { HttpProblem, pointerOf, type FieldError } from './problems.ts';

type Issue = z.core.$ZodIssue;

/** Flattens zod's issues to one error a field. Of a union the alternative that came furthest, the field really wrong. */
function* fieldErrors(
  issue: Issue,
  prefix: readonly PropertyKey[],
): Generator<{ path: PropertyKey[]; detail: string }> {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) yield { path: [...path, key], detail: 'this field is not known' };
    return;
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const [best] = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length);
    for (const inner of best!) yield* fieldErrors(inner, path);
    return;
  }
  yield { path, detail: issue.message };
}

const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map(({ path }) => path.length));

/** Parses a part of a body; the problem lists every wrong field with its pointer and never the value sent. */
export function parseBody<T extends z.ZodType>(
  schema: T,
  value: unknown,
  at: readonly PropertyKey[] = [],
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors: FieldError[] = parsed.error.issues
    .flatMap((issue) => [...fieldErrors(issue, at)])
    .slice(0, 20)
    .map(({ path, detail }) => ({ pointer: pointerOf(path), detail }));
  throw invalidBody(errors);
}

export function invalidBody(errors: readonly FieldError[]): HttpProblem {
  const [first] = errors;
  return new HttpProblem('invalid-input', `${first?.pointer || 'the body'}: ${first?.detail ?? 'is wrong'}`, {
    errors,
  });
}

const unsafeKeys = new Set(['__proto__', 'constructor', 'prototype']);
const deepestBody = 20;

/** Refuses names that reach into prototypes, and bodies that are nested without end. */
export function refuseUnsafe(value: unknown, path: readonly string[] = []): void {
  if (typeof value !== 'object' || value === null) return;
  if (path.length >= deepestBody)
    throw invalidBody([{ pointer: pointerOf(path), detail: `is nested deeper than ${deepestBody} levels` }]);
  for (const key of Object.keys(value)) {
    const here = [...path, key];
    if (unsafeKeys.has(key))
      throw invalidBody([{ pointer: pointerOf(here), detail: 'a field of this name is refused' }]);
    refuseUnsafe((value as Record<string, unknown>)[key], here);
  }
}

/** The query as plain text values; a parameter given twice is refused. */
export function queryOf(request: Request): Record<string, string> {
  // Without a prototype, so that a parameter named __proto__ is a name like others: unknown.
  const query = Object.create(null) as Record<string, string>;
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(request.query)) {
    if (typeof value === 'string') query[name] = value;
    else errors.push({ parameter: name.slice(0, 100), detail: 'may be given only once, as plain text' });
  }
  if (errors.length > 0) throw invalidQuery(errors);
  return query;
}

/** Parses the whole query: a parameter that the schema does not know is refused, naming the known ones. */
export function parseQuery<T extends z.ZodObject>(schema: T, request: Request): z.output<T> {
  const parsed = schema.strict().safeParse(queryOf(request));
  if (parsed.success) return parsed.data as z.output<T>;
  const known = Object.keys(schema.shape);
  throw invalidQuery(
    parsed.error.issues.flatMap((issue): FieldError[] =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownParameter(key, known))
        : [{ parameter: String(issue.path[0]), detail: issue.message }],
    ),
  );
}

export function unknownParameter(parameter: string, known: readonly string[]): FieldError {
  const remedy = known.length > 0 ? `known here: ${known.join(', ')}` : 'this address takes no parameters';
  return { parameter: parameter.slice(0, 100), detail: 'is not known here', remedy };
}

export function invalidQuery(errors: readonly FieldError[]): HttpProblem {
  const [first] = errors;
  return new HttpProblem('invalid-parameter', `${first?.parameter}: ${first?.detail}`, { errors });
}

/** What every list takes. */
export const paging = {
  limit: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, 'wants a whole number from 1 to 200')
    .transform(Number)
    .refine((count) => count <= 200, 'wants a whole number from 1 to 200')
    .default(50),
  cursor: z.string().min(1).max(4000).optional(),
};

export const flag = z.enum(['true', 'false'], 'wants true or false').transform((text) => text === 'true');

/** The caller's `Idempotency-Key`, made unguessable for other API keys. */
export function idempotencyKeyOf(request: Request): string | undefined {
  const sent = request.get('idempotency-key');
  if (sent === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,200}$/.test(sent))
    throw invalidQuery([{ parameter: 'Idempotency-Key', detail: 'wants 1 to 200 visible ASCII characters' }]);
  return `${request.apiKey?._id ?? ''}/${sent}`;
}
