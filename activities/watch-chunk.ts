import { CancelledFailure } from '@temporalio/activity';
import type { PageRequest } from '../connectors/pages.ts';
import { Failure } from '../connectors/kit/failures.ts';
import { stageNames, type StageName } from '../connectors/records.ts';
import { LeaseLost } from '../store/lease-lost.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Agenda } from '../store/store.ts';
import { contentWaiting } from './content-chunk.ts';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { drainPending } from './drain-pending.ts';
import { feedFailed, openAtLease } from './feeds.ts';
import { checkHolds } from './holds.ts';
import { heartbeating } from './heartbeats.ts';
import { holderOf } from './holder.ts';
import { isOurs } from './is-ours.ts';
import { listParts } from './list-parts.ts';
import { openSession, type Opened } from './open-session.ts';
import { asFailure, throttleDelay, unauthorized } from './problems.ts';
import { readPages } from './read-pages.ts';
import { Renewal } from './renewal.ts';
import type { WatchResult } from './results.ts';
import { spread } from './spread.ts';
import { keepSubscribed } from './subscriptions.ts';

const pendingFeed = { stage: 'pending', partId: '' } as const;

/** One round: what is pending first, then every feed from where it stands to its end. */
export function watchChunk(deps: Dependencies): Activities['watchChunk'] {
  return async ({ connectionId, round, scope }) => {
    const opened = await openSession(deps, connectionId, 'watch');
    const agenda = await deps.store.agenda(connectionId, round);
    const chunk = new Chunk(deps, opened, round, agenda);
    const ending = await heartbeating(
      async () => {
        const followed = await chunk.followAndHold(scope);
        if (scope === 'all' && !followed.delay && !followed.unauthorized && !followed.more)
          await chunk.keepSubscribed();
        const spreads = agenda.spreads || chunk.changes > 0;
        return spreads && (await spread(deps, opened)) ? { ...followed, more: true } : followed;
      },
      () => chunk.renew(),
    );
    return {
      changes: chunk.changes,
      more: false,
      ...ending,
      actionsWaiting: (agenda.actions || chunk.looked) && (await deps.store.actions.waiting(connectionId)),
      contentWaiting: await contentWaiting(deps, opened),
      wishes: opened.wishes,
    };
  };
}

type Ending = Partial<Pick<WatchResult, 'delay' | 'unauthorized' | 'more'>>;

class Chunk {
  changes = 0;
  /** At held outcomes: one that did not stand may have asked for an action. */
  looked = false;
  private touched = false;
  /** Feeds that this round has to follow. */
  private left = 0;
  /** Something was looked up: what is held of it is looked at too. */
  private drained = false;
  private readonly deps: Dependencies;
  private readonly opened: Opened;
  private readonly round: number;
  private readonly agenda: Agenda;
  private readonly holder = holderOf();
  private readonly deadline: number;
  private lease: Lease | undefined;
  private renewal: Renewal;

  constructor(deps: Dependencies, opened: Opened, round: number, agenda: Agenda) {
    this.deps = deps;
    this.opened = opened;
    this.round = round;
    this.agenda = agenda;
    this.deadline = performance.now() + deps.times.chunkMs;
    this.renewal = new Renewal(deps.times.leaseMs);
  }

  private inTime = (): boolean => performance.now() < this.deadline && !this.opened.session.signal.aborted;

  /** Under the lease: who lost it leaves the quota to whoever has it now. */
  private goOn = (): boolean => this.inTime() && !this.renewal.over;

  async renew(): Promise<void> {
    const { lease } = this;
    if (lease) await this.renewal.renew((ms) => this.deps.store.positions.renew(lease, ms));
  }

  async follow(scope: 'all' | 'pending'): Promise<Ending> {
    this.left = await this.feedsLeft();
    const drained = this.agenda.pending ? await this.next(pendingFeed) : 'none';
    if (typeof drained !== 'string') return drained;
    if (scope === 'pending') return {};

    while (this.left > 0 && this.inTime()) {
      const outcome = await this.next();
      if (outcome === 'none') this.left = 0;
      else if (outcome !== 'done') return outcome;
      else this.left -= 1;
    }
    if (this.opened.session.signal.aborted) throw new CancelledFailure('asked to let go');
    if (this.left > 0) return { more: true };
    // What the feeds touched is looked at in the same round.
    const touched = this.touched ? await this.next(pendingFeed) : 'none';
    return typeof touched === 'string' ? {} : touched;
  }

  /** How many feeds this round has to follow; at first that cannot be known, as parts are still to be found. */
  private async feedsLeft(): Promise<number> {
    const { connection, connector } = this.opened;
    const followed = stageNames.filter((stage) => connector.stages[stage]?.changes);
    let left = 0;
    for (const stage of ['pending', ...followed] as const) {
      const known = this.agenda.feedsLeft.get(stage);
      if (known === undefined) {
        const role = stage !== 'pending' && connector.stages[stage]?.parts ? 'listing' : 'part';
        await this.deps.store.positions.ensureFeed(connection._id, stage, { id: '', title: '' }, role);
      }
      if (stage !== 'pending') left += known ?? Number.POSITIVE_INFINITY;
    }
    return left;
  }

