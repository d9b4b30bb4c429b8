import type { Request } from 'express';
import { z } from 'zod';
import { accountStatuses, sharings, type RecordKind } from '../connectors/records.ts';
import type { RecordQuery } from '../store/store.ts';
import { flag, invalidQuery, paging, queryOf, unknownParameter } from './input.ts';
import type { FieldError } from './problems.ts';

const text = z.string().min(1).max(1_100);
const oneOf = (values: readonly string[]) =>
  z.enum(values as [string, ...string[]], `wants one of ${values.join(', ')}`);
const count = z
  .string()
  .regex(/^\d{1,15}$/, 'wants a whole number')
  .transform(Number);
const moment = z
  .string()
  .refine((value) => /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(value) && !Number.isNaN(Date.parse(value)), {
    error: 'wants a date or a time with its zone: 2026-01-31 or 2026-01-31T10:00:00Z',
  })
  .transform((value) => new Date(value));

/** What a kind may be asked for: by equality, or (`ranges`) by `<field>.gte` and `<field>.lt`. */
interface Filters {
  equal: Record<string, z.ZodType<string | number | boolean, string>>;
  ranges: Record<string, z.ZodType<number | Date, string>>;
}

const filters: Record<RecordKind, Filters> = {
  accounts: {
    equal: {
      login: text,
      email: text,
      status: oneOf(accountStatuses),
      type: oneOf(['person', 'service', 'root', 'unknown']),
      vendorStatus: text,
      mfa: flag,
      credentialSource: text,
    },
    ranges: { createdAt: moment, changedAt: moment, lastLoginAt: moment, passwordChangedAt: moment },
  },
  groups: { equal: { name: text, type: oneOf(['normal', 'managed', 'everyone']) }, ranges: { createdAt: moment } },
  memberships: { equal: { groupId: text, accountId: text }, ranges: {} },
  privileges: {
    equal: {
      holderKind: oneOf(['accounts', 'groups', 'roles']),
      holderId: text,
      name: text,
      admin: flag,
      origin: oneOf(['direct', 'group', 'inline', 'attached']),
    },
    ranges: {},
  },
  appPermissions: {
    equal: {
      accountId: text,
      appId: text,
      type: oneOf(['grant', 'refreshToken', 'accessKey', 'apiToken', 'trust']),
      status: oneOf(['active', 'inactive', 'revoked', 'expired']),
    },
    ranges: { issuedAt: moment, lastUsedAt: moment, expiresAt: moment },
  },
  activities: {
    equal: { source: text, 'event.class_uid': count, 'event.type_uid': count },
    ranges: { receivedAt: moment },
  },
  files: {
    equal: {
      name: text,
      type: oneOf(['file', 'folder']),
      parentId: text,
      ownerId: text,
      sharing: oneOf(sharings),
      trashed: flag,
    },
    ranges: { size: count, modifiedAt: moment },
  },
};

const common = {
  ...paging,
  part: text,
  removed: flag.default(false),
  raw: flag.default(false),
  order: z.enum(['newest', 'id']).optional(),
};

/** The parameters of a list of records, typed; an unknown one is refused with the names of the known ones. */
export function recordQueryOf(request: Request, kind: RecordKind): { query: RecordQuery; raw: boolean } {
  const { equal, ranges } = filters[kind];
  const known = [
    ...Object.keys(common),
    ...Object.keys(equal),
    ...Object.keys(ranges).flatMap((field) => [`${field}.gte`, `${field}.lt`]),
  ];
  const errors: FieldError[] = [];
  const sent = queryOf(request);
  function read<T>(parameter: string, schema: z.ZodType<T>): T | undefined {
    const value = schema.safeParse(sent[parameter]);
    if (value.success) return value.data;
    if (sent[parameter] !== undefined)
      errors.push({ parameter, detail: value.error.issues[0]?.message ?? 'is not understood' });
    return undefined;
  }

  const where: Record<string, RecordQuery['where'][string]> = {};
  for (const parameter of Object.keys(sent))
    if (!known.includes(parameter)) errors.push(unknownParameter(parameter, known));
  for (const [field, schema] of Object.entries({ part: text, ...equal })) {
    const value = read<string | number | boolean>(field, schema);
    if (value !== undefined) where[field] = value;
  }
  for (const [field, schema] of Object.entries(ranges)) {
    const gte = read(`${field}.gte`, schema);
    const lt = read(`${field}.lt`, schema);
    if (gte !== undefined || lt !== undefined)
      where[field] = { ...(gte === undefined ? {} : { gte }), ...(lt === undefined ? {} : { lt }) };
  }
  const limit = read('limit', common.limit);
  const cursor = read('cursor', common.cursor);
  const removed = read('removed', common.removed);
  const raw = read('raw', common.raw);
  const order = read('order', common.order) ?? (kind === 'activities' ? 'newest' : 'id');
  if (errors.length > 0 || limit === undefined) throw invalidQuery(errors);
  return {
    query: { where, limit, order, removed: removed ?? false, ...(cursor === undefined ? {} : { cursor }) },
    raw: raw ?? false,
  };
}
