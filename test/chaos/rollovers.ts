import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../workflows/messages.ts';

const atOnce = 20;
const everyMs = 100;
/** Temporal may stand still. */
const answerWithinMs = 2_000;

/** Runs of the connections' workflows, each of which may be made to roll over. */
export class Rollovers {
  readonly #client: Client;
  readonly #rollAt: number | undefined;
  /** By run: how many signals of ours it has. */
  readonly #sent = new Map<string, number>();

  /** @param rollAt events at which a run is told to roll over; without it none is made to. */
  constructor(client: Client, rollAt: number | undefined) {
    this.#client = client;
    this.#rollAt = rollAt;
  }

  /** Undefined while nobody can tell. */
  async runOf(connectionId: string): Promise<string | undefined> {
    const handle = this.#client.workflow.getHandle(workflowIdOf(connectionId));
    return this.#soon(() => handle.describe()).then(
      ({ runId }) => runId,
      () => undefined,
    );
  }

  /** Until the run of now has been followed by another; false when that is given up before. */
  async next(connectionId: string, given: AbortSignal): Promise<boolean> {
    let first: string | undefined;
    for (; !given.aborted; await delay(everyMs)) {
      const run = await this.runOf(connectionId);
      if (run === undefined) continue;
      first ??= run;
      if (run !== first) return true;
      await this.#wake(connectionId, run);
    }
    return false;
  }

  /** Signals that only wake: as many as make it so long that it is told to roll over, and no more. */
  async #wake(connectionId: string, runId: string): Promise<void> {
    const sent = this.#sent.get(runId) ?? 0;
    if (this.#rollAt === undefined || sent >= this.#rollAt) return;
    const handle = this.#client.workflow.getHandle(workflowIdOf(connectionId), runId);
    const signals = Array.from({ length: atOnce }, (_, n) =>
      this.#soon(() => (n === 0 ? handle.signal('changed') : handle.signal('requestAction', 'act_none'))),
    );
    const answers = await Promise.allSettled(signals);
    this.#sent.set(runId, sent + answers.filter(({ status }) => status === 'fulfilled').length);
  }

  #soon<T>(ask: () => Promise<T>): Promise<T> {
    return this.#client.withDeadline(Date.now() + answerWithinMs, ask);
  }
}
