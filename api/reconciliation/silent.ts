import type { ConnectionOutline, Reconciliation } from '../../store/reconciliation.ts';
import { workflowIdOf, type Phase } from '../../workflows/messages.ts';
import { needsWorkflow, type Mismatch, type World } from './mismatches.ts';

/** Nothing is done in these until somebody wishes something. */
const idle: readonly (Phase | undefined)[] = ['paused', 'needsCredentials', 'duplicate'];
/** Looks for changes are at most so far apart, unless a connection says otherwise: 5 min. */
const watchMaxMs = 300_000;

/**
 * Workflows that run and of which MongoDB shows nothing for longer than two looks for changes may take, or whose next
 * scan is as long due. There may be good reasons, such as a long wait of the app: Temporal is to be asked.
 */
export async function silent(
  { connections, workflows, now, patienceMs }: Omit<World, 'backlog'>,
  lookedAt: Reconciliation['lookedAt'],
): Promise<Mismatch[]> {
  const running = new Set(workflows.map(({ workflowId }) => workflowId));
  const tooLong = (since: Date, { state }: ConnectionOutline): boolean =>
    now.getTime() - since.getTime() > Math.max(2 * (state?.settings?.watchMaxMs ?? watchMaxMs), 5 * patienceMs);
  const still = connections.filter(
    (each) =>
      needsWorkflow(each) &&
      !idle.includes(each.state?.phase) &&
      running.has(workflowIdOf(each._id)) &&
      tooLong(each.updatedAt, each),
  );
  const looks = still.length > 0 ? await lookedAt(still.map(({ _id }) => _id)) : new Map<string, Date>();
  return still.flatMap((each): Mismatch[] => {
    const found = { case: 'workflowStuck' as const, connectionId: each._id };
    const { phase, nextScanAt } = each.state ?? {};
    // Looks that find nothing go on though the workflow is stuck.
    if (phase === 'watching' && nextScanAt && tooLong(new Date(nextScanAt), each))
      return [{ ...found, what: `its scan is due since ${nextScanAt}` }];
    const last = looks.get(each._id) ?? each.updatedAt;
    return tooLong(last, each) ? [{ ...found, what: `nothing was seen of it since ${last.toISOString()}` }] : [];
  });
}
