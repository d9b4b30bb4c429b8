import { actionTitles } from '../connectors/actions.ts';
import type { ActionState, Before } from '../connectors/connector.ts';
import type { Ref } from '../connectors/pages.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { BudgetOf } from '../store/batches-interface.ts';
import type { ActionDocument } from '../store/action-documents.ts';
import { actionStep, release, restored, same, settle, stepFor, stored, write, type Doing } from './action-steps.ts';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { differences } from './differences.ts';
import { refuseProtected } from './refuse-protected.ts';
import type { ActionStep, StepResult } from './results.ts';

export function nextActions({ store }: Dependencies): Activities['nextActions'] {
  return async ({ connectionId, running, limit }) => {
    // What another has is followed too, or nobody would be there when its lease ends: it may be a step of the run before.
    const found = await store.actions.runnable(connectionId, { running, limit, held: true });
    return found.flatMap((action) => {
      const step = stepFor[action.state];
      return step ? [{ actionId: action._id, title: `${actionTitles[action.action]} · ${action._id}`, step }] : [];
    });
  };
}

/** Reads how the object is and stores it, once and for ever, with the plan. Writes nothing at the vendor. */
export const prepareAction = (deps: Dependencies): Activities['prepareAction'] =>
  actionStep(deps, 'prepareAction', async (doing) => {
    const { opened, action, document, target } = doing;
    if (document.mode === 'apply') refuseWithoutGovernance(doing);
    const later = document.mode === 'apply' ? await untilBudget(doing, 'prepareAction') : undefined;
    if (later) return later;
    const began = opened.session.calls();
    const before = await action.read(opened.session, target);
    const reading = opened.session.calls() - began;
    await refuseProtected(doing, before);
    const guarding = opened.session.calls() - began - reading;
    await write(doing, {
      before: before.state,
      plan: [...before.plan],
      irreversible: [...before.irreversible],
      objects: await objectsOf(doing, before.touches),
      losesAccess: (before.losesAccess ?? [])
        .slice(0, mostNamed)
        .map(({ who, how, group }) => ({ who, how, ...(group !== undefined && { group }) })),
      calls: costOf(before, reading) + guarding,
      state: document.mode === 'plan' ? 'planned' : 'prepared',
    });
    await release(doing);
    return document.mode === 'plan' ? { touched: false } : { next: 'applyAction', touched: false };
  });

/** What applying will cost: it reads again, and where something is left to be done it does that and reads back. */
const costOf = ({ calls, rereads = 0, once = 0, done }: Before<ActionState>, reading: number): number =>
  reading - once + (done ? 0 : calls + rereads * (reading - once));

/** Compares the object with what was stored, writes, reads back. After a crash the read tells whether it was done. */
export const applyAction = (deps: Dependencies): Activities['applyAction'] =>
  actionStep(deps, 'applyAction', async (doing): Promise<StepResult> => {
    refuseWithoutGovernance(doing);
    const { deps, opened, action, target, document } = doing;
    const before = stored(document);
    const repeated = document.state === 'applying';
    const later = await untilBudget(doing, 'applyAction');
    if (later) return later;
    const present = await action.read(opened.session, target, before.state);
    // Who gets in by a folder above was asked for the plan alone; somebody may have been protected since.
    const losesAccess = [...(document.losesAccess ?? []), ...(present.losesAccess ?? [])];
    await refuseProtected(doing, { ...present, losesAccess });
    const was = { ...before, touches: present.touches };
    if (action.repeat === 'readable' || !repeated) {
      // Done by a try that died, or so already before anybody asked.
      if (action.verified(before.state, present.state) && (repeated || present.done)) {
        return settle(doing, { after: present.state }, was);
      }
      if (!same(present.state, before.state) && !repeated)
        throw changedSince(doing, differences(before.state, present.state));
    }
    if (!repeated) {
      await deps.store.holds.end(document);
      await write(doing, { state: 'applying' });
    }
    return settle(doing, await action.apply(opened.session, target, before.state), was);
  });

/** At least this often the budget is looked at again, which may have been raised. */
const budgetLookMs = 10 * 60_000;

const waitFor: Record<BudgetOf | 'target', (document: ActionDocument) => string> = {
  batch: ({ batchId }) => `the budget of batch ${batchId}`,
  connection: () => 'the budget of all batches of the connection',
  target: ({ batchId }) => `another action on a target of batch ${batchId}`,
};

/** An action of a batch begins when the budget has a place for it; until then its wait tells operators why. */
async function untilBudget(doing: Doing, step: ActionStep): Promise<StepResult | undefined> {
  const { document, deps } = doing;
  if (document.batchId === undefined || document.startedAt) return undefined;
  const place = await deps.store.batches.start(document._id);
  if (place.started) return undefined;
  await release(doing);
  const whose = waitFor[place.of](document);
  const why = `waiting for ${whose} until ${place.freeAt.toISOString()}`;
  const ms = Math.min(place.inMs, budgetLookMs);
  return { next: step, delay: { ms, reason: 'budget', why }, touched: false };
}

