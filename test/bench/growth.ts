import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { ProcessOwner } from '../../local/processes.ts';
import { startWorker } from '../../local/stack.ts';
import { workflowIdOf } from '../../workflows/messages.ts';
import { figuresOf } from '../support/history-figures.ts';
import { startOktaTenant } from '../support/okta-tenant.ts';
import { runsOf } from '../support/runs-of.ts';
import type { BenchOptions, Measured } from './measured.ts';
import { cpuSince } from './process-figures.ts';
import { secondsOfAccounts } from './seconds-of-accounts.ts';
import { eventually, withBench, type Bench, type ShownConnection } from './start-bench.ts';
import { watchMemory } from './watch-memory.ts';

const sizes = [10_000, 100_000, 1_000_000];
const pageSize = 200;

/**
 * First scans of ten thousand, a hundred thousand and a million accounts, each by a new worker: whether a record costs
 * more time or more memory where there are more of them, and what a page costs in Temporal's history.
 */
export async function growth({ size: records = 1_000_000 }: BenchOptions): Promise<Measured[]> {
  return withBench(async (bench, owner) => {
    const grown: Grown[] = [];
    for (const users of sizes.filter((size) => size <= records)) grown.push(await grow(owner, bench, users));
    const flat = (of: (one: Grown) => number): number => {
      const values = grown.map(of);
      return Math.round((Math.max(...values) / Math.min(...values)) * 100) / 100;
    };
    const most = (of: (one: Grown) => number): number => Math.max(...grown.map(of));
    return [
      measured(
        'growth-time',
        flat((one) => one.microsecondsARecord),
        1.2,
        'most over least, time a record',
        grown,
      ),
      measured(
        'growth-memory',
        flat((one) => one.workerMb),
        1.2,
        'most over least, memory of the worker',
        grown,
      ),
      measured(
        'worker-memory',
        most((one) => one.workerMb),
        350,
        'MB',
        grown,
      ),
      measured(
        'history-page',
        most((one) => one.eventsAPage),
        0.5,
        'events a page',
        grown,
      ),
      measured(
        'history-run',
        most((one) => one.longestRun),
        4_096,
        'events in the longest run',
        grown,
      ),
    ];
  });
}

type Grown = Awaited<ReturnType<typeof grow>>;

const measured = (name: string, figure: number, limit: number, unit: string, grown: readonly object[]): Measured => ({
  name,
  figure,
  limit,
  unit,
  holds: figure <= limit,
  details: { grown },
});

async function grow(owner: ProcessOwner, bench: Bench, users: number) {
  const { api, env, logFolder } = bench;
  const subdomain = `of${users}`;
  const knobs = { limitFactor: 1_000_000 };
  const tenant = await startOktaTenant(owner, {
    logFolder,
    users,
    groups: 2,
    events: 1,
    knobs,
    seed: users,
    subdomain,
  });
  bench.worker.kill('SIGKILL');
  await bench.worker.exited;
  bench.worker = await startWorker(owner, env, join(logFolder, `worker-${users}.log`), { compiled: true });
  const memory = watchMemory(bench.worker.pid);
  const used = cpuSince({ ...bench.pids, worker: bench.worker.pid, app: tenant.pid });
  const { id } = await api.post<{ id: string }>('/v1/connections', { ...tenant.body, parallel: 1 });
  const seconds = await secondsOfAccounts(api, id, 1);
  const cpuMicrosecondsARecord = Object.fromEntries(
    Object.entries(used()).map(([name, ms]) => [name, Math.round((ms * 1000) / users)]),
  );
  const workerMb = Math.round(memory.stop());
  // The chunk that read the last page tells the workflow a little later.
  await eventually(async () => {
    const phase = (await api.get<ShownConnection>(`/v1/connections/${id}`)).stages?.users?.phase;
    return phase === 'waiting' || phase === 'running' ? undefined : phase;
  });
  const connection = await Connection.connect({ address: bench.temporal.address });
  const runs = await runsOf(new Client({ connection }), workflowIdOf(id));
  await connection.close();
  await api.post(`/v1/connections/${id}/pause`);
  const { aPage, longest } = figuresOf(runs, users / pageSize);
  return {
    users,
    seconds: Math.round(seconds * 10) / 10,
    microsecondsARecord: Math.round((seconds / users) * 1e6),
    cpuMicrosecondsARecord,
    workerMb,
    eventsAPage: aPage,
    longestRun: longest,
  };
}
