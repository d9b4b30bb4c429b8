import {
  NativeConnection,
  Runtime,
  Worker,
  type Logger as TemporalLogger,
  type WorkerOptions,
} from '@temporalio/worker';
import pino from 'pino';
import { connectors } from '../connectors/index.ts';
import { openWhenThere } from '../store/open-when-there.ts';
import type { Store } from '../store/store.ts';
import { taskQueues } from '../workflows/messages.ts';
import { createActivities } from './activities.ts';
import { readConfig, type WorkerConfig } from './config.ts';
import type { Logger } from './dependencies.ts';
import { createGovernor } from './governor.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { workflowBundle } from './workflow-bundle.ts';

const slots = { actions: 20, watch: 100, sweep: 40, content: 4 } as const;
const againMs = 2_000;
/**
 * One takes up to 0.8 MB; one that is not kept is replayed when it has something to do, and where nothing changes a
 * connection's has nothing to do for hours.
 */
const mostCachedWorkflows = 800;

/** Of what the SDK says only that which somebody should read. */
const warningsTo = (log: Logger): TemporalLogger => ({
  log: () => {},
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn(message, meta) {
    // Only the queue `sweep` runs workflows, by intent.
    if (!message.startsWith('No workflows registered')) log.warn(meta ?? {}, message);
  },
  error: (message, meta) => log.error(meta ?? {}, message),
});

/**
 * Node ends with "async hook stack has become corrupted" where this cuts a workflow task off (nodejs/node#38503,
 * temporalio/sdk-typescript#939), and the SDK's five seconds are soon over on a busy machine: ten thousand signals in one
 * task had killed one worker after the other. Temporal itself hands a task on after ten seconds.
 */
const isolateExecutionTimeout = '10m';

/** Workers of all task queues, in one process: each queue has slots of its own, so that no lane waits for another. */
async function createWorkers(config: WorkerConfig, store: Store, log: Logger, connection: NativeConnection) {
  const bundle = await workflowBundle(warningsTo(log), config.workflowBundle);
  const { times, allowLocalOrigins, publicUrl } = config;
  const governor = createGovernor({
    quotas: store.quotas,
    uses: store.quotaUses,
    maxWaitMs: times.pacingMs,
    leaseMs: times.slotLeaseMs,
  });
  const activities = { ...createActivities({ store, connectors, governor, times, allowLocalOrigins, publicUrl, log }) };
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace: config.temporal.namespace,
    activities,
    shutdownGraceTime: times.graceMs,
    stickyQueueScheduleToStartTimeout: times.handoverMs,
    // What a frozen worker had asked for is still handed to it, and waits there for a time-out: few polls at once.
    maxConcurrentActivityTaskPolls: 4,
    maxConcurrentWorkflowTaskPolls: 4,
    // With the default of four fifths of the time-out a chunk would hear of its cancellation four seconds late.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
  };
  return Promise.all(
    (Object.keys(slots) as (keyof typeof slots)[]).map((queue) =>
      Worker.create({
        ...shared,
        taskQueue: taskQueues[queue],
        maxConcurrentActivityTaskExecutions: slots[queue],
        ...(queue === 'sweep' && {
          workflowBundle: bundle,
          maxCachedWorkflows: mostCachedWorkflows,
          isolateExecutionTimeout,
        }),
      }),
    ),
  );
}

/** Temporal may come up after us: asked until it answers. */
async function connect(config: WorkerConfig, log: Logger, stop: AbortSignal): Promise<NativeConnection | undefined> {
  while (!stop.aborted) {
    try {
      await registerSearchAttributes(config.temporal);
      return await NativeConnection.connect({ address: config.temporal.address });
    } catch (error) {
      log.warn({ err: error, address: config.temporal.address }, 'Temporal is away, asked again soon');
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
  return undefined;
}

async function main(): Promise<void> {
  let config: WorkerConfig;
  try {
    config = readConfig(process.env);
  } catch (error) {
    process.stderr.write(`castellan worker cannot start:\n${(error as Error).message}\n`);
    process.exitCode = 2;
    return;
  }
  const log = pino({ level: config.logLevel, base: { process: 'worker' } });
  Runtime.install({
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: { core: 'ERROR', other: 'ERROR' } },
      ...(config.metricsAddress && { metrics: { prometheus: { bindAddress: config.metricsAddress } } }),
    },
    logger: warningsTo(log),
  });
  const quit = (): void => process.exit(0);
  process.on('SIGTERM', quit).on('SIGINT', quit);
  const store = await openWhenThere({ ...config.mongodb, key: config.key, oldKeys: config.oldKeys, logger: log });
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.off('SIGTERM', quit).off('SIGINT', quit).once('SIGTERM', end).once('SIGINT', end);

  const connection = await connect(config, log, stop.signal);
  if (connection) {
    const workers = await createWorkers(config, store, log, connection);
    stop.signal.addEventListener('abort', () => workers.forEach((worker) => worker.shutdown()));
    if (stop.signal.aborted) workers.forEach((worker) => worker.shutdown());
    process.stdout.write('castellan worker ready\n');
    await Promise.all(workers.map((worker) => worker.run()));
    await connection.close();
  }
  await store.close();
}

main().catch((error: unknown) => {
  process.stderr.write(
    `castellan worker failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});
