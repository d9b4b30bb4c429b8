import { CancelledFailure } from '@temporalio/activity';
import type { Stage } from '../connectors/connector.ts';
import type { PageRequest, Ref } from '../connectors/pages.ts';
import { recordKinds, stageOf, type AnyRecord, type StageName } from '../connectors/records.ts';
import { LeaseLost } from '../store/lease-lost.ts';
import type { Lease, PartsSummary } from '../store/positions-interface.ts';
import { awaitTrail } from './await-trail.ts';
import { contentWaiting } from './content-chunk.ts';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { openFeed } from './feeds.ts';
import { heartbeating } from './heartbeats.ts';
import { holderOf } from './holder.ts';
import { isOurs } from './is-ours.ts';
import { listParts } from './list-parts.ts';
import { lookedPages } from './looked-pages.ts';
import { openSession, type Opened } from './open-session.ts';
import { outlook } from './outlook.ts';
import { asFailure, problemOf, throttleDelay, unauthorized } from './problems.ts';
import { readPages } from './read-pages.ts';
import { Renewal } from './renewal.ts';
import type { SweepResult } from './results.ts';
import { spread } from './spread.ts';

/** Above this share of a part nothing is removed until the next scan, or an operator, says so too. */
const suspectShare = 0.3;
const retentionMs = 90 * 24 * 3600_000;

type Ending = Partial<Pick<SweepResult, 'delay' | 'unauthorized' | 'held'>>;

/** Takes parts of the stage by lease and reads them until the chunk's time is used up. */
export function sweepChunk(deps: Dependencies): Activities['sweepChunk'] {
  return async ({ connectionId, stage, scan }) => {
    const opened = await openSession(deps, connectionId, 'sweep');
    const spec = opened.connector.stages[stage];
    if (!spec?.sweep) return nothing(opened, opened.connector.absent[stage], deps.store.now());

    const chunk = new Chunk(deps, opened, stage, spec, scan);
    const ending = await heartbeating(
      async () => {
        const read = await chunk.read();
        if (stage === 'files') await spread(deps, opened);
        return read;
      },
      () => chunk.renew(),
    );
    const summary = await deps.store.positions.summary(connectionId, 'sweep', stage, scan);
    return {
      ...resultOf(summary),
      ...ending,
      ...(await outlook(deps, opened.connection, { stage, scan, summary, waitMs: ending.delay?.ms })),
      retryInMs: await retryIn(deps, connectionId, stage),
      contentWaiting: await contentWaiting(deps, opened),
      wishes: opened.wishes,
    };
  };
}

class Chunk {
  private deadline: number;
  private readonly holder: string;
  private lease: Lease | undefined;
  private renewal: Renewal;
  /** What the audit trail names from now on will be looked at again. */
  private trailed = false;
  private readonly deps: Dependencies;
  private readonly opened: Opened;
  private readonly stage: StageName;
  private readonly spec: Stage<AnyRecord>;
  private readonly scan: number;

  constructor(deps: Dependencies, opened: Opened, stage: StageName, spec: Stage<AnyRecord>, scan: number) {
    this.deps = deps;
    this.opened = opened;
    this.stage = stage;
    this.spec = spec;
    this.scan = scan;
    this.deadline = performance.now() + deps.times.chunkMs;
    this.renewal = new Renewal(deps.times.leaseMs);
    this.holder = holderOf();
  }

  private inTime = (): boolean => performance.now() < this.deadline && !this.opened.session.signal.aborted;

  /** Under the lease: who lost it leaves the quota to whoever has it now. */
  private goOn = (): boolean => this.inTime() && !this.renewal.over;

  async renew(): Promise<void> {
    const { lease } = this;
    if (lease) await this.renewal.renew((ms) => this.deps.store.positions.renew(lease, ms));
  }

  async read(): Promise<Ending> {
    const { store, times } = this.deps;
    const { connection } = this.opened;
    await store.positions.beginStage(connection._id, this.stage, this.scan, {
      listing: this.spec.parts !== undefined,
      ...(this.stage === 'activities' && {
        range: { from: new Date(store.now().getTime() - (this.spec.retentionMs ?? retentionMs)), until: store.now() },
      }),
    });
    while (this.inTime()) {
      const renewal = new Renewal(times.leaseMs);
      const claim = await store.positions.claim(
        connection._id,
        'sweep',
        this.stage,
        this.scan,
        this.holder,
        times.leaseMs,
      );
      if (!claim.lease) {
        if (claim.open === 0) return {};
        const why = claim.waiting?.failure
          ? `${this.stage} ${claim.waiting.part.title}: ${claim.waiting.failure.what}`
          : `${this.stage}: what is left is held by another worker`;
        return {
          held: !claim.waiting?.failure,
          delay: {
            ms: Math.max(claim.inMs ?? 1000, 100),
            reason: claim.waiting?.failure ? 'unavailable' : 'lease',
            why,
          },
        };
      }
      this.renewal = renewal;
      this.lease = claim.lease;
      const ending = await this.work(claim.lease);
      this.lease = undefined;
      if (ending) return ending;
    }
    if (this.opened.session.signal.aborted) throw new CancelledFailure('asked to let go');
    return {};
  }

