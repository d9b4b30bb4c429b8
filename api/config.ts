import { z } from 'zod';
import { parseMasterKey, parseOldKeys } from '../store/seal.ts';

const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .refine((value) => value <= 65_535);
const url = (protocols: RegExp) => z.string().refine((text) => URL.canParse(text) && protocols.test(text));
const whole = z
  .string()
  .regex(/^[1-9]\d{0,6}$/)
  .transform(Number);

/** Each variable with what it wants, said to who set it wrong. */
const variables = {
  CASTELLAN_API_HOST: [z.string().min(1).max(253).default('127.0.0.1'), 'a host name or address to listen on'],
  CASTELLAN_API_PORT: [port.default(8080), 'a port from 0 (any free one) to 65535'],
  MONGODB_URI: [url(/^mongodb(\+srv)?:\/\//), 'the mongodb:// address of a replica set'],
  CASTELLAN_DATABASE: [
    z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,60}$/)
      .default('castellan'),
    '1 to 60 letters, digits, _ or -',
  ],
  TEMPORAL_ADDRESS: [
    z
      .string()
      .regex(/^[^\s/]+:\d{1,5}$/)
      .default('127.0.0.1:7233'),
    'host:port',
  ],
  TEMPORAL_NAMESPACE: [z.string().min(1).max(255).default('default'), 'the name of a Temporal namespace'],
  CASTELLAN_KEY: [z.string().transform(keyBytes), '32 bytes in base64 or hex: openssl rand -base64 32'],
  CASTELLAN_KEY_OLD: [z.string().default('').transform(oldKeys), 'keys of before, each as CASTELLAN_KEY, with commas'],
  CASTELLAN_ALLOW_LOCAL_ORIGINS: [
    z
      .enum(['true', 'false', '1', '0'])
      .default('false')
      .transform((text) => text === 'true' || text === '1'),
    'true or false',
  ],
  CASTELLAN_API_REQUESTS_PER_MINUTE: [whole.default(1_200), 'a whole number of requests for each API key'],
  CASTELLAN_RECONCILE_SECONDS: [whole.default(60), 'a whole number of seconds between two reconciliations'],
  CASTELLAN_LOG_LEVEL: [
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    'fatal, error, warn, info, debug, trace or silent',
  ],
} as const;

export interface Config {
  host: string;
  port: number;
  mongodbUri: string;
  database: string;
  temporalAddress: string;
  temporalNamespace: string;
  /** 32 bytes: wraps the data keys of connections. */
  key: Buffer;
  /** They only open. */
  oldKeys: Buffer[];
  allowLocalOrigins: boolean;
  requestsPerMinute: number;
  /** Milliseconds. */
  reconcileEveryMs: number;
  logLevel: string;
}

/** One line: the variable, and what it wants. Never what it holds. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the environment once. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const read = <N extends keyof typeof variables>(name: N): z.output<(typeof variables)[N][0]> => {
    const [schema, wants] = variables[name];
    const parsed = schema.safeParse(environment[name] === '' ? undefined : environment[name]);
    if (!parsed.success) throw new ConfigError(`${name} wants ${wants}`);
    return parsed.data as z.output<(typeof variables)[N][0]>;
  };
  return {
    host: read('CASTELLAN_API_HOST'),
    port: read('CASTELLAN_API_PORT'),
    mongodbUri: read('MONGODB_URI'),
    database: read('CASTELLAN_DATABASE'),
    temporalAddress: read('TEMPORAL_ADDRESS'),
    temporalNamespace: read('TEMPORAL_NAMESPACE'),
    key: read('CASTELLAN_KEY'),
    oldKeys: read('CASTELLAN_KEY_OLD'),
    allowLocalOrigins: read('CASTELLAN_ALLOW_LOCAL_ORIGINS'),
    requestsPerMinute: read('CASTELLAN_API_REQUESTS_PER_MINUTE'),
    reconcileEveryMs: read('CASTELLAN_RECONCILE_SECONDS') * 1_000,
    logLevel: read('CASTELLAN_LOG_LEVEL'),
  };
}

function keyBytes(text: string, context: z.RefinementCtx): Buffer {
  return parsed(() => parseMasterKey(text), context);
}

function oldKeys(text: string, context: z.RefinementCtx): Buffer[] {
  return parsed(() => parseOldKeys(text), context);
}

function parsed<T>(parse: () => T, context: z.RefinementCtx): T {
  try {
    return parse();
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'not a key' });
    return z.NEVER;
  }
}
