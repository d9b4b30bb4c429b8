import { CancelledFailure } from '@temporalio/activity';
import { defaultContentBytes } from '../store/content-due.ts';
import type { ContentLease } from '../store/contents.ts';
import { LeaseLost } from '../store/lease-lost.ts';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { heartbeating } from './heartbeats.ts';
import type { Inspection } from './inspection.ts';
import { isOurs } from './is-ours.ts';
import { openSession, type Opened } from './open-session.ts';
import { asFailure, throttleDelay, unauthorized } from './problems.ts';
import { readContent } from './read-content.ts';
import type { ContentResult } from './results.ts';

const filesAtOnce = 6;

/** Whether a connection's contents are read, by the operator's wish and the app's means. */
export const readsContent = ({ connection, connector }: Pick<Opened, 'connection' | 'connector'>): boolean =>
  connection.content === 'on' && connector.content !== undefined;

/** For the lanes that find files: whether the lane of contents has something to do now. */
export const contentWaiting = async (deps: Dependencies, opened: Opened): Promise<boolean> =>
  readsContent(opened) && (await deps.store.contents.waiting(opened.connection._id));

/** Reads the contents of marked files, several at once, until none is due or the chunk's time is used up. */
export function contentChunk(deps: Dependencies): Activities['contentChunk'] {
  return async ({ connectionId }) => {
    const opened = await openSession(deps, connectionId, 'content');
    const { contents } = deps.store;
    const nothing = { counts: await contents.counts(connectionId), more: false, wishes: opened.wishes };
    if (!readsContent(opened)) return nothing;
    const chunk = new Chunk(deps, opened);
    const ending = await heartbeating(
      () => chunk.read(),
      () => chunk.keep(),
    );
    return { ...nothing, counts: await contents.counts(connectionId), ...ending };
  };
}

type Ending = Pick<ContentResult, 'delay' | 'unauthorized'>;

/** One file under way. */
interface Transfer {
  lease: ContentLease;
  inspection: Inspection | undefined;
  lost: boolean;
  keptAt: number;
}

class Chunk {
  private readonly transfers = new Set<Transfer>();
  private readonly deps: Dependencies;
  private readonly opened: Opened;
  private readonly deadline: number;
  private ending: Ending | undefined;

  constructor(deps: Dependencies, opened: Opened) {
    this.deps = deps;
    this.opened = opened;
    this.deadline = performance.now() + deps.times.chunkMs;
  }

  private goOn = (graceMs = 0): boolean =>
    this.ending === undefined && performance.now() < this.deadline + graceMs && !this.opened.session.signal.aborted;

  /** Prolongs the leases and puts aside how far each came, so that whoever takes one over goes on from there. */
  async keep(): Promise<void> {
    const { leaseMs } = this.deps.times;
    for (const transfer of this.transfers) {
      if (transfer.lost || performance.now() - transfer.keptAt < leaseMs / 3) continue;
      transfer.keptAt = performance.now();
      try {
        await this.deps.store.contents.keep(transfer.lease, leaseMs, transfer.inspection?.save());
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error;
        transfer.lost = true;
      }
    }
  }

  async read(): Promise<Partial<ContentResult>> {
    const workers = Array.from({ length: filesAtOnce }, () => this.worker());
    const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
    if (this.opened.session.signal.aborted) throw new CancelledFailure('asked to let go');
    if (this.ending) return { more: true, ...this.ending };
    const ms = await this.deps.store.contents.nextInMs(this.opened.connection._id);
    if (ms === undefined) return { more: false };
    if (ms === 0) return { more: true };
    return {
      more: true,
      delay: { ms, reason: 'unavailable', why: 'content: what failed, or is held elsewhere, comes later' },
    };
  }

  private async worker(): Promise<void> {
    while (this.goOn()) {
      const lease = await this.deps.store.contents.claim(this.opened.connection._id, this.deps.times.leaseMs);
      if (!lease) return;
      const transfer: Transfer = { lease, inspection: undefined, lost: false, keptAt: performance.now() };
      this.transfers.add(transfer);
      try {
        await this.transfer(transfer);
      } catch (error) {
        if (error instanceof LeaseLost) continue;
        // The others put aside what they have: nobody prolongs their leases any more.
        this.ending ??= {};
        throw error;
      } finally {
        this.transfers.delete(transfer);
      }
    }
  }

  private async transfer(transfer: Transfer): Promise<void> {
    const { store } = this.deps;
    const { connection, connector, session } = this.opened;
    const { lease } = transfer;
    let { progress } = lease;
    try {
      const content = await readContent(connector.content!, session, lease.file, {
        progress,
        maxBytes: connection.contentMaxBytes ?? defaultContentBytes,
        now: () => store.now(),
        // What has begun may end: of a short file nothing could be put aside.
        goOn: () => !transfer.lost && this.goOn(this.deps.times.chunkMs / 2),
        begun: (inspection) => {
          transfer.inspection = inspection;
          progress = undefined;
        },
      });
      if (content) await store.contents.finish(lease, content);
      else await store.contents.release(lease, transfer.inspection?.save() ?? progress);
    } catch (error) {
      if (error instanceof LeaseLost || isOurs(error)) throw error;
      await this.failed(transfer, progress, error);
    }
  }

  private async failed({ lease, inspection }: Transfer, kept: ContentLease['progress'], error: unknown): Promise<void> {
    const { store, times, log } = this.deps;
    const { connection, session } = this.opened;
    const progress = inspection?.save() ?? kept;
    if (session.signal.aborted) return store.contents.release(lease, progress).catch(() => undefined);
    const failure = asFailure(error);
    const { _id: connectionId } = connection;
    const { vendorId, part } = lease.file;
    switch (failure.kind) {
      case 'throttled':
        this.ending ??= { delay: throttleDelay(failure, 'content of files', times.bareThrottleMs) };
        return store.contents.release(lease, progress);
      case 'unauthorized':
        this.ending ??= { unauthorized: unauthorized(failure, connection.credentialVersion, store.now()) };
        return store.contents.release(lease, progress);
      case 'unavailable':
      case 'restart': {
        const inMs = times.againMs[lease.failures];
        if (inMs === undefined) break;
        return store.contents.release(lease, progress, { inMs: Math.max(inMs, failure.details.retryAfterMs ?? 0) });
      }
      case 'notFound':
        // The version, or the file, went: the record is behind.
        await store.pending.add(connectionId, [{ kind: 'files', vendorId, part }]);
        break;
      default:
      // Of this file, not of the connection: its record says why.
    }
    log.warn({ connectionId, vendorId, why: failure.message }, 'a content was not read');
    await store.contents.finish(lease, {
      version: lease.file.version ?? '',
      at: store.now(),
      skipped: failure.kind,
      why: failure.message,
    });
  }
}