  private async work(lease: Lease): Promise<Ending | undefined> {
    try {
      const isPart = lease.position.role === 'part';
      const waiting = isPart ? await this.awaitTrail() : undefined;
      if (waiting) {
        await this.deps.store.positions.release(lease);
        return waiting;
      }
      const busyMs = isPart ? await this.awaitFeed(lease) : undefined;
      if (busyMs !== undefined) {
        await this.deps.store.positions.release(lease, busyMs);
        return undefined;
      }
      const current = isPart ? await this.sweep(lease) : await this.list(lease);
      if (current) await this.deps.store.positions.release(current);
      // Where the parts that are known now take longer than this, the workflow is soon let send more readers.
      if (!isPart && !current)
        this.deadline = Math.min(this.deadline, performance.now() + this.deps.times.chunkMs / 12);
      return undefined;
    } catch (error) {
      return this.failed(lease, error);
    }
  }

  /** Pages through the stage's parts; undefined when it came to the end. */
  private async list(lease: Lease): Promise<Lease | undefined> {
    const listed = await listParts(this.deps, this.opened, lease, {
      stage: this.stage,
      feeds: this.spec.changes !== undefined,
      goOn: this.goOn,
      moved: (current) => (this.lease = current),
    });
    if (!listed.ended) return listed.lease;
    await this.deps.store.positions.complete(listed.lease, {
      kinds: this.kinds(),
      suspectShare,
      accept: this.opened.connection.acceptRemovals === true,
    });
    return undefined;
  }

  /** A part's feed is open before the first page of its sweep is asked for: no change falls between the two. */
  private async awaitFeed(lease: Lease): Promise<number | undefined> {
    if (!this.spec.changes) return undefined;
    return openFeed(this.deps, this.opened, this.stage, lease.position.part, this.holder);
  }

  /** The same of what the audit trail names. */
  private async awaitTrail(): Promise<Ending | undefined> {
    if (!this.spec.lookup || this.trailed) return undefined;
    const ms = await awaitTrail(this.deps, this.opened, this.holder);
    this.trailed = ms === undefined;
    if (ms === undefined) return undefined;
    const why = `${this.stage}: the audit trail is to be followed first, so that no change is missed`;
    return { delay: { ms: Math.max(ms, 100), reason: 'unavailable', why } };
  }

  private async sweep(lease: Lease): Promise<Lease | undefined> {
    const { store } = this.deps;
    const { position } = lease;
    const range = this.stage === 'activities' ? await this.range(lease) : undefined;
    // An earlier chunk came to the end and was interrupted while it asked about what is missing.
    const read = position.ended ? { lease, ended: true } : await this.readPart(lease, range);
    if (!read.ended) return read.lease;
    const removal = await store.positions.complete(read.lease, {
      kinds: this.kinds(),
      suspectShare,
      accept: this.opened.connection.acceptRemovals === true,
      lookup: this.spec.lookup && ((refs) => this.confirm(refs)),
    });
    if (removal.suspect) {
      this.deps.log.warn(
        { connectionId: position.connectionId, stage: this.stage, part: position.part.id },
        'suspect part',
      );
    }
    return undefined;
  }

  private async readPart(lease: Lease, range: { from: Date; until: Date } | undefined) {
    return readPages(this.deps.store, {
      lease,
      request: { ...range },
      page: (request: PageRequest) => this.spec.sweep!(this.opened.session, request),
      goOn: this.goOn,
      groupMs: this.deps.times.groupMs,
      feed: false,
      ...(range && { covered: () => ({ ...range, latenessMs: this.spec.latenessMs ?? 0 }) }),
      committed: (_counts, current) => {
        this.lease = current;
      },
    });
  }

  private kinds() {
    return recordKinds.filter((kind) => stageOf[kind] === this.stage);
  }

  private async confirm(refs: readonly Ref[]) {
    const observedAt = this.deps.store.now();
    const looked = await this.spec.lookup!(this.opened.session, refs);
    return lookedPages(this.spec, looked, looked.absent, observedAt);
  }

