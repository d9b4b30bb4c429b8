import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { ProcessOwner } from '../../local/processes.ts';
import { workflowIdOf } from '../../workflows/messages.ts';
import { startBoxTenant, type BoxTenant } from '../support/box-tenant.ts';
import { figuresOf } from '../support/history-figures.ts';
import { runsOf } from '../support/runs-of.ts';
import type { BenchOptions, Measured } from './measured.ts';
import { rssMb } from './process-figures.ts';
import { eventually, withBench, type Bench, type ShownConnection } from './start-bench.ts';

/** Large folders and few of them, as a tenant of a million items has. */
const shape = { perFolder: 100, folders: 0.02, links: 0.01, sharedFiles: 0.002, sharedFolders: 0.02, trashed: 0.001 };
const users = 20;
const changedShare = 0.001;
/** More than three windows and a half: the first is not judged, nor is the one that has not ended. */
const readMs = 230_000;
const windowsRead = 2;

/** A Box of `items` items that sets no limit, read for the first time and again with one in a thousand renamed. */
export async function files({ size: items = 1_000_000 }: BenchOptions): Promise<Measured[]> {
  return withBench(async (bench, owner) => {
    const read = await readFreely(owner, bench, items);
    const { first, again } = read;
    return [
      held('files', items / first.seconds, 5_000, 'items/s', { details: read }),
      held('files-memory', first.memory.growth, 1.2, 'last third over second, memory of the worker', { most: true }),
      held('files-worker-memory', first.memory.most, 350, 'MB', { most: true }),
      held('files-history', first.eventsAPage, 0.5, 'events a page', { most: true }),
      held('files-rescan-seconds', again.seconds / first.seconds, 1, 'of the first scan', { most: true }),
      held('files-rescan-calls', again.calls / first.calls, 0.5, 'of the first scan', { most: true }),
    ];
  });
}

/**
 * Full windows of Box's own limit of 1,000 calls a minute and user, as the simulator counts them: where a call under
 * As-User is the user's alone, and where it is the service account's too, which is what we take to be so unless told.
 */
export async function filesLimits(): Promise<Measured[]> {
  return withBench(async (bench, owner) => {
    const user = await readWithinLimits(owner, bench, { asUserQuota: 'user', charged: 'effectiveUser' });
    const both = await readWithinLimits(owner, bench, { asUserQuota: 'both', charged: 'both' });
    return [
      held('files-quota', user.share, 0.98, "of each user's limit", { details: user }),
      held('files-refused', user.refused, 0, 'calls refused', { most: true }),
      held('files-quota-both', both.share, 0.98, "of the service account's limit", { details: both }),
      held('files-refused-both', both.refused, 0, 'calls refused', { most: true }),
    ];
  });
}

const held = (
  name: string,
  figure: number,
  limit: number,
  unit: string,
  { most = false, details = {} }: { most?: boolean; details?: Record<string, unknown> },
): Measured => ({
  name,
  figure: Math.round(figure * 1_000) / 1_000,
  limit,
  unit,
  holds: most ? figure <= limit : figure >= limit,
  details,
});

async function readFreely(owner: ProcessOwner, bench: Bench, items: number) {
  const { api, logFolder } = bench;
  const knobs = { requestsPerWindow: 1_000_000, concurrency: 1_000 };
  const fill = { users, externals: 20, groups: 10, events: 1, items, ...shape };
  const tenant = await startBoxTenant(owner, { logFolder, fill, knobs });
  const settings = { ...tenant.body.settings, callsPerMinute: 100_000, webhooks: 0 };
  const memory = watchMemory(bench.worker.pid);
  const { id } = await api.post<{ id: string }>('/v1/connections', { ...tenant.body, settings });
  const first = await scanned(bench, tenant, id, 1);
  const connection = await Connection.connect({ address: bench.env['TEMPORAL_ADDRESS'] });
  const runs = await runsOf(new Client({ connection }), workflowIdOf(id));
  await connection.close();
  const { aPage, longest } = figuresOf(runs, first.pages);

  await api.post(`/v1/connections/${id}/pause`);
  const { renamed } = await tenant.control.renameSome({ share: changedShare });
  await tenant.control.resetCounters();
  await api.post(`/v1/connections/${id}/resume`);
  await eventually(async () =>
    (await api.get<Shown>(`/v1/connections/${id}`)).phase === 'watching' ? true : undefined,
  );
  await api.post(`/v1/connections/${id}/rescan`);
  const again = await scanned(bench, tenant, id, 2);
  const total = { stored: first.counts.added, renamed };
  return {
    items,
    ...total,
    first: { ...first, eventsAPage: aPage, longestRun: longest, memory: memory.stop() },
    again,
  };
}

