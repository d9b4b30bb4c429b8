import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

type Json = Record<string, unknown>;

interface Operation {
  parameters?: Parameter[];
  security?: Record<string, string[]>[];
  responses: Record<string, Json>;
}
interface Parameter {
  $ref?: string;
  name: string;
  in: string;
}

/** A deviation that the vendor itself is known to show; `where` is matched against `operation instancePath`. */
export interface KnownException {
  name: string;
  where: RegExp;
  /** The keyword of the schema that is not kept; `*` for any. */
  keyword: string;
  source: string;
}

/** A vendor's own OpenAPI description, as a judge of answers and requests. */
export class Specification {
  readonly #document: {
    paths: Record<string, Record<string, Operation> & { parameters?: Parameter[] }>;
    components: Json;
  };
  readonly #ajv: Ajv;
  readonly #validators = new Map<string, ValidateFunction>();

  /** `mend` may correct the description where it contradicts itself. */
  constructor(file: string, mend: (document: unknown) => void = () => undefined) {
    this.#document = JSON.parse(readFileSync(file, 'utf8'));
    mend(this.#document);
    this.#ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true, logger: false });
    // The package is CommonJS: its default export is one level down under NodeNext.
    (addFormats as unknown as (ajv: Ajv) => void)(this.#ajv);
    this.#ajv.addSchema({ $id: 'vendor', ...withoutNullable(this.#document) });
  }

  operation(method: string, template: string): { scopes: string[]; query: string[]; statuses: string[] } | undefined {
    const item = this.#document.paths[template];
    const operation = item?.[method.toLowerCase()];
    if (!item || !operation) return undefined;
    const parameters = [...(operation.parameters ?? []), ...(item.parameters ?? [])].map((one) => this.#follow(one));
    return {
      scopes: (operation.security ?? []).flatMap((one) => one.oauth2 ?? []),
      query: parameters.filter((one) => one.in === 'query').map((one) => one.name),
      statuses: Object.keys(operation.responses),
    };
  }

  /** What is wrong with an answer, as text; an empty list when it is as described. */
  faultsOf(
    method: string,
    template: string,
    status: number,
    body: unknown,
    known: readonly KnownException[],
  ): string[] {
    const operation = this.#document.paths[template]?.[method.toLowerCase()];
    if (!operation) return [`no such operation: ${method} ${template}`];
    const given = operation.responses[String(status)] ?? (status >= 400 ? operation.responses.default : undefined);
    if (!given) return [`${method} ${template} is not described to answer ${status}`];
    const validate = this.#validator(method, template, status, given);
    if (!validate) {
      if (body === undefined || known.some((one) => one.keyword === 'body' && one.where.test(`${method} ${template} `)))
        return [];
      return [`${method} ${template} ${status} must have no body`];
    }
    if (validate(body)) return [];
    return (validate.errors ?? []).flatMap((error) => this.#judge(`${method} ${template}`, error, known));
  }

  #judge(operation: string, error: ErrorObject, known: readonly KnownException[]): string[] {
    const where = `${operation} ${error.instancePath}`;
    if (known.some((one) => (one.keyword === error.keyword || one.keyword === '*') && one.where.test(where))) return [];
    return [`${where}: ${error.keyword} ${error.message} ${JSON.stringify(error.params)}`];
  }

  #validator(method: string, template: string, status: number, given: Json): ValidateFunction | undefined {
    const key = `${method} ${template} ${status}`;
    const found = this.#validators.get(key);
    if (found) return found;
    const response = this.#follow(given as unknown as Parameter) as unknown as { content?: Record<string, Json> };
    const schema = response.content?.['application/json']?.schema;
    if (!schema) return undefined;
    const validate = this.#ajv.compile(absolute(withoutNullable(schema)) as Json);
    this.#validators.set(key, validate);
    return validate;
  }

  #follow(value: Parameter): Parameter {
    if (value.$ref === undefined) return value;
    const path = value.$ref.split('/').slice(1);
    return path.reduce<unknown>((here, name) => (here as Json)[name], this.#document) as Parameter;
  }
}

/** OpenAPI 3.0 says `nullable`; JSON Schema wants null among the allowed. */
function withoutNullable<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNullable) as T;
  if (value === null || typeof value !== 'object') return value;
  const copy: Json = {};
  for (const [name, inner] of Object.entries(value)) {
    if (name !== 'nullable' && name !== 'discriminator') copy[name] = withoutNullable(inner);
  }
  if ((value as Json).nullable !== true) return copy as T;
  return { anyOf: [{ type: 'null' }, copy] } as T;
}

function absolute(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(absolute);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) =>
      name === '$ref' ? [name, `vendor${String(inner)}`] : [name, absolute(inner)],
    ),
  );
}
