import { stageNames, type StageName } from '../connectors/records.ts';
import type { ConnectionDocument, ScanDocument } from '../store/documents.ts';
import type { PartsSummary } from '../store/positions-interface.ts';
import type { Problem } from '../workflows/messages.ts';
import type { Dependencies } from './dependencies.ts';
import { etaOf, readOf, workLeft } from './eta.ts';
import type { SweepResult } from './results.ts';

const earlierScans = 5;

interface Chunk {
  stage: StageName;
  scan: number;
  summary: PartsSummary;
  /** The wait that follows. */
  waitMs?: number;
}

/** After a chunk: notes how far the stage has come, and tells when it will end and whether the scan is too slow. */
export async function outlook(
  { store, times }: Pick<Dependencies, 'store' | 'times'>,
  { _id, scanEveryMs }: Pick<ConnectionDocument, '_id' | 'scanEveryMs'>,
  { stage, scan, summary, waitMs = 0 }: Chunk,
): Promise<Pick<SweepResult, 'eta' | 'notice'>> {
  const now = store.now();
  const sample = { at: now, pages: summary.counts.pages, read: readOf(summary.counts), waitMs };
  const running = await store.scans.addPace(_id, scan, stage, sample);
  if (!running) return {};
  const scans = await store.scans.list(_id, earlierScans + 1);
  const earlier = scans.filter(({ number, finishedAt }) => number < scan && finishedAt);
  const samples = running.pace?.[stage] ?? [];
  const eta =
    summary.open === 0
      ? undefined
      : etaOf(now, workLeft(summary, earlier, stage), samples, { chunkMs: times.chunkMs, waitMs });
  const dueAt = running.startedAt.getTime() + scanEveryMs;
  const endsAt = eta && Date.parse(eta.at) + restMs(earlier[0], stage);
  const notice = noticeOf({ now, begunAt: running.startedAt.getTime(), dueAt, endsAt });
  return { ...(eta && { eta }), ...(notice && { notice }) };
}

/** What the stages that follow took the last time. */
function restMs(newest: ScanDocument | undefined, stage: StageName): number {
  return stageNames.slice(stageNames.indexOf(stage) + 1).reduce((sum, name) => {
    const { startedAt, finishedAt } = newest?.stages[name] ?? {};
    return sum + (startedAt && finishedAt ? Date.parse(finishedAt) - Date.parse(startedAt) : 0);
  }, 0);
}

const spell = (ms: number): string => {
  const minutes = Math.round(ms / 60_000);
  return minutes >= 120 ? `${Math.round(minutes / 6) / 10} h` : `${minutes} min`;
};

/** Times in epoch milliseconds. */
export function noticeOf(times: {
  now: Date;
  begunAt: number;
  dueAt: number;
  endsAt: number | undefined;
}): Problem | undefined {
  const { now, begunAt, dueAt, endsAt } = times;
  const over = now.getTime() > dueAt;
  if (!over && (endsAt === undefined || endsAt <= dueAt)) return undefined;
  const every = `a scan is due every ${spell(dueAt - begunAt)}`;
  const ends = endsAt === undefined ? '' : ` and is expected to take ${spell(endsAt - begunAt)} in all`;
  return {
    kind: 'interval-too-short',
    what: over
      ? `${every}, this one has run for ${spell(now.getTime() - begunAt)}${ends}`
      : `${every}, this one is expected to take ${spell(endsAt! - begunAt)}`,
    who: 'operator',
    remedy: 'scan less often (scanEveryMinutes), or let the app allow more calls; the next scan begins later',
    since: now.toISOString(),
  };
}
