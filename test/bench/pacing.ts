import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGovernor } from '../../activities/governor.ts';
import type { Charge } from '../../connectors/quota.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startMongo } from '../../local/servers/start-mongo.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { openQuotas } from '../../store/open-quotas.ts';
import { callUntil } from '../support/governed-calls.ts';
import { startLimitedServer, type LimitKind } from '../support/limited-server.ts';

/**
 * How much of a vendor's limit the governor uses, and how often it is refused, as the vendor counts: three kinds of
 * limit, one process and three that share the bucket. `--json` prints one document. `MONGODB_URI` names a MongoDB;
 * without it one is started.
 */
interface Work {
  uri: string;
  database: string;
  url: string;
  charge: Charge;
  callers: number;
  forMs: number;
}

async function work({ uri, database, url, charge, callers, forMs }: Work): Promise<void> {
  const { quotas, close } = await openQuotas(uri, database);
  let writes = 0;
  const governor = createGovernor({
    quotas: { ...quotas, takeRate: (...args) => ((writes += 1), quotas.takeRate(...args)) },
  });
  await callUntil(AbortSignal.timeout(forMs), governor, { url, charges: [charge], callers });
  await governor.close();
  await close();
  process.send?.({ writes });
}

async function measure(uri: string, kind: LimitKind, processes: number, options: Options) {
  const { limit, windowMs, windows, callers, headers, halve } = options;
  const server = await startLimitedServer({ kind, limit, windowMs, headers });
  const job: Work = {
    uri,
    database: 'pacing',
    url: server.url,
    charge: { bucket: `${kind}/${processes}/${process.pid}`, kind: 'rate', limit, windowMs },
    callers,
    forMs: windowMs * windows + 1_500,
  };
  const halving = halve ? setTimeout(() => server.setLimit(limit / 2), windowMs * 1.5) : undefined;
  let writes = 0;
  await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = fork(fileURLToPath(import.meta.url), ['--work', JSON.stringify(job)]);
      child.on('message', (message: { writes: number }) => (writes += message.writes));
      const [code] = (await once(child, 'exit')) as [number];
      if (code !== 0) throw new Error(`a worker ended with ${code}`);
    }),
  );
  clearTimeout(halving);
  const seconds = (windowMs * windows) / 1000;
  const result = {
    kind,
    processes,
    limit,
    windowMs,
    utilisation: Math.round(server.utilisation(windows) * 10_000) / 10_000,
    refused: server.refused.length,
    takesPerSecond: Math.round((writes / seconds) * 10) / 10,
  };
  await server.close();
  return result;
}

const { values } = parseArgs({
  options: {
    work: { type: 'string' },
    json: { type: 'boolean', default: false },
    halve: { type: 'boolean', default: false },
    'no-headers': { type: 'boolean', default: false },
    limit: { type: 'string', default: '200' },
    'window-ms': { type: 'string', default: '10000' },
    windows: { type: 'string', default: '3' },
    callers: { type: 'string', default: '4' },
    kinds: { type: 'string', default: 'fixed,sliding,bucket' },
    processes: { type: 'string', default: '1,3' },
  },
});
type Options = ReturnType<typeof readOptions>;
function readOptions() {
  return {
    limit: Number(values.limit),
    windowMs: Number(values['window-ms']),
    windows: Number(values.windows),
    callers: Number(values.callers),
    headers: !values['no-headers'],
    halve: values.halve,
  };
}

if (values.work) await work(JSON.parse(values.work) as Work);
else {
  const owner = new ProcessOwner();
  try {
    const uri = process.env['MONGODB_URI'] ?? (await startMongo(owner, { logFolder: newLogFolder() })).uri;
    const options = readOptions();
    const rows = [];
    for (const processes of values.processes.split(',').map(Number))
      for (const kind of values.kinds.split(',') as LimitKind[])
        rows.push(await measure(uri, kind, processes, options));
    if (values.json) console.log(JSON.stringify(rows));
    else console.table(rows);
  } finally {
    await owner.stop();
  }
}
