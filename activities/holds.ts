import { actionTitles } from '../connectors/actions.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { ActionDocument, Reversion } from '../store/action-documents.ts';
import type { HoldLook } from '../store/holds.ts';
import type { Dependencies } from './dependencies.ts';
import { differences } from './differences.ts';
import { isOurs } from './is-ours.ts';
import type { Opened } from './open-session.ts';
import { asFailure } from './problems.ts';
import { whoChanged } from './who-changed.ts';

/** Looks at the vendor cost quota: so many in one chunk, the rest in the next. */
const mostLooks = 50;
const repeatLifeMs = 24 * 3_600_000;
/** For so long the audit trail may still tell who did it. */
const namedWithinMs = 15 * 60_000;

/**
 * Looks at the outcomes that are due: those whose objects changed, the others now and then. One that does not stand is
 * reported, or done again by an action of its own, which a crash cannot ask for twice. Throws `throttled` and
 * `unauthorized`; what was not looked at stays due.
 */
export async function checkHolds(deps: Dependencies, opened: Opened, goOn: () => boolean): Promise<void> {
  const { store, times, log } = deps;
  /** What fails for itself does not keep the others waiting. */
  const postponed =
    (seen: ActionDocument) =>
    (error: unknown): HoldLook => {
      const failure = asFailure(error);
      if (isOurs(error) || opened.session.signal.aborted) throw error;
      if (failure.kind === 'throttled' || failure.kind === 'unauthorized') throw failure;
      log.warn({ actionId: seen._id, why: failure.message }, 'a held action could not be looked at');
      const checkAt = new Date(store.now().getTime() + times.holdLookMs / 24);
      return { seen, stands: seen.hold!.stands !== false, checkAt };
    };
  let looks = 0;
  while (looks < mostLooks && goOn()) {
    const due = await store.holds.due(opened.connection._id, 10);
    if (due.length === 0) return;
    for (const document of due) {
      if (looks >= mostLooks || !goOn()) return;
      looks += 1;
      await store.holds.record(await look(deps, opened, document).catch(postponed(document)));
    }
  }
}

async function look(deps: Dependencies, opened: Opened, seen: ActionDocument): Promise<HoldLook> {
  const { store, times } = deps;
  const hold = seen.hold!;
  const inMs = (ms: number) => new Date(store.now().getTime() + ms);
  const found = await presentOf(opened, seen);
  if (found.stands)
    return { seen, stands: true, checkAt: inMs(times.holdLookMs), ...(found.gone && { endedBy: objectGone }) };

  const at = store.now();
  const by = await whoChanged(store, seen);
  const newest = seen.reverted?.at(-1);
  const toldAt = hold.stands === false ? (newest?.at ?? at) : at;
  const known = by ?? (hold.stands === false ? newest?.by : undefined);
  const soon = !known && at.getTime() - toldAt.getTime() < namedWithinMs;
  const result = { seen, stands: false, checkAt: inMs(soon ? times.holdByMs : times.holdLookMs) };
  const reversion: Reversion = { at, what: found.what, ...(by && { by }) };
  if (found.gone) return { ...result, reversion, endedBy: objectGone };
  if (await mayRepeat(deps, opened, seen))
    return { ...result, reversion, repeatedBy: await repeat(deps, seen, found.what) };
  if (hold.stands !== false) {
    deps.log.warn({ actionId: seen._id, what: found.what }, 'the outcome of an action was reverted');
    return { ...result, reversion };
  }
  return by && newest && !newest.by ? { ...result, by } : result;
}

const objectGone = 'the object is gone';

type Found = { gone?: boolean } & ({ stands: true } | { stands: false; what: string });

/** `read` refuses what the action could not be applied to, which is no state that the action left. */
async function presentOf({ session, connector }: Opened, seen: ActionDocument): Promise<Found> {
  const action = connector.actions[seen.action];
  if (!action) throw new Failure('invalid', `${connector.title} has no ${seen.action} any more`);
  try {
    const { state } = await action.read(session, seen.target, seen.before);
    if (action.verified(seen.before!, state)) return { stands: true };
    const what = differences(seen.after, state).slice(0, 10).join('; ');
    return { stands: false, what: what || 'it is as it was before the action' };
  } catch (error) {
    if (!Failure.is(error, 'conflict', 'notFound')) throw error;
    const gone = error.kind === 'notFound';
    if (action.standsWhen?.includes(error.kind)) return { stands: true, gone };
    return { stands: false, what: error.message, gone };
  }
}

async function mayRepeat({ store }: Dependencies, { connection }: Opened, { _id, hold }: ActionDocument) {
  const { onRevert, repeated, mostRepeats } = hold!;
  if (onRevert !== 'again' || repeated >= mostRepeats || connection.governance !== 'on') return false;
  return !(await store.holds.repeating(_id));
}

async function repeat({ store, log }: Dependencies, seen: ActionDocument, what: string): Promise<string> {
  const { connectionId, app, action, target, requestedBy, ticket, hold } = seen;
  const time = hold!.repeated + 1;
  const { action: again } = await store.actions.request({
    connectionId,
    app,
    action,
    target,
    mode: 'apply',
    requestedBy,
    reason: `${actionTitles[action]}: done again (${time} of ${hold!.mostRepeats}) as ${seen._id} is held and was reverted: ${what}`,
    ...(ticket !== undefined && { ticket }),
    idempotencyKey: `hold/${seen._id}/${time}`,
    repeats: seen._id,
    expiresInMs: repeatLifeMs,
  });
  log.warn({ actionId: seen._id, what, again: again._id }, 'the outcome of an action was reverted; it is done again');
  return again._id;
}