type Shown = ShownConnection & { phase: string; settling?: { folders: number } };

/** Waits for the end of the scan: what it cost by MongoDB's clock and as the simulator counted. */
async function scanned({ api, db }: Bench, tenant: BoxTenant, id: string, scan: number) {
  const shown = await eventually(async () => {
    const now = await api.get<Shown>(`/v1/connections/${id}`);
    return (now.scan?.number ?? 0) >= scan && now.scan?.finishedAt ? now : undefined;
  }, 900_000);
  const [times] = await db
    .collection('positions')
    .aggregate<{ begun: Date; ended: Date; pages: number }>([
      { $match: { connectionId: id, lane: 'sweep', stage: 'files', scan, role: 'part' } },
      {
        $group: {
          _id: null,
          begun: { $min: '$startedAt' },
          ended: { $max: '$finishedAt' },
          pages: { $sum: '$counts.pages' },
        },
      },
    ])
    .toArray();
  const settled = await eventually(async () => {
    const now = await api.get<Shown>(`/v1/connections/${id}`);
    return now.settling ? undefined : true;
  });
  const counters = await tenant.control.counters();
  const calls = Object.entries(counters.calls)
    .filter(([operation]) => /folder|file|collaborations/.test(operation))
    .toSorted(([, a], [, b]) => b - a);
  return {
    seconds: (times!.ended.getTime() - times!.begun.getTime()) / 1_000,
    calls: calls.reduce((sum, [, count]) => sum + count, 0),
    callsByOperation: Object.fromEntries(calls.slice(0, 6)),
    pages: times!.pages,
    counts: shown.stages!.files!.counts,
    settled,
  };
}

/** Folders with next to nothing in them: many calls, little to store. */
async function readWithinLimits(
  owner: ProcessOwner,
  { api, logFolder }: Bench,
  { asUserQuota, charged }: { asUserQuota: 'user' | 'both'; charged: 'effectiveUser' | 'both' },
) {
  const fill = { users: 4, coadmins: 0, externals: 1, groups: 1, events: 1, items: 20_000, folders: 0.8, perFolder: 3 };
  const tenant = await startBoxTenant(owner, {
    logFolder,
    fill,
    // An enterprise of its own each: of two connections of one the second is parked as a duplicate.
    seed: charged === 'both' ? 3 : 2,
    enterprise: `Limited-${charged}`,
    knobs: { charged },
  });
  const settings = { ...tenant.body.settings, webhooks: 0, asUserQuota };
  const { id } = await api.post<{ id: string }>('/v1/connections', { ...tenant.body, settings });
  await delay(readMs);
  const { windows } = await tenant.control.counters();
  const all = windows.filter(({ kind }) => kind === 'requests');
  // In its first window a user's tree is only being begun with; one whose next is little used may have ended with it.
  const full = all.filter(({ principal }, at) => {
    const next = all.slice(at + 1).find((one) => one.principal === principal);
    return all.findIndex((one) => one.principal === principal) < at && next && next.calls > next.limit / 2;
  });
  if (full.length < windowsRead) throw new Error(`read through ${full.length} windows: ${JSON.stringify(all)}`);
  await api.post(`/v1/connections/${id}/pause`);
  const { throttled } = await tenant.control.counters();
  const used = full.map(({ calls, refused, limit }) => (calls - refused) / limit);
  return {
    share: used.reduce((sum, share) => sum + share, 0) / used.length,
    refused: throttled,
    windows: full.map(({ principal, calls }) => ({ principal, calls })),
  };
}

/** Looked at each second: the most, and the mean of the last third over that of the second, as the first warms up. */
function watchMemory(pid: number) {
  const seen: number[] = [];
  const timer = setInterval(() => seen.push(rssMb(pid)), 1_000);
  const mean = (of: readonly number[]) => of.reduce((sum, one) => sum + one, 0) / of.length;
  return {
    stop() {
      clearInterval(timer);
      const third = Math.floor(seen.length / 3);
      return {
        most: Math.round(Math.max(...seen)),
        growth: mean(seen.slice(2 * third)) / mean(seen.slice(third, 2 * third)),
      };
    },
  };
}