export const checkAction = (deps: Dependencies): Activities['checkAction'] =>
  actionStep(deps, 'checkAction', async (doing) => {
    const { opened, action, document, target } = doing;
    if (!action.check || !document.pendingHandle) throw new Failure('invalid', 'nothing is under way at the app');
    const before = stored(document);
    const applied = await action.check(opened.session, document.pendingHandle);
    const { touches } = await action.read(opened.session, target);
    return settle(doing, applied, { ...before, touches });
  });

/**
 * From the stored pair back to `before`; an object that changed since answers a plan and waits for its acceptance. What
 * came back only in part is asked for again: then the object is compared with how that undo left it.
 */
export const undoAction = (deps: Dependencies): Activities['undoAction'] =>
  actionStep(deps, 'undoAction', async (doing): Promise<StepResult> => {
    refuseWithoutGovernance(doing);
    const { opened, action, document, target } = doing;
    const { before, after, undo } = document;
    if (!action.undo) throw new Failure('invalid', `"${actionTitles[document.action]}" cannot be undone`);
    if (!before || !after || !undo) throw new Failure('invalid', 'nothing is stored to undo it from');
    const present = await readPresent(doing);
    if (present.state && restored(doing, present.state).length === 0) return undone(doing, []);
    const left = undo.left ?? after;
    const asLeft = present.state !== undefined && same(present.state, left);
    if (!asLeft && !undo.accepted && document.state !== 'undoing') {
      const plan = [
        `the object was changed after the ${undo.left ? 'undo' : 'action'}; undoing restores what was stored then`,
        ...(present.state ? differences(left, present.state) : [present.refusal]),
      ];
      await write(doing, { state: 'undoNeedsAcceptance', undo: { ...undo, plan } });
      await release(doing);
      return { touched: false };
    }
    if (document.state !== 'undoing') await write(doing, { state: 'undoing' });
    return undone(doing, (await action.undo(opened.session, target, before, after)) ?? []);
  });

type Present = Pick<Before<ActionState>, 'state' | 'touches'> | { state?: undefined; refusal: string };

/** A connector's `read` also refuses what the action could not be applied to. To undo it that is only a word on it. */
async function readPresent({ opened, action, document, target }: Doing): Promise<Present> {
  try {
    return await action.read(opened.session, target, document.before);
  } catch (error) {
    if (!Failure.is(error, 'conflict')) throw error;
    return { refusal: error.message };
  }
}

/** `refused` is what the connector could not give back; reading it again tells what else is not as it was. */
async function undone(doing: Doing, refused: readonly string[]): Promise<StepResult> {
  const { action, document } = doing;
  const present = await readPresent(doing);
  const { left: _, ...undo } = document.undo!;
  const unverified = (what: string) => ({
    problem: { kind: 'unverified', what, who: 'operator' as const, since: doing.deps.store.now().toISOString() },
  });
  if (!present.state) {
    await write(doing, {
      state: 'undone',
      undo: { ...undo, verified: false, notRestored: refused.slice(0, mostNotRestored) },
      ...unverified(`the app took the undo; it could not be read back: ${present.refusal}`),
    });
  } else {
    const missing = [...refused, ...restored(doing, present.state)];
    const verified = missing.length === 0;
    const nothingCame = !verified && action.verified(document.before!, present.state);
    await write(doing, {
      state: nothingCame ? 'undoFailed' : 'undone',
      undo: {
        ...undo,
        verified,
        notRestored: missing.slice(0, mostNotRestored),
        ...(!verified && { left: present.state }),
      },
      touches: present.touches,
      ...(nothingCame && unverified('the app took the undo and still shows the state of the action')),
    });
  }
  await release(doing);
  return { touched: true };
}

function refuseWithoutGovernance({ opened }: Doing): void {
  if (opened.connection.governance === 'on') return;
  throw new Failure('conflict', 'governance is off for this connection', {
    who: 'operator',
    remedy: 'turn it on: PATCH /v1/connections/{id} {"governance":"on"}',
  });
}

const mostNotRestored = 200;

/** Of those who lose access the first are listed; the plan says how many there are. */
const mostNamed = 1_000;

/** With the names that people know them by. */
const objectsOf = ({ deps, opened }: Doing, touches: readonly Ref[]) =>
  Promise.all(
    touches.map(async (ref) => {
      const record = await deps.store.records.get(opened.connection._id, ref.kind, ref.vendorId);
      const name = record && nameOf(record);
      return { ...ref, ...(name ? { name } : {}) };
    }),
  );

function changedSince({ document }: Doing, what: readonly string[]): Failure {
  const planned = document.history.find(({ state }) => state === 'planned' || state === 'prepared')?.at;
  return new Failure(
    'conflict',
    `refused: the object changed since ${(planned ?? document.createdAt).toISOString()}, when it was planned: ${what.slice(0, 10).join('; ')}`,
    {
      who: 'operator',
      remedy: 'request the action again, or plan it anew',
    },
  );
}

function nameOf(record: AnyRecord): string | undefined {
  switch (record.kind) {
    case 'accounts':
      return record.login;
    case 'files':
      return record.path;
    case 'appPermissions':
      return record.appName ?? record.appId;
    case 'groups':
    case 'privileges':
      return record.name;
    default:
      return undefined;
  }
}
