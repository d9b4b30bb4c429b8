import type { SweepResult } from '../activities/results.ts';
import type { ConnectionState, StageName, StageState } from './messages.ts';
import { noCounts, stageNames } from './messages.ts';
import { managing, sweeping } from './proxies.ts';
import type { Run } from './run.ts';
import { inMs, now } from './run.ts';

const untilOf = (iso: string | undefined): number => (iso ? Date.parse(iso) - Date.now() : Number.POSITIVE_INFINITY);

/** Scan after scan: every stage in its order, then a durable wait for the next. */
export async function sweepLane(run: Run): Promise<void> {
  const { state } = run;
  while (!run.interruption) {
    if (!state.scan.startedAt || state.scan.finishedAt) {
      if (state.scan.number > 0 && !(await untilNextScan(run))) continue;
      if (run.interruption || !(await beginScan(run))) continue;
    }
    for (const stage of stageNames) {
      if (run.interruption) return;
      if (ended(state.stages[stage])) continue;
      state.scan.stage = stage;
      await sweepStage(run, stage);
    }
    if (!run.interruption) await finishScan(run);
  }
}

const ended = (stage: StageState | undefined): boolean =>
  stage !== undefined && stage.phase !== 'waiting' && stage.phase !== 'running';

async function beginScan(run: Run): Promise<boolean> {
  const { state } = run;
  const scan = state.scan.number + 1;
  const asked = run.woken.rescan;
  const begun = await run.call('sweep', async () => {
    // An update says that a scan was asked for, not how often: without this the same wish would be served twice.
    if (asked) run.wishes = await managing.readWishes({ connectionId: run.connectionId });
    await sweeping.beginScan({ connectionId: run.connectionId, scan });
    return true;
  });
  if (!begun) return false;
  state.scan = { number: scan, startedAt: now() };
  if (asked) state.rescansServed = Math.max(state.rescansServed, run.wishes?.rescanWanted ?? 0);
  run.woken.rescan = false;
  delete state.nextScanAt;
  for (const name of stageNames) {
    const before = state.stages[name];
    if (before?.phase === 'absent') continue;
    state.stages[name] = {
      phase: 'waiting',
      parts: { total: 0, done: 0, failed: 0 },
      counts: { ...noCounts },
      ...(before?.trust && { trust: before.trust }),
    };
  }
  await run.enter('scanning');
  return true;
}

async function finishScan(run: Run): Promise<void> {
  const { state } = run;
  const finished = await run.call('sweep', async () => {
    await sweeping.finishScan({ connectionId: run.connectionId, scan: state.scan.number, stages: state.stages });
    return true;
  });
  if (!finished) return;
  state.scan.finishedAt = now();
  delete state.scan.stage;
  state.nextScanAt ??= inMs(untilNext(run));
  await run.enter('watching');
}

/**
 * Until the next scan. A hash of the connection's id gives it a slot in the interval, so that tenants do not all scan
 * at once; only the very first interval is shorter for it.
 */
function untilNext(run: Run): number {
  const every = run.state.settings?.scanEveryMs ?? 12 * 3600_000;
  let hash = 0;
  for (const char of run.connectionId) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  const slot = (hash / 2 ** 32) * every;
  const started = Date.parse(run.state.scan.startedAt ?? now());
  const fromStart = every - ((started - slot) % every);
  return Math.max(started + (fromStart < every / 10 ? fromStart + every : fromStart) - Date.now(), 0);
}

/** True when a scan is due; false after a failed part was tried once more, or when the lane ends. */
async function untilNextScan(run: Run): Promise<boolean> {
  const { state } = run;
  const scanIn = untilOf(state.nextScanAt);
  const retry = stageNames
    .map((stage) => ({ stage, ms: untilOf(state.stages[stage]?.retryAt) }))
    .sort((a, b) => a.ms - b.ms)[0];
  const part = retry && retry.ms < scanIn ? retry.stage : undefined;
  const ms = Math.min(scanIn, retry?.ms ?? scanIn);
  const why = part ? `${part}: a failed part is tried again` : `the next scan, every ${describe(run)}`;
  const woken = run.woken.rescan || (await run.pause(ms, why, () => run.woken.rescan));
  if (run.interruption) return false;
  if (woken || !part) return true;
  delete state.stages[part]?.retryAt;
  await sweepStage(run, part);
  await run.publish();
  return false;
}

const describe = (run: Run): string => {
  const minutes = Math.round((run.state.settings?.scanEveryMs ?? 0) / 60_000);
  return minutes >= 60 ? `${Math.round(minutes / 6) / 10} h` : `${minutes} min`;
};

/** Several readers on the parts of one stage; the first one finds out how many are worth while. */
async function sweepStage(run: Run, stage: StageName): Promise<void> {
  const state = (run.state.stages[stage] ??= {
    phase: 'waiting',
    parts: { total: 0, done: 0, failed: 0 },
    counts: { ...noCounts },
  });
  state.phase = 'running';
  state.startedAt ??= now();
  await run.publish();

  const readers = new Set<Promise<void>>();
  const add = (): void => {
    const reader = read();
    readers.add(reader);
    void reader.finally(() => readers.delete(reader));
  };
  const read = async (): Promise<void> => {
    while (!run.interruption) {
      const result = await run.call('sweep', () =>
        sweeping.sweepChunk.executeWithOptions({ summary: `${stage}, scan ${run.state.scan.number}` }, [
          { connectionId: run.connectionId, stage, scan: run.state.scan.number },
        ]),
      );
      if (result === undefined) return;
      if (result === null) continue;
      apply(state, result);
      tell(run.state.scan, result);
      run.learn(result);
      if (result.ended || run.interruption) return;
      while (readers.size < Math.min(run.state.settings?.parallel ?? 1, result.parts.open)) add();
      if (result.held && readers.size > 1) return;
      if (result.delay) {
        state.wait = { ...result.delay, until: inMs(result.delay.ms) };
        await run.wait('sweep', result.delay);
        delete state.wait;
      } else {
        await run.publish();
      }
    }
  };
  add();
  while (readers.size > 0) await Promise.race(readers);
}

/** What is true since an hour ago is told as of then. */
function tell(scan: ConnectionState['scan'], { notice, absent }: SweepResult): void {
  if (scan.finishedAt) return;
  if (notice) scan.notice = { ...notice, since: scan.notice?.since ?? notice.since };
  else if (!absent) delete scan.notice;
}

function apply(state: StageState, result: SweepResult): void {
  state.counts = result.counts;
  const { total, done, failed, blind } = result.parts;
  state.parts = { total, done, failed };
  if (result.estimate > 0) state.estimate = result.estimate;
  if (result.eta) state.eta = result.eta;
  else delete state.eta;
  state.trust = result.trust;
  if (result.problem) state.problem = result.problem;
  else delete state.problem;
  if (result.retryInMs !== undefined) state.retryAt = inMs(result.retryInMs);
  if (!result.ended) return;
  state.finishedAt = now();
  state.phase = result.absent ? 'absent' : blind > 0 && done === 0 ? 'blind' : failed + blind > 0 ? 'partial' : 'done';
}
