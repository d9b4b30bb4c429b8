import { z } from 'zod';
import { parseOldKeys } from '../store/seal.ts';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');

const environment = z.object({
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, 'host:port of the Temporal frontend')
    .default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  MONGODB_URI: z
    .string('the mongodb:// address of a replica set')
    .regex(/^mongodb(\+srv)?:\/\//, 'the mongodb:// address of a replica set'),
  CASTELLAN_DATABASE: z
    .string()
    .regex(/^[\w-]{1,60}$/, 'letters, digits, - and _')
    .default('castellan'),
  CASTELLAN_KEY: z
    .string('32 bytes in base64 or hex: openssl rand -base64 32')
    .transform((text) => Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64'))
    .refine((key) => key.length === 32, '32 bytes in base64 or hex: openssl rand -base64 32'),
  CASTELLAN_KEY_OLD: z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return parseOldKeys(text);
      } catch {
        context.addIssue('keys of before, each as CASTELLAN_KEY, separated by commas');
        return z.NEVER;
      }
    }),
  CASTELLAN_PUBLIC_URL: z.url('the https address under which vendors reach the API').optional(),
  CASTELLAN_ALLOW_LOCAL_ORIGINS: flag.default(false),
  CASTELLAN_TIME_SCALE: z.coerce.number('a number; 1 unless a test hurries').positive().max(1).default(1),
  CASTELLAN_WATCH_SECONDS: z
    .string()
    .regex(/^\d+-\d+$/, 'least-most, as in 15-300')
    .transform((text) => text.split('-').map((seconds) => Number(seconds) * 1000) as [number, number])
    .refine(([least, most]) => least >= 1000 && least <= most, 'least-most in seconds, as in 15-300')
    .optional(),
  CASTELLAN_METRICS: z
    .string()
    .regex(/^[^:]+:\d+$/, 'host:port to serve Prometheus metrics on')
    .optional(),
  CASTELLAN_WORKFLOW_BUNDLE: z.string().min(1, 'the path of a bundle made beforehand').optional(),
  CASTELLAN_LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'fatal, error, warn, info, debug, trace or silent',
    )
    .default('info'),
  NODE_ENV: z.string().optional(),
});

/** The worker's configuration, read once. Times are in milliseconds and already scaled. */
export interface WorkerConfig {
  temporal: { address: string; namespace: string };
  mongodb: { uri: string; database: string };
  key: Buffer;
  /** Of before a rotation; they only open. */
  oldKeys: Buffer[];
  publicUrl?: string;
  allowLocalOrigins: boolean;
  metricsAddress?: string;
  workflowBundle?: string;
  logLevel: string;
  times: Times;
}

export interface Times {
  /** How long one chunk reads before it hands over. */
  chunkMs: number;
  leaseMs: number;
  /** How long an action is kept for a worker that does not say that it is still at it. */
  actionLeaseMs: number;
  /** A governed call waits this long inside the chunk; a longer wait is a durable timer. */
  pacingMs: number;
  groupMs: number;
  /** Waits before an unavailable part is asked again; when they are used up the part fails. */
  againMs: readonly number[];
  /** And when a failed part is tried once more. */
  failedAgainMs: readonly number[];
  /** Before what could not be looked up is looked at again. */
  lookAgainMs: number;
  watchMinMs: number;
  watchMaxMs: number;
  troubleMs: number;
  /** How often a held outcome is looked at when nothing was heard of its object. */
  holdLookMs: number;
  /** And how soon again while the audit trail has not yet told who reverted it. */
  holdByMs: number;
  bareThrottleMs: number;
  /** How long a workflow waits for the worker that has it in memory before any may take it: that one may be dead. */
  handoverMs: number;
  /** How long a worker that is told to end lets go on what it does, before it tells that to end too. */
  graceMs: number;
  /** How long a call that is under way counts when its worker says nothing more of it. */
  slotLeaseMs: number;
}

export const timesOf = (scale = 1): Times => ({
  chunkMs: 60_000 * scale,
  leaseMs: Math.max(15_000 * scale, 3_000),
  actionLeaseMs: Math.max(20_000 * scale, 4_000),
  pacingMs: 20_000 * scale,
  groupMs: 1_000,
  againMs: [2_000, 8_000, 20_000, 40_000, 50_000].map((ms) => ms * scale),
  failedAgainMs: [5, 30, 120].map((minutes) => minutes * 60_000 * scale),
  lookAgainMs: 15_000 * scale,
  watchMinMs: 15_000 * scale,
  watchMaxMs: 300_000 * scale,
  troubleMs: 30_000 * scale,
  holdLookMs: 6 * 3_600_000 * scale,
  holdByMs: 60_000 * scale,
  bareThrottleMs: 60_000 * scale,
  handoverMs: Math.max(10_000 * scale, 2_000),
  graceMs: Math.max(20_000 * scale, 2_000),
  slotLeaseMs: Math.max(10_000 * scale, 3_000),
});

/** Throws one line for each wrong variable: its name and what it wants. */
export function readConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  // An empty variable is how a compose file says "not set".
  const parsed = environment.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')}: wants ${issue.message}`).join('\n'));
  }
  const is = parsed.data;
  return {
    temporal: { address: is.TEMPORAL_ADDRESS, namespace: is.TEMPORAL_NAMESPACE },
    mongodb: { uri: is.MONGODB_URI, database: is.CASTELLAN_DATABASE },
    key: is.CASTELLAN_KEY,
    oldKeys: is.CASTELLAN_KEY_OLD,
    publicUrl: is.CASTELLAN_PUBLIC_URL,
    allowLocalOrigins: is.CASTELLAN_ALLOW_LOCAL_ORIGINS,
    metricsAddress: is.CASTELLAN_METRICS,
    workflowBundle: is.CASTELLAN_WORKFLOW_BUNDLE,
    logLevel: is.CASTELLAN_LOG_LEVEL,
    times: {
      ...timesOf(is.CASTELLAN_TIME_SCALE),
      ...(is.CASTELLAN_WATCH_SECONDS && {
        watchMinMs: is.CASTELLAN_WATCH_SECONDS[0],
        watchMaxMs: is.CASTELLAN_WATCH_SECONDS[1],
      }),
    },
  };
}
