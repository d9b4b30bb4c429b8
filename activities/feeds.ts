import type { Part } from '../connectors/pages.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { StageName } from '../connectors/records.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Dependencies } from './dependencies.ts';
import type { Opened } from './open-session.ts';
import { problemOf } from './problems.ts';

const blindAgainMs = 30 * 60_000;
export const isBlind = (kind: string | undefined): boolean => kind === 'forbidden' || kind === 'unavailableSubject';

/** Fixes the point from which a feed follows: what happens after it is told, what was before is the sweep's. */
export async function openAtLease(deps: Dependencies, opened: Opened, stage: StageName, lease: Lease): Promise<Lease> {
  const observedAt = deps.store.now();
  const page = await opened.connector.stages[stage]!.changes!(opened.session, {
    part: lease.position.part,
    from: observedAt,
  });
  if (page.checkpoint === undefined) {
    throw new Failure('unavailable', `the app opened no feed for ${stage} ${lease.position.part.title}`, {
      who: 'vendor',
    });
  }
  const { lease: next } = await deps.store.positions.commit(lease, {
    pages: [{ records: page.records, removed: page.removed ?? [], observedAt }],
    touched: page.touched ?? [],
    skipped: 0,
    cursor: null,
    checkpoint: page.checkpoint,
  });
  return next;
}

/** Ends the try of a feed; it is due again later. */
export async function feedFailed(deps: Dependencies, lease: Lease, failure: Failure): Promise<void> {
  const { store, times, log } = deps;
  const { connectionId, stage, part, failures } = lease.position;
  const problem = problemOf(failure, store.now());
  const doing = `following ${stage}${part.title ? ` ${part.title}` : ''}`;
  log.warn({ connectionId, doing, problem }, 'a feed failed');
  // What is named anew waits with what failed.
  const waits = stage === 'pending' ? times.againMs : [...times.againMs, ...times.failedAgainMs];
  const again = isBlind(failure.kind) ? blindAgainMs : waits[Math.min(failures, waits.length - 1)];
  await store.positions.fail(lease, 'open', problem, again, failure.kind === 'restart' ? 'checkpoint' : undefined);
}

/** Throws what the app answered, once the feed is given up: the part that is to be swept is tried again with it. */
type Failed = (lease: Lease, error: unknown) => Promise<void>;

/**
 * For a sweep that is about to begin: opens the part's feed unless it is open. A number says that another is at it, or
 * that it is not due yet, and in how many milliseconds to come back.
 */
export async function openFeed(
  deps: Dependencies,
  opened: Opened,
  stage: StageName,
  part: Part,
  holder: string,
  failed: Failed = async (lease, error) => {
    await deps.store.positions.release(lease).catch(() => undefined);
    throw error;
  },
): Promise<number | undefined> {
  const { positions } = deps.store;
  const connectionId = opened.connection._id;
  if ((await positions.feed(connectionId, stage, part.id))?.checkpoint !== undefined) return undefined;
  await positions.ensureFeed(connectionId, stage, part);
  const claim = await positions.claimFeed(connectionId, Number.MAX_SAFE_INTEGER, holder, deps.times.leaseMs, {
    stage,
    partId: part.id,
  });
  if (!claim.lease) return Math.min(claim.inMs ?? 1000, 5000);
  if (claim.lease.position.checkpoint !== undefined) {
    await positions.release(claim.lease);
    return undefined;
  }
  try {
    await positions.release(await openAtLease(deps, opened, stage, claim.lease));
  } catch (error) {
    await failed(claim.lease, error);
  }
  return undefined;
}
