import { randomUUID } from 'node:crypto';
import type { ReconciliationFinding, ReconciliationReport } from '../../store/reconciliation.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { mend, type MendDeps, type Mended } from './mend.ts';
import { mismatches, type Mismatch } from './mismatches.ts';
import { silent } from './silent.ts';

/** Compares what the store wants with what Temporal runs, again and again, and mends what fell between the two. */
export interface Reconciler {
  run(): void;
  /** One run, if it is this process's turn. */
  once(): Promise<ReconciliationReport | null>;
  /** Ends after what is being mended. */
  stop(): Promise<void>;
}

export interface ReconcilerOptions extends Omit<MendDeps, 'stuckAfter'> {
  clock: Clock;
  logger: Logger;
  /** Milliseconds between two runs of the whole installation, and how long something may be underway: 60 s. */
  everyMs: number;
  leaseMs?: number;
  /** How many are mended at once. */
  atOnce?: number;
  /** 5 tries and five times `everyMs`. */
  stuckAfter?: MendDeps['stuckAfter'];
  /** Of how many silent connections Temporal is asked in one run: 50. */
  askedOf?: number;
  random?: () => number;
}

type Finding = ReconciliationFinding;
const nameOf = ({ case: name, connectionId, workflowId }: Finding): string =>
  `${name} ${connectionId ?? workflowId ?? ''}`;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { store, clock, logger, everyMs, leaseMs = 60_000, atOnce = 8, random = Math.random } = options;
  const { stuckAfter = { tries: 5, ms: 5 * everyMs }, askedOf = 50 } = options;
  const { reconciliation } = store;
  const holder = randomUUID();
  let stopped = false;
  let callOff = () => {};
  let turn: Promise<unknown> = Promise.resolve();

  async function once(): Promise<ReconciliationReport | null> {
    if (!(await reconciliation.claim(holder, { leaseMs, everyMs: everyMs * 0.9 }))) return null;
    const report: ReconciliationReport = {
      startedAt: store.now(),
      finishedAt: store.now(),
      looked: { connections: 0, workflows: 0 },
      found: 0,
      mended: 0,
      unmended: 0,
      findings: [],
    };
    const findings: Finding[] = [];
    try {
      await look(report, findings);
    } catch (error) {
      report.failure = error instanceof Error ? error.message.slice(0, 300) : String(error);
      logger.warn({ why: report.failure }, 'reconciliation broke off; it is tried again');
    }
    const [mended, unmended] = [findings.filter((each) => each.mended), findings.filter((each) => !each.mended)];
    Object.assign(report, {
      finishedAt: store.now(),
      found: findings.length,
      mended: mended.length,
      unmended: unmended.length,
      findings: unmended,
    });
    await reconciliation.finish(holder, report, mended);
    const { findings: _told, ...counted } = report;
    logger.debug(counted, 'reconciliation');
    return report;
  }

  async function look(report: ReconciliationReport, findings: Finding[]): Promise<void> {
    const { last, recent = [] } = (await reconciliation.read()) ?? {};
    // What the last run found, mended or not: found once more it was not mended.
    const before = recent.filter(({ at }) => at.getTime() === last?.finishedAt.getTime());
    const known = new Map([...before, ...(last?.findings ?? [])].map((each) => [nameOf(each), each]));
    const note = (finding: Omit<Finding, 'since' | 'times'>, times = timesOf(finding)): void => {
      const since = known.get(nameOf(finding as Finding))?.since ?? store.now();
      findings.push({ ...finding, since, times });
      const { connectionId, workflowId, case: name, what, did, remedy, mended } = finding;
      const told = { connectionId, workflowId, case: name, what, did, remedy, times };
      logger.warn(told, mended ? 'reconciled' : 'not reconciled');
    };
    const timesOf = (finding: Pick<Finding, 'case' | 'connectionId' | 'workflowId'>): number =>
      (known.get(nameOf(finding as Finding))?.times ?? 0) + 1;

    for (const { connectionId, expired } of await store.actions.expireOverdue()) {
      const what = `${expired} action(s) were past their time, and no lane was there to say so`;
      note({ case: 'actionOverdue', connectionId, what, mended: true, did: 'marked them expired' }, 1);
    }
    // In this order: see `World`.
    const connections = await reconciliation.outlines();
    const workflows = await options.temporal.running();
    const backlog = await store.actions.backlog();
    report.looked = { connections: connections.length, workflows: workflows.length };
    const world = { connections, workflows, backlog, now: store.now(), patienceMs: everyMs };
    const found = mismatches(world);
    const named = new Set(found.map(({ connectionId }) => connectionId));
    const quiet = (await silent(world, reconciliation.lookedAt)).filter((each) => !named.has(each.connectionId));
    // Those that hold each other up must not do so in every run; nor those that are silent for a good reason.
    const shuffle = (all: Mismatch[]) =>
      all
        .map((each) => ({ each, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ each }) => each);
    const shuffled = [...shuffle(found), ...shuffle(quiet).slice(0, askedOf)];
    const until = clock.now().getTime() + Math.max(everyMs * 0.75, 20_000);
    for (let at = 0; at < shuffled.length; at += atOnce) {
      if (stopped || !(await reconciliation.renew(holder, leaseMs))) return;
      const late = clock.now().getTime() > until;
      await settleAll(
        shuffled.slice(at, at + atOnce).map(async (each) => {
          const shown = shownOf(each);
          const times = timesOf(shown);
          const done: Mended | null = late
            ? { mended: false, remedy: 'there was no time left for it in this run: it is for the next' }
            : await mend({ ...options, stuckAfter }, each, times);
          if (done) note({ ...shown, ...done });
        }),
      );
    }
  }

  function run() {
    turn = once()
      .catch((error: unknown) => logger.warn({ why: String(error) }, 'no reconciliation; it is tried again'))
      .then(() => {
        if (!stopped) callOff = clock.after(everyMs * (0.9 + 0.2 * random()), run);
      });
  }

  return {
    run,
    once,
    async stop() {
      stopped = true;
      callOff();
      await turn;
    },
  };
}

const shownOf = (mismatch: Mismatch) => ({
  case: mismatch.case,
  what: mismatch.what,
  ...(mismatch.connectionId !== undefined && { connectionId: mismatch.connectionId }),
  ...(mismatch.case === 'workflowOrphaned' && { workflowId: mismatch.workflow.workflowId }),
});

/** All come to their end before the first failure is thrown: nothing is left running behind the lease's back. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  for (const each of await Promise.allSettled(work)) if (each.status === 'rejected') throw each.reason;
}
