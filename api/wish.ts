import type { ConnectionDocument, Wanted } from '../store/documents.ts';
import { demandAlive, phaseOf } from './connection-of.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';
import { TemporalFailure, type UpdateName } from './temporal.ts';

export type WishName = UpdateName | 'erase';

const wantedOf: Record<Exclude<WishName, 'rescan'>, Wanted> = {
  pause: 'paused',
  resume: 'running',
  disconnect: 'disconnected',
  erase: 'erased',
};

/**
 * Stores what is wished, then tells the workflow. When nobody hears it the wish stands and is obeyed later: the caller
 * is told so by a 503. `accepted`: it will happen, but has not yet.
 */
export async function obey(
  deps: Pick<Deps, 'store' | 'temporal' | 'starter' | 'signals'>,
  connection: ConnectionDocument,
  name: WishName,
  idempotencyKey: string | undefined,
  options: { acceptRemovals?: boolean } = {},
): Promise<'done' | 'accepted'> {
  const { store, temporal, starter, signals } = deps;
  const id = connection._id;
  const before = connection.wanted;
  if (isSo(connection, name)) return 'done';
  if (name === 'erase' && phaseOf(connection) === 'erasing') return 'accepted';
  demandPossible(connection, name);

  const wished =
    name === 'rescan'
      ? await store.connections.wantRescan(id, options)
      : await store.connections.setWanted(id, wantedOf[name]);
  if (!wished) throw new HttpProblem('not-found', 'the connection is gone');

  try {
    // The name is part of the id: one key sent to two addresses means two wishes.
    const updateId = idempotencyKey === undefined ? {} : { updateId: `${name}/${idempotencyKey}` };
    return await temporal.update(id, name === 'erase' ? 'disconnect' : name, updateId);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    if (error.kind === 'notRunning') {
      // It obeys the stored wish as soon as it runs (again).
      if (await starter.start(wished)) return 'accepted';
      throw asProblem(new TemporalFailure('server', 'Temporal cannot be reached'), `the wish to ${name} is kept`);
    }
    // An update without a worker is forgotten, a signal is not: with it a parked connection looks at its wishes.
    if (error.kind === 'worker') signals.changed(id);
    if (error.kind === 'refused' && (name === 'pause' || name === 'resume'))
      await store.connections.setWanted(id, before);
    throw asProblem(error, `the wish to ${name} is kept and obeyed as soon as a worker runs`, {
      wanted: wished.wanted,
    });
  }
}

/** Whether it has come to what was wished, not only that the workflow took note of it. */
export function isObeyed(connection: ConnectionDocument, name: WishName): boolean {
  const phase = phaseOf(connection);
  switch (name) {
    case 'pause':
      return phase === 'paused';
    case 'resume':
      return phase !== 'paused';
    case 'disconnect':
      return phase === 'disconnected';
    case 'erase':
      return phase === 'erased';
    case 'rescan':
      return (connection.state?.rescansServed ?? 0) >= connection.rescanWanted;
  }
}

function isSo(connection: ConnectionDocument, name: WishName): boolean {
  const phase = phaseOf(connection);
  if (name === 'pause') return phase === 'paused' && connection.wanted === 'paused';
  if (name === 'disconnect') return phase === 'disconnected';
  return name === 'erase' && phase === 'erased';
}

function demandPossible(connection: ConnectionDocument, name: WishName): void {
  const phase = phaseOf(connection);
  if (name === 'erase') return;
  if (name === 'disconnect') {
    if (connection.wanted === 'erased' || phase === 'erased' || phase === 'erasing')
      throw new HttpProblem('connection-ended', 'the connection is being erased');
    return;
  }
  demandAlive(connection);
  if (name !== 'rescan') return;
  const { state } = connection;
  if (phase === 'paused' || phase === 'needsCredentials')
    throw new HttpProblem('wrong-state', `the connection is ${phase}: it cannot scan`, {
      remedy: phase === 'paused' ? 'resume it first' : 'give it new credentials first',
    });
  if (state?.scan.startedAt && !state.scan.finishedAt)
    throw new HttpProblem('wrong-state', `scan ${state.scan.number} is still running`, {
      remedy: 'ask again when it has finished',
    });
}

/** What a failed talk with Temporal means to the caller. */
export function asProblem(error: unknown, remedy: string, more: Record<string, unknown> = {}): unknown {
  if (!(error instanceof TemporalFailure)) return error;
  switch (error.kind) {
    case 'refused':
      return new HttpProblem('wrong-state', error.message);
    case 'worker':
      return new HttpProblem('worker-unavailable', error.message, {
        remedy: `see that a worker runs; ${remedy}`,
        more,
      });
    case 'server':
    case 'notRunning':
      return new HttpProblem('temporal-unavailable', error.message, {
        remedy: `see that Temporal runs; ${remedy}`,
        more,
      });
  }
}
