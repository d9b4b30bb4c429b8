import type { Request } from 'express';
import { z } from 'zod';
import type { RecordKind } from '../connectors/records.ts';
import { recordFilters, type RecordFilter } from '../store/record-filters.ts';
import type { RecordQuery } from '../store/store.ts';
import { flag, invalidQuery, paging, queryOf, unknownParameter } from './input.ts';
import type { FieldError } from './problems.ts';

const moment = z
  .string()
  .refine((value) => /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(value) && !Number.isNaN(Date.parse(value)), {
    error: 'wants a date, or a time with its zone: 2026-01-31 or 2026-01-31T10:00:00Z',
  })
  .transform((value) => new Date(value));
const whole = z
  .string()
  .regex(/^-?\d{1,15}$/, 'wants a whole number')
  .transform(Number);

function schemaOf({ type, choices = [] }: RecordFilter): z.ZodType<string | number | boolean | Date> {
  switch (type) {
    case 'text':
      return z.string().min(1).max(2_048);
    case 'choice':
      return z.enum(choices as [string, ...string[]], `wants one of ${choices.join(', ')}`);
    case 'boolean':
      return flag;
    case 'number':
      return whole;
    case 'date':
      return moment;
  }
}

const always = { ...paging, removed: flag.default(false), raw: flag.default(false) };

/** `name` for equality (dates: not), `name.gte` and `name.lt` for a range of dates or numbers. */
function parametersOf(kind: RecordKind): Map<string, { field: string; side?: 'gte' | 'lt'; schema: z.ZodType }> {
  const parameters = new Map<string, { field: string; side?: 'gte' | 'lt'; schema: z.ZodType }>();
  for (const [field, filter] of Object.entries(recordFilters[kind])) {
    const schema = schemaOf(filter);
    if (filter.type !== 'date') parameters.set(field, { field, schema });
    if (filter.type === 'date' || filter.type === 'number')
      for (const side of ['gte', 'lt'] as const) parameters.set(`${field}.${side}`, { field, side, schema });
  }
  return parameters;
}

/** A typed filter by the names of `record-filters.ts`; what is no filter is left in `rest`. */
export function whereOf(
  kind: RecordKind,
  given: Readonly<Record<string, string>>,
  others: readonly string[] = [],
): { where: RecordQuery['where']; rest: Record<string, string>; errors: FieldError[] } {
  const filters = parametersOf(kind);
  const where: Record<string, RecordQuery['where'][string]> = {};
  const rest: Record<string, string> = {};
  const errors: FieldError[] = [];
  for (const [parameter, value] of Object.entries(given)) {
    const filter = filters.get(parameter);
    if (!filter) {
      if (others.includes(parameter)) rest[parameter] = value;
      else errors.push(unknownParameter(parameter, [...others, ...filters.keys()]));
      continue;
    }
    const parsed = filter.schema.safeParse(value);
    if (!parsed.success) errors.push({ parameter, detail: parsed.error.issues[0]?.message ?? 'is not understood' });
    else if (!filter.side && where[filter.field] === undefined) where[filter.field] = parsed.data as string;
    else if (filter.side && typeof (where[filter.field] ?? {}) === 'object')
      where[filter.field] = { ...(where[filter.field] as object), [filter.side]: parsed.data as Date };
    else errors.push({ parameter, detail: `${filter.field} is asked for by equality or by a range, not by both` });
  }
  return { where, rest, errors };
}

/** The parameters of a list of records, typed; an unknown one is refused with the names of the known ones. */
export function recordQueryOf(request: Request, kind: RecordKind): { query: RecordQuery; raw: boolean } {
  const { where, rest, errors } = whereOf(kind, queryOf(request), Object.keys(always));
  const common = z.object(always).safeParse(rest);
  if (!common.success)
    for (const { path, message } of common.error.issues) errors.push({ parameter: String(path[0]), detail: message });
  if (errors.length > 0 || !common.success) throw invalidQuery(errors);
  const { raw, ...query } = common.data;
  return { query: { ...query, where, order: kind === 'activities' ? 'newest' : 'id' }, raw };
}
