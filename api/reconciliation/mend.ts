import { workflowIdOf } from '../../workflows/messages.ts';
import type { Deps } from '../deps.ts';
import { TemporalFailure } from '../temporal.ts';
import { needsWorkflow, type Mismatch } from './mismatches.ts';

export interface Mended {
  mended: boolean;
  /** Where the cause turned out to be another one. */
  case?: 'workflowStuck';
  what?: string;
  did?: string;
  remedy?: string;
}

export interface MendDeps extends Pick<Deps, 'store' | 'temporal' | 'starter'> {
  /** A workflow task that was tried so often, and fails for so many milliseconds, is not waited for any longer. */
  stuckAfter: { tries: number; ms: number };
}

/** A signal that nobody takes stays in the history, which is bounded: sent the 1st, 2nd, 4th, 8th … time. */
const isTurn = (times: number): boolean => (times & (times - 1)) === 0;
const workerFails = 'see what the log of the worker says, and of which release it is';
const noWorker = 'see that a worker runs and what the Temporal UI shows of this workflow';

/**
 * Looks once more, since the world was read piece by piece, and does what is missing. `times`: in how many runs in a row
 * it was found. Null: by now all is well. Throws when Temporal or MongoDB is away.
 */
export async function mend(deps: MendDeps, mismatch: Mismatch, times: number): Promise<Mended | null> {
  try {
    const done = await attempt(deps, mismatch, times);
    if (!done?.mended || done.case || times === 1) return done;
    // Done before, and still so: this is for people.
    return { ...done, mended: false, remedy: done.remedy ?? `it did not help ${times - 1} times: ${noWorker}` };
  } catch (error) {
    if (!(error instanceof TemporalFailure) || error.kind === 'server') throw error;
    // It ended meanwhile: the next run sees what became of it.
    if (error.kind === 'notRunning') return null;
    return { mended: false, did: `tried, but ${error.message}`, remedy: noWorker };
  }
}

async function attempt(deps: MendDeps, mismatch: Mismatch, times: number): Promise<Mended | null> {
  const { temporal } = deps;
  if (mismatch.case === 'workflowMissing') return startAgain(deps, mismatch.connectionId);
  if (mismatch.case === 'workflowOrphaned') return endOrphan(deps, mismatch);
  const freed = await freeStuck(deps, mismatch.connectionId);
  if (freed) return freed;
  switch (mismatch.case) {
    case 'workflowStuck':
      return null;
    case 'wishNotObeyed':
    case 'rescanNotBegun':
      return tellWish(deps, mismatch, times);
    case 'credentialNotTried':
      if (!isTurn(times)) return { mended: false, remedy: noWorker };
      await temporal.signal(mismatch.connectionId, 'credentialsChanged', []);
      return { mended: true, did: 'told the workflow again' };
    case 'actionNotTakenUp':
      if (!isTurn(times)) return { mended: false, remedy: noWorker };
      await temporal.signal(mismatch.connectionId, 'requestAction', [mismatch.actionId]);
      return { mended: true, did: 'told the workflow again' };
  }
}

async function startAgain({ store, temporal, starter }: MendDeps, connectionId: string): Promise<Mended | null> {
  const connection = await store.connections.get(connectionId);
  if (!connection || !needsWorkflow(connection)) return null;
  const status = await temporal.statusOf(connectionId);
  if (status === 'RUNNING') return null;
  const last = status === null ? 'it never ran, or Temporal forgot it' : `its last run is ${status.toLowerCase()}`;
  if (await starter.start(connection)) return { mended: true, did: `started again: ${last}` };
  return { mended: false, did: 'could not be started', remedy: 'see that Temporal runs; it is tried again' };
}

/** All truth is in the store: a run whose task fails again and again is ended, and a new one goes on from there. */
async function freeStuck(deps: MendDeps, connectionId: string): Promise<Mended | null> {
  const { store, temporal, stuckAfter } = deps;
  const task = await temporal.failingTask(connectionId);
  if (!task || task.tries < stuckAfter.tries) return null;
  if (task.since.getTime() > store.now().getTime() - stuckAfter.ms) return null;
  const why = `its workflow task fails since ${task.since.toISOString()}: ${task.why}`;
  const found = { case: 'workflowStuck' as const, what: `${why} (${task.tries} tries)` };
  if (!task.worked) return { ...found, mended: false, remedy: `a new run would fail alike: ${workerFails}` };
  await temporal.terminate(task.workflow, `Castellan: ${why}`);
  const started = await startAgain(deps, connectionId);
  return {
    ...found,
    mended: true,
    ...started,
    did: `ended this run; ${started?.did ?? 'nothing was left to be started'}`,
  };
}

async function tellWish(
  { temporal }: MendDeps,
  { connectionId, update }: Extract<Mismatch, { update: string }>,
  times: number,
): Promise<Mended | null> {
  try {
    await temporal.update(connectionId, update, {});
    return { mended: true, did: `told the workflow again to ${update}` };
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    // The workflow knows better: what it refuses is no longer so, or not yet.
    if (error.kind === 'refused') return null;
    // An update without a worker is forgotten, a signal is not.
    if (error.kind === 'worker' && isTurn(times)) await temporal.signal(connectionId, 'changed', []);
    throw error;
  }
}

async function endOrphan(
  { store, temporal }: MendDeps,
  { workflow, connectionId, suspicious }: Extract<Mismatch, { case: 'workflowOrphaned' }>,
): Promise<Mended | null> {
  if (suspicious !== undefined || connectionId === undefined) return { mended: false, remedy: suspicious };
  const connection = await store.connections.get(connectionId);
  if (connection && !connection.receipt) return null;
  await temporal.terminate(
    workflow,
    `Castellan: the connection of ${workflowIdOf(connectionId)} ${connection ? 'was erased' : 'does not exist'}`,
  );
  return { mended: true, did: 'ended it' };
}
