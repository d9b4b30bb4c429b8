import { CancelledFailure } from '@temporalio/activity';
import { isDeepStrictEqual } from 'node:util';
import { actionTitles, type ActionTarget } from '../connectors/actions.ts';
import type { Action, ActionState, Applied, Before } from '../connectors/connector.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { ActionDocument, Hold } from '../store/action-documents.ts';
import { LeaseLost } from '../store/lease-lost.ts';
import type { ActionLease } from '../store/actions-interface.ts';
import type { Problem } from '../workflows/messages.ts';
import type { Dependencies } from './dependencies.ts';
import { differences } from './differences.ts';
import { heartbeating } from './heartbeats.ts';
import { holderOf } from './holder.ts';
import { isOurs } from './is-ours.ts';
import { openSession, type Opened } from './open-session.ts';
import { asFailure, problemForState, throttleDelay, unauthorized } from './problems.ts';
import type { ActionStep, StepResult } from './results.ts';
import { Renewal } from './renewal.ts';
import { addSpent, counting } from './spending.ts';

/** What a step works with: the action's document under lease, and the connector's way to do it. */
export interface Doing {
  deps: Dependencies;
  opened: Opened;
  action: Action<ActionTarget, ActionState>;
  lease: ActionLease;
  document: ActionDocument;
  target: ActionTarget;
  /** What the calls of this step took of each quota, since the last write. */
  spent: Map<string, number>;
}

const maxTries = 5;

export const stepFor: Partial<Record<ActionDocument['state'], ActionStep>> = {
  requested: 'prepareAction',
  prepared: 'applyAction',
  applying: 'applyAction',
  pending: 'checkAction',
  undoRequested: 'undoAction',
  undoing: 'undoAction',
};

/**
 * Runs one step under the action's lease, and asks nothing of the app without it. A crash repeats it. Vendor failures
 * become the action's state: `throttled` and `unavailable` wait and repeat, the rest end it with the reason.
 */
export function actionStep(
  deps: Dependencies,
  name: ActionStep,
  work: (doing: Doing) => Promise<StepResult>,
): (input: { connectionId: string; actionId: string }) => Promise<StepResult> {
  return async ({ connectionId, actionId }) => {
    const { actions } = deps.store;
    const leaseMs = deps.times.actionLeaseMs;
    const renewal = new Renewal(leaseMs);
    const lease = await actions.claim(actionId, holderOf(), leaseMs);
    if (!lease) return held(deps, actionId);
    const document = lease.action;
    const due = stepFor[document.state];
    if (due !== name) {
      // The try before this one came further than it could tell.
      await actions.release(lease);
      return { next: due, touched: false };
    }
    let doing: Doing | undefined;
    const { governor, spent } = counting(deps.governor);
    try {
      const opened = await openSession({ ...deps, governor }, connectionId, 'actions', () => {
        if (renewal.over) throw new LeaseLost(`nobody prolonged the lease of ${actionId}: another worker may have it`);
      });
      const action = opened.connector.actions[document.action];
      if (!action) {
        const why = opened.connector.absent[document.action] ?? 'this app cannot';
        throw new Failure('invalid', `${actionTitles[document.action]}: ${why}`);
      }
      doing = { deps, opened, action, lease, document, target: document.target, spent };
      const current = doing;
      return await heartbeating(
        () => work(current),
        () => renewal.renew((ms) => actions.renew(current.lease, ms)),
      );
    } catch (error) {
      // A connector may have made another failure of it.
      if (renewal.over || error instanceof LeaseLost) return held(deps, actionId);
      if (isOurs(error)) {
        await actions.release((doing ?? { lease }).lease).catch(() => undefined);
        throw error;
      }
      return failed(deps, name, doing ?? { lease, spent }, error);
    }
  };
}

/** Who has it may be dead, as the try before this one: it is gone on with as soon as the lease is over. */
async function held({ store }: Dependencies, actionId: string): Promise<StepResult> {
  const action = await store.actions.get(actionId);
  const next = action && stepFor[action.state];
  const ms = (action?.leaseUntil?.getTime() ?? 0) - store.now().getTime();
  if (!next || ms <= 0) return { touched: false };
  const why = `${actionTitles[action.action]} (${actionId}): another worker has it, or had it when it died`;
  return { next, delay: { ms, reason: 'lease', why }, touched: false };
}

/** Writes under the lease and keeps the newest. */
export async function write(
  doing: Doing,
  change: Parameters<Dependencies['store']['actions']['write']>[1],
): Promise<void> {
  doing.lease = await doing.deps.store.actions.write(doing.lease, { ...change, ...spending(doing) });
  doing.document = doing.lease.action;
}

const spending = ({ lease, spent }: Pick<Doing, 'lease' | 'spent'>) =>
  spent.size === 0 ? {} : { spent: addSpent(lease.action.spent, spent) };

export const release = (doing: Doing): Promise<void> => doing.deps.store.actions.release(doing.lease);

