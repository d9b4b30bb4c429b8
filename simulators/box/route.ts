import type { Markers } from './markers.ts';
import type { By } from './record.ts';
import { invalid } from './respond.ts';
import type { Answer } from '../kit/answer.ts';
import type { AccessToken, App, User } from './objects.ts';
import type { BoxState } from './state.ts';

/** What a token needs for an operation; `any` is every valid token. */
export type Need = 'read' | 'write' | 'users' | 'groups' | 'webhooks' | 'enterprise' | 'any';

/** One authorised request on its way to a handler. */
export interface Call {
  state: BoxState;
  app: App;
  token: AccessToken;
  /** Whom the call acts as: the subject of the token, or the user named by As-User. */
  user: User;
  by: By;
  markers: Markers;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  /** JSON, already parsed; undefined without a body. */
  body: unknown;
  raw: Buffer;
  /** Where content is handed out. */
  downloadHost: string;
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  /** As in Box's API description, without /2.0. */
  path: string;
  need: Need;
  /** Only with an admin's rights: the admin, co-admins, service accounts. */
  admin?: boolean;
  /** Allowed query parameters; any other is refused. */
  query?: readonly string[];
  /** Names that `fields` may hold. */
  fields?: readonly string[];
  /** On the upload host instead of the API's. */
  upload?: boolean;
  /** The value of the header box-version that the operation wants. */
  version?: string;
  handle: (call: Call) => Answer | Promise<Answer>;
}

/** The list in `fields`, checked against what the operation knows; undefined without one. */
export function fieldsOf(call: Pick<Call, 'query'>, known: readonly string[]): string[] | undefined {
  const text = call.query.get('fields');
  if (text === null || text === '') return undefined;
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    const [top] = name.split('.') as [string];
    if (!known.includes(top)) throw invalid('fields', `'${name}' is not a known field`);
  }
  return names;
}

/** A whole number in the query, within its bounds. */
export function numberOf(call: Pick<Call, 'query'>, name: string, standard: number, most: number, least = 0): number {
  const text = call.query.get(name);
  if (text === null) return standard;
  if (!/^\d{1,15}$/.test(text) || Number(text) > most || Number(text) < least) {
    throw invalid(name, `'${text}' is not between ${least} and ${most}`);
  }
  return Number(text);
}

/** The JSON body as an object. */
export function objectOf(call: Pick<Call, 'body'>): Record<string, unknown> {
  const { body } = call;
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw invalid('body', 'a JSON object is wanted');
  return body as Record<string, unknown>;
}

/** Members that the operation knows, with their types; any other is refused. `?` allows null. */
export function checked(body: Record<string, unknown>, shape: Record<string, string>): Record<string, unknown> {
  for (const [name, value] of Object.entries(body)) {
    const wanted = shape[name];
    if (wanted === undefined) throw invalid(name, `unknown member`);
    if (value === null ? !wanted.endsWith('?') : typeName(value) !== wanted.replace('?', '')) {
      throw invalid(name, `a value of type ${wanted} is wanted`);
    }
  }
  return body;
}

const typeName = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value);

/** A moment with its offset, as ms. */
export function momentOf(name: string, value: unknown): number {
  const ms = typeof value === 'string' && /T.*(Z|[+-]\d\d:?\d\d)$/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) throw invalid(name, 'a date-time with an offset is wanted');
  return ms;
}

export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw invalid(name, `one of ${allowed.join(', ')} is wanted`);
  return value as T;
}