  /** What the feeds told of held outcomes is looked at in the same round. */
  async followAndHold(scope: 'all' | 'pending'): Promise<Ending> {
    const ending = await this.follow(scope);
    if (ending.delay || ending.unauthorized || ending.more) return ending;
    if (!this.agenda.holds && !this.drained) return ending;
    this.looked = true;
    try {
      await checkHolds(this.deps, this.opened, this.inTime);
      return ending;
    } catch (error) {
      if (Failure.is(error, 'unauthorized'))
        return { unauthorized: unauthorized(error, this.opened.connection.credentialVersion, this.deps.store.now()) };
      if (!Failure.is(error, 'throttled')) throw error;
      const doing = 'looking after held actions';
      return { delay: throttleDelay(error, doing, this.deps.times.bareThrottleMs), more: true };
    }
  }

  /** Last, as nothing depends on it; what takes longer than a part of the chunk is gone on with in the next round. */
  async keepSubscribed(): Promise<void> {
    const until = performance.now() + this.deps.times.chunkMs / 4;
    const goOn = () => this.inTime() && performance.now() < until;
    if (this.inTime()) await keepSubscribed(this.deps, this.opened, this.agenda.subscription, goOn);
  }

  private async next(only?: typeof pendingFeed): Promise<'none' | 'done' | Ending> {
    const { store, times } = this.deps;
    const round = only ? Number.MAX_SAFE_INTEGER : this.round;
    const renewal = new Renewal(times.leaseMs);
    const claim = await store.positions.claimFeed(this.opened.connection._id, round, this.holder, times.leaseMs, only);
    if (!claim.lease) return 'none';
    this.renewal = renewal;
    this.lease = claim.lease;
    try {
      const end = await this.work(claim.lease);
      if (end === 'followed' && !only) await store.positions.completeRound(this.lease, this.round);
      else if (end === 'followed' || end === 'handedOver') await store.positions.release(this.lease);
      return 'done';
    } catch (error) {
      return await this.failed(this.lease, error);
    } finally {
      this.lease = undefined;
    }
  }

  /** `followed` to its end, `settled` with the round or for good, or handed over in the middle. */
  private async work(lease: Lease): Promise<'followed' | 'settled' | 'handedOver'> {
    const { position } = lease;
    if (position.stage === 'pending') {
      const drained = await drainPending(this.deps, this.opened, lease, this.goOn, (moved) => (this.lease = moved));
      this.changes += drained.settled;
      this.drained = true;
      return 'followed';
    }
    if (position.role === 'listing') return this.list(lease, position.stage);
    if (position.checkpoint === undefined) {
      this.touched = true;
      this.lease = await openAtLease(this.deps, this.opened, position.stage, lease);
      return 'followed';
    }
    return this.poll(lease, position.stage);
  }

  /** Finds the parts whose feeds are to be opened; the sweep's own listing adds what comes later. */
  private async list(lease: Lease, stage: StageName): Promise<'settled' | 'handedOver'> {
    const moved = (current: Lease) => (this.lease = current);
    const listed = await listParts(this.deps, this.opened, lease, { stage, feeds: true, goOn: this.goOn, moved });
    if (!listed.ended) return 'handedOver';
    await this.deps.store.positions.complete(listed.lease, { kinds: [], suspectShare: 1 });
    // Those that it found.
    this.left = Number.POSITIVE_INFINITY;
    return 'settled';
  }

  private async poll(lease: Lease, stage: StageName): Promise<'followed' | 'settled' | 'handedOver'> {
    const spec = this.opened.connector.stages[stage]!;
    const since = lease.position.startedAt;
    const result = await readPages(this.deps.store, {
      lease,
      request: {},
      page: async (request: PageRequest) => {
        const page = await spec.changes!(this.opened.session, request);
        this.touched ||= (page.touched?.length ?? 0) > 0;
        return page;
      },
      goOn: this.goOn,
      groupMs: this.deps.times.groupMs,
      feed: true,
      round: this.round,
      ...(stage === 'activities' &&
        since && {
          covered: (observedAt: Date) => ({ from: since, until: observedAt, latenessMs: spec.latenessMs ?? 0 }),
        }),
      committed: (counts, current) => {
        this.changes += counts.added + counts.changed + counts.removed;
        this.lease = current;
      },
      acknowledge: spec.acknowledge && ((receipt) => spec.acknowledge!(this.opened.session, receipt)),
    });
    this.lease = result.lease;
    return result.roundDone ? 'settled' : result.ended ? 'followed' : 'handedOver';
  }

  private async failed(lease: Lease, error: unknown): Promise<'done' | Ending> {
    const { store, times } = this.deps;
    if (error instanceof LeaseLost) return 'done';
    if (this.opened.session.signal.aborted) {
      await store.positions.release(lease).catch(() => undefined);
      throw new CancelledFailure('asked to let go');
    }
    if (isOurs(error)) throw error;
    const failure = asFailure(error);
    const { stage, part } = lease.position;
    const doing = `following ${stage}${part.title ? ` ${part.title}` : ''}`;
    switch (failure.kind) {
      case 'throttled':
        await store.positions.release(lease);
        return { delay: throttleDelay(failure, doing, times.bareThrottleMs), more: true };
      case 'unauthorized':
        await store.positions.release(lease);
        return { unauthorized: unauthorized(failure, this.opened.connection.credentialVersion, store.now()) };
      default:
        await feedFailed(this.deps, lease, failure);
        return 'done';
    }
  }
}