async function failed(
  deps: Dependencies,
  step: ActionStep,
  given: Pick<Doing, 'lease' | 'spent'> & { opened?: Opened },
  error: unknown,
): Promise<StepResult> {
  const { actions } = deps.store;
  const { lease, opened } = given;
  if (opened?.session.signal.aborted) {
    await actions.release(lease);
    throw new CancelledFailure('asked to let go');
  }
  const failure = asFailure(error);
  const problem: Problem = problemForState(failure, deps.store.now());
  const doing = `${actionTitles[lease.action.action]} (${lease.action._id})`;
  switch (failure.kind) {
    case 'throttled':
      await actions.release(lease);
      return { next: step, delay: throttleDelay(failure, doing, deps.times.bareThrottleMs), touched: false };
    case 'unauthorized':
      await actions.release(lease);
      return opened
        ? { unauthorized: unauthorized(failure, opened.connection.credentialVersion, deps.store.now()), touched: false }
        : { touched: false };
    case 'unavailable': {
      const tries = triesOf(lease.action);
      if (tries >= maxTries) break;
      const ms = deps.times.againMs[tries] ?? deps.times.troubleMs;
      const noted = await actions.write(lease, { note: `tried again: ${failure.message}` });
      await actions.release(noted);
      return { next: step, delay: { ms, reason: 'unavailable', why: `${doing}: ${failure.message}` }, touched: false };
    }
    default:
      break;
  }
  const state =
    step === 'undoAction'
      ? 'undoFailed'
      : failure.kind === 'conflict' || failure.kind === 'forbidden'
        ? 'refused'
        : 'failed';
  const ended = await actions.write(lease, { state, problem, ...spending(given) });
  await actions.release(ended);
  deps.log.warn({ actionId: lease.action._id, step, problem }, 'action ended without success');
  return { touched: false };
}

/** In the state that it is in: to undo it is not made shorter by what it took to apply it. */
function triesOf({ history, state }: ActionDocument): number {
  const entered = history.findLastIndex((each) => each.state !== state) + 1;
  return history.slice(entered).filter(({ note }) => note?.startsWith('tried again')).length;
}

/** What `read` said when the action was prepared, as it was stored. */
export const stored = (document: ActionDocument): Before<ActionState> => {
  if (!document.before) throw new Failure('invalid', 'refused: nothing was stored of how the object was before');
  return {
    state: document.before,
    plan: document.plan ?? [],
    irreversible: document.irreversible ?? [],
    calls: document.calls ?? 0,
    touches: document.objects ?? [],
  };
};

/** Members whose values drift by themselves (a last log-on) are left out by the connectors; the rest must be equal. */
export const same = (a: ActionState, b: ActionState): boolean => isDeepStrictEqual(plain(a), plain(b));

/** What is not as it was before the action, as sentences; none when all of it came back. */
export function restored({ action, document }: Doing, present: ActionState): string[] {
  const wanted = document.before!;
  if (same(present, wanted)) return [];
  const [was, is] = [wanted, present].map((state) => plain(action.restorable?.(state) ?? state));
  return differences(was, is);
}
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

export async function settle(
  doing: Doing,
  applied: Applied<ActionState>,
  before: Before<ActionState>,
): Promise<StepResult> {
  const { action } = doing;
  if ('pending' in applied) {
    await write(doing, { state: 'pending', pendingHandle: applied.pending });
    await release(doing);
    const why = `${actionTitles[doing.document.action]}: the app is still at it`;
    return { next: 'checkAction', delay: { ms: applied.againInMs, reason: 'pending', why }, touched: false };
  }
  const shown = action.verified(before.state, applied.after);
  const { unverifiable } = action;
  await write(doing, {
    state: shown ? 'done' : 'failed',
    after: applied.after,
    verified: shown && unverifiable === undefined,
    touches: before.touches,
    ...(shown && doing.document.hold && { hold: beginning(doing) }),
    ...(!shown && { problem: unverified(doing) }),
    ...(shown && unverifiable !== undefined && { problem: askedFor(doing, unverifiable) }),
  });
  await release(doing);
  return { touched: true };
}

/** Counted from now, unless it has a fixed end. */
function beginning({ deps, document }: Doing): Hold {
  const now = deps.store.now().getTime();
  const hold = document.hold!;
  const until = hold.until ?? new Date(now + (hold.forMs ?? 0));
  return { ...hold, until, stands: true, checkAt: new Date(now + deps.times.holdLookMs) };
}

const askedFor = ({ deps }: Doing, why: string): Problem => ({
  kind: 'unverified',
  what: `asked for: ${why}`,
  who: 'nobody',
  since: deps.store.now().toISOString(),
});

const unverified = ({ deps, document }: Doing): Problem => ({
  kind: 'unverified',
  what: `the app took "${actionTitles[document.action]}" and still shows another state`,
  who: 'operator',
  remedy: 'look at the object in the app, then request the action again',
  since: deps.store.now().toISOString(),
});
