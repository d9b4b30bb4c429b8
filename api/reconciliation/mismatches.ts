import type { ActionBacklog } from '../../store/actions-interface.ts';
import type { ConnectionDocument, Wanted } from '../../store/documents.ts';
import type { ConnectionOutline, MismatchCase } from '../../store/reconciliation.ts';
import { workflowIdOf, type Phase } from '../../workflows/messages.ts';
import type { RunningWorkflow, UpdateName } from '../temporal.ts';

/** Something that the store wants and Temporal does not do, or the other way round. */
export type Mismatch = { what: string } & (
  | { case: 'workflowMissing' | 'workflowStuck' | 'credentialNotTried'; connectionId: string }
  | { case: 'wishNotObeyed' | 'rescanNotBegun'; connectionId: string; update: UpdateName }
  | { case: 'actionNotTakenUp'; connectionId: string; actionId: string }
  /** `suspicious`: ending it may be wrong, and why. */
  | { case: 'workflowOrphaned'; workflow: RunningWorkflow; connectionId?: string; suspicious?: string }
);
export type Known = Exclude<MismatchCase, 'actionOverdue'>;

export interface World {
  /** Read before the workflows were listed: a connection that is younger than the list is in neither. */
  connections: readonly ConnectionOutline[];
  workflows: readonly RunningWorkflow[];
  backlog: readonly ActionBacklog[];
  now: Date;
  /** How long something may be underway before it counts. */
  patienceMs: number;
}

/** So many orphans at once, or a tenth of all workflows, rather mean that this is the wrong database. */
const fewOrphans = 5;

export function mismatches(world: World): Mismatch[] {
  const running = new Set(world.workflows.map(({ workflowId }) => workflowId));
  const backlog = new Map(world.backlog.map((each) => [each.connectionId, each]));
  const found: Mismatch[] = [];
  for (const connection of world.connections) {
    if (!needsWorkflow(connection)) continue;
    if (running.has(workflowIdOf(connection._id))) {
      found.push(...unheard(connection, backlog.get(connection._id), world));
    } else if (overdue(connection.createdAt, world)) {
      found.push({ case: 'workflowMissing', connectionId: connection._id, what: 'its workflow does not run' });
    }
  }
  return [...found, ...orphans(world)];
}

/** Whether something is still to be done by a workflow. */
export function needsWorkflow({
  wanted,
  receipt,
  state,
}: Pick<ConnectionDocument, 'wanted' | 'receipt' | 'state'>): boolean {
  switch (wanted) {
    case 'check':
      return false;
    case 'erased':
      return receipt === undefined;
    case 'disconnected':
      return state?.phase !== 'disconnected';
    default:
      return state?.phase !== 'duplicate';
  }
}

const overdue = (since: Date | undefined, { now, patienceMs }: World): boolean =>
  (since?.getTime() ?? 0) <= now.getTime() - patienceMs;

const wishes: Readonly<Record<Exclude<Wanted, 'check'>, { update: UpdateName; obeyed: (phase: Phase) => boolean }>> = {
  running: { update: 'resume', obeyed: (phase) => phase !== 'paused' },
  paused: { update: 'pause', obeyed: (phase) => phase === 'paused' },
  disconnected: { update: 'disconnect', obeyed: (phase) => /^disconnect/.test(phase) },
  erased: { update: 'disconnect', obeyed: (phase) => /^eras/.test(phase) },
};

/** What a workflow that runs has not heard of. */
function unheard(connection: ConnectionOutline, backlog: ActionBacklog | undefined, world: World): Mismatch[] {
  const { _id: connectionId, wanted, state } = connection;
  if (wanted === 'check') return [];
  const phase = state?.phase ?? 'connecting';
  const { update, obeyed } = wishes[wanted];
  if (!obeyed(phase)) {
    if (!overdue(connection.wantedAt, world)) return [];
    return [{ case: 'wishNotObeyed', connectionId, update, what: `it is to be ${wanted} and is ${phase}` }];
  }
  if (wanted !== 'running') return [];

  const found: Mismatch[] = [];
  const { rescanWanted, credentialVersion } = connection;
  const served = state?.rescansServed ?? 0;
  if (phase === 'watching' && rescanWanted > served && overdue(connection.rescanWantedAt, world)) {
    const what = `${rescanWanted - served} scan(s) asked for were not begun`;
    found.push({ case: 'rescanNotBegun', connectionId, update: 'rescan', what });
  }
  const tried = Math.max(state?.refusedCredentialVersion ?? 0, provedOf(connection, phase));
  if (credentialVersion > tried && overdue(connection.credentialAt, world)) {
    const what = `credential ${credentialVersion} was given and not tried`;
    found.push({ case: 'credentialNotTried', connectionId, what });
  }
  if (backlog && (phase === 'scanning' || phase === 'watching') && forgotten(backlog, connection, world)) {
    const what = `${backlog.waiting} action(s) wait since ${backlog.since.toISOString()} and none was taken up`;
    found.push({ case: 'actionNotTakenUp', connectionId, actionId: backlog.oldest, what });
  }
  return found;
}

/** What was refused is all that matters while parked; before anything was proved the workflow is at it anyway. */
function provedOf({ provedCredentialVersion }: ConnectionOutline, phase: Phase): number {
  return phase === 'needsCredentials' ? 0 : (provedCredentialVersion ?? Number.POSITIVE_INFINITY);
}

/** Nothing moves, nobody is at it, and no wait explains it. */
function forgotten({ since, movedAt, heldUntil }: ActionBacklog, { state }: ConnectionOutline, world: World): boolean {
  const waitsUntil = state?.waits.actions?.until;
  if (waitsUntil && Date.parse(waitsUntil) > world.now.getTime()) return false;
  if (heldUntil && heldUntil > world.now) return false;
  return overdue(since, world) && overdue(movedAt, world);
}

function orphans(world: World): Mismatch[] {
  const { connections, workflows } = world;
  const living = new Set(connections.filter(({ receipt }) => !receipt).map(({ _id }) => workflowIdOf(_id)));
  const left = workflows.filter(({ workflowId, startedAt }) => !living.has(workflowId) && overdue(startedAt, world));
  const tooMany = left.length > Math.max(fewOrphans, workflows.length / 10);
  const wrong = connections.length === 0 ? 'the database holds no connection at all' : `there are ${left.length} such`;
  return left.map((workflow) => {
    const connectionId = /^connection\/(con_[A-Za-z0-9]{1,40})$/.exec(workflow.workflowId)?.[1];
    if (!connectionId)
      return {
        case: 'workflowOrphaned',
        workflow,
        what: 'a workflow of the type `connection` has an id that no connection has',
        suspicious: 'it was not started by Castellan: end it by hand if nobody needs it',
      };
    return {
      case: 'workflowOrphaned',
      workflow,
      connectionId,
      what: 'a workflow runs for a connection that was erased or deleted',
      ...((tooMany || connections.length === 0) && {
        suspicious: `nothing was ended, since ${wrong}: see that CASTELLAN_DATABASE and TEMPORAL_NAMESPACE belong together`,
      }),
    };
  });
}