  /** From where this source is known without a hole, less how late its rows may come. */
  private async range(lease: Lease): Promise<{ from: Date; until: Date }> {
    const { connectionId, part, from, until } = lease.position;
    const range = { from: from ?? new Date(0), until: until ?? this.deps.store.now() };
    if (lease.position.cursor) return range;
    const known = (await this.deps.store.coverage.get(connectionId)).find((coverage) => coverage.part === part.id);
    const first = known?.intervals[0];
    if (!first || first.from > range.from) return range;
    const overlap = first.until.getTime() - (this.spec.latenessMs ?? 0);
    return {
      from: new Date(Math.min(Math.max(range.from.getTime(), overlap), range.until.getTime())),
      until: range.until,
    };
  }

  private async failed(lease: Lease, error: unknown): Promise<Ending | undefined> {
    const { store, times, log } = this.deps;
    // The newest lease of this work: commits moved it on since it was claimed.
    const current = this.lease ?? lease;
    if (error instanceof LeaseLost) return undefined;
    const { signal } = this.opened.session;
    if (signal.aborted) {
      await store.positions.release(current).catch(() => undefined);
      throw new CancelledFailure('asked to let go');
    }
    if (isOurs(error)) throw error;
    const failure = asFailure(error);
    const { title } = current.position.part;
    const doing = `${this.stage}${title ? ` ${title}` : ''}`;
    const problem = problemOf(failure, store.now());
    switch (failure.kind) {
      case 'throttled':
        await store.positions.release(current);
        return { delay: throttleDelay(failure, `${doing}, ${progressOf(current)}`, times.bareThrottleMs) };
      case 'unauthorized':
        await store.positions.release(current);
        return { unauthorized: unauthorized(failure, this.opened.connection.credentialVersion, store.now()) };
      case 'forbidden':
        await store.positions.fail(current, 'blind', problem);
        return undefined;
      case 'unavailableSubject':
        await store.positions.fail(current, 'skipped', problem);
        return undefined;
      default: {
        const { failures } = current.position;
        log.warn({ connectionId: current.position.connectionId, doing, failures, problem }, 'a part failed');
        const begin = failure.kind === 'restart' ? 'cursor' : undefined;
        const again = times.againMs[failures];
        if (again !== undefined) await store.positions.fail(current, 'open', problem, again, begin);
        else {
          const { failedAgainMs } = times;
          const later = failedAgainMs[Math.min(failures - times.againMs.length, failedAgainMs.length - 1)];
          await store.positions.fail(current, 'failed', problem, later, begin);
        }
        return undefined;
      }
    }
  }
}

/** "1,240 of about 8,000" */
function progressOf({ position: { counts, estimate } }: Lease): string {
  const read = counts.added + counts.changed + counts.unchanged;
  return `${read.toLocaleString('en')}${estimate ? ` of about ${estimate.toLocaleString('en')}` : ' read so far'}`;
}

function resultOf(summary: PartsSummary) {
  const { total, done, failed, blind, skipped, open, counts, estimate, trust, example } = summary;
  return {
    counts,
    parts: { total, done: done + skipped, failed, blind, open },
    estimate,
    trust,
    ...(example?.failure && { problem: withoutEvidence(example.failure) }),
    ended: open === 0 && total > 0,
  };
}

const withoutEvidence = ({ kind, what, who, remedy, since }: ReturnType<typeof problemOf>) => ({
  kind,
  what,
  who,
  ...(remedy && { remedy }),
  since,
});

async function retryIn(deps: Dependencies, connectionId: string, stage: StageName): Promise<number | undefined> {
  const failed = await deps.store.positions.list(connectionId, { lane: 'sweep', stage, state: 'failed', limit: 100 });
  const times = failed.items.flatMap((position) => (position.notBefore ? [position.notBefore.getTime()] : []));
  return times.length === 0 ? undefined : Math.max(Math.min(...times) - deps.store.now().getTime(), 1000);
}

function nothing(opened: Opened, why: string | undefined, now: Date): SweepResult {
  return {
    counts: { added: 0, changed: 0, unchanged: 0, removed: 0, skipped: 0, pages: 0 },
    parts: { total: 0, done: 0, failed: 0, blind: 0, open: 0 },
    estimate: 0,
    trust: 'trusted',
    ended: true,
    absent: true,
    problem: { kind: 'absent', what: why ?? 'not supported', who: 'nobody', since: now.toISOString() },
    wishes: opened.wishes,
  };
}
