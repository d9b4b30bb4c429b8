import {
  CancellationScope,
  condition,
  isCancellation,
  patched,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { Delay, Unauthorized, Wishes } from '../activities/results.ts';
import { Attributes } from './attributes.ts';
import { details } from './details.ts';
import type { ConnectionInput, ConnectionState, Lane, Phase, Problem } from './messages.ts';
import { newState } from './new-state.ts';
import { recording, recordingLocally } from './proxies.ts';

/** Why the lanes of this run end: to roll over, to obey the operator, or to prove a credential. */
export type Interruption = 'rollover' | 'wish' | 'credentials';

const maxEvents = 3000;
const maxAgeMs = 24 * 3600_000;

export const now = (): string => new Date().toISOString();
export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
const message = (error: unknown): string =>
  error instanceof Error ? ((error.cause as Error)?.message ?? error.message) : String(error);

/** One run of the connection's workflow: its state, what woke it, and what ends it. */
export class Run {
  readonly input: ConnectionInput;
  readonly state: ConnectionState;
  /** Set by signals and updates, which do nothing else. */
  readonly woken = { actions: true, changed: false, content: false, rescan: false, wish: false, credentials: false };
  wishes: Wishes | undefined;
  interruption: Interruption | undefined;
  /** The credential version that the newest authentication proved. */
  credentialVersion = 0;
  private scope: CancellationScope | undefined;
  private readonly startedAt = Date.now();
  private readonly attributes: Attributes;
  private lastRecord: Promise<void> = Promise.resolve();
  private nextRecord: Promise<void> | undefined;

  constructor(input: ConnectionInput) {
    this.input = input;
    this.state = input.state ?? newState();
    this.attributes = new Attributes(input.app);
  }

  get connectionId(): string {
    return this.input.connectionId;
  }

  /** Runs the lanes until something interrupts them; a cancelled activity gets ten seconds to let go, a step a minute. */
  async lanes(...lanes: (() => Promise<void>)[]): Promise<void> {
    const scope = new CancellationScope();
    this.scope = scope;
    let ended = false;
    let broken: unknown;
    void scope
      .run(() => Promise.all(lanes.map((lane) => lane())))
      .catch((error: unknown) => {
        if (!isCancellation(error)) broken = error;
      })
      .finally(() => (ended = true));
    await condition(() => ended || this.interruption !== undefined);
    if (!ended) scope.cancel();
    await condition(() => ended, 10_000, { summary: `letting go: ${this.interruption}` });
    // The next run would tear what a step is writing. Not for a wish, which may be to stop.
    if (!ended && this.interruption === 'rollover' && this.state.actions.running > 0 && patched('steps-end'))
      await condition(() => ended || this.state.actions.running === 0, 50_000, { summary: 'letting a step end' });
    this.scope = undefined;
    this.state.waits = {};
    this.state.actions.running = 0;
    // A lane turns every failure into state; what it throws is a fault of ours, and the task waits for its repair.
    if (broken) throw broken;
  }

  interrupt(why: Interruption): void {
    this.interruption ??= why;
  }

  /** Long enough for one history. */
  get worn(): boolean {
    const info = workflowInfo();
    return info.continueAsNewSuggested || info.historyLength > maxEvents || Date.now() - this.startedAt > maxAgeMs;
  }

  /** What a chunk brought back besides its work; may interrupt. */
  learn(result: { wishes?: Wishes; unauthorized?: Unauthorized; contentWaiting?: boolean }): void {
    if (result.wishes) {
      this.wishes = result.wishes;
      if (result.wishes.wanted !== 'running') this.interrupt('wish');
      else if (result.wishes.credentialVersion > this.credentialVersion) this.interrupt('credentials');
      if (result.wishes.rescanWanted > this.state.rescansServed) this.woken.rescan = true;
    }
    if (result.contentWaiting) this.woken.content = true;
    // Refused with a credential that is no longer the newest: the newest is proved first.
    if (result.unauthorized) this.interrupt('credentials');
    if (this.worn) this.interrupt('rollover');
  }

  /**
   * Calls an activity for a lane. Undefined says that the lane ends now. When our own side keeps failing, the lane
   * says so and waits in a timer of its own, then the caller tries again: null.
   */
  async call<R>(lane: Lane, work: () => Promise<R>): Promise<R | null | undefined> {
    try {
      if (this.interruption) return undefined;
      return await work();
    } catch (error) {
      if (isCancellation(error) || this.interruption) return undefined;
      await this.trouble(lane, error);
      return null;
    }
  }

  /** The same for what must be done whatever the lanes do: tried until it is done. */
  async persist<R>(lane: Lane, work: () => Promise<R>): Promise<R> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (isCancellation(error)) throw error;
        await this.trouble(lane, error);
      }
    }
  }

  private async trouble(lane: Lane, error: unknown): Promise<void> {
    await this.wait(lane, {
      ms: this.state.settings?.troubleMs ?? 30_000,
      reason: 'trouble',
      why: `our own side failed, tried again soon: ${message(error).slice(0, 200)}`,
    });
  }

  /** A durable wait that people can see; true when `wake` ended it. */
  async wait(lane: Lane, delay: Delay, wake: () => boolean = () => false): Promise<boolean> {
    const { ms, ...wait } = delay;
    const shown = { ...wait, until: inMs(ms) };
    this.state.waits[lane] = shown;
    await this.publish();
    const woken = await this.pause(ms, wait.why, wake);
    // Several readers of a lane may wait; the newest is shown.
    if (this.state.waits[lane] === shown) delete this.state.waits[lane];
    return woken;
  }

  /** The same without a word in the state: for routine timers. */
  async pause(ms: number, summary: string, wake: () => boolean = () => false): Promise<boolean> {
    return this.until(() => wake(), ms, summary);
  }

  /** Until `wake` or an interruption; true when `wake` ended it. */
  async until(wake: () => boolean, ms?: number, summary?: string): Promise<boolean> {
    const woken = (): boolean => this.interruption !== undefined || wake();
    try {
      if (ms === undefined) await condition(woken);
      else await condition(woken, Math.max(ms, 1), { summary: (summary ?? '').slice(0, 200) });
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
    return wake();
  }

  async enter(phase: Phase, problem?: Problem): Promise<void> {
    this.state.phase = phase;
    if (problem) this.state.problem = problem;
    else delete this.state.problem;
    await this.publish();
  }

  /** To MongoDB, to the search attributes and to the page of the Temporal UI. */
  async publish(): Promise<void> {
    setCurrentDetails(details(this.input, this.state));
    this.attributes.show(this.state);
    await (patched('states-in-order') ? this.recordInTurn() : this.record());
  }

  /**
   * One at a time, or an older could end after a newer; those who come while one is under way share the next. (Local
   * activities, as runs of before have them, could not be replayed either where they end in another order than they began.)
   */
  private recordInTurn(): Promise<void> {
    const begin = (): Promise<void> => {
      this.nextRecord = undefined;
      return (this.lastRecord = this.record());
    };
    return (this.nextRecord ??= this.lastRecord.then(begin, begin));
  }

  private record(): Promise<void> {
    return CancellationScope.nonCancellable(() =>
      (patched('states-by-task') ? recording : recordingLocally).writeState({
        connectionId: this.connectionId,
        state: this.state,
      }),
    );
  }
}
