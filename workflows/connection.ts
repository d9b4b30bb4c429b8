import { ApplicationFailure, condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import { actionLane } from './actions.ts';
import { contentLane } from './content.ts';
import * as messages from './messages.ts';
import type { ConnectionInput, ConnectionState } from './messages.ts';
import { erasing, managing } from './proxies.ts';
import { Run } from './run.ts';
import { sweepLane } from './sweep.ts';
import { watchLane } from './watch.ts';

/**
 * One connection, for as long as it lives: prove the credential, scan, watch and act, roll over. Ends only when it is
 * disconnected, erased or turns out to be a second connection to the same tenant.
 */
export async function connection(input: ConnectionInput): Promise<void> {
  const run = new Run(input);
  handle(run);
  for (;;) {
    run.interruption = undefined;
    run.woken.wish = false;
    const wishes = await run.persist('sweep', () => managing.readWishes({ connectionId: run.connectionId }));
    run.wishes = wishes;
    switch (wishes.wanted) {
      case 'disconnected':
        await run.enter('disconnecting');
        await run.persist('actions', () => managing.disconnect({ connectionId: run.connectionId }));
        await run.enter('disconnected');
        // An erase may have been asked for meanwhile, or this very moment.
        run.woken.wish = false;
        run.wishes = await run.persist('actions', () => managing.readWishes({ connectionId: run.connectionId }));
        if (run.wishes.wanted !== 'erased' && !run.woken.wish) return;
        break;
      case 'erased':
        await run.enter('erasing');
        await run.persist('actions', () => erasing.erase({ connectionId: run.connectionId }));
        return;
      case 'paused':
        await run.enter('paused');
        await parked(run);
        break;
      default:
        if ((await authenticate(run)) === 'duplicate') return;
    }
    if (run.interruption === 'rollover' || run.worn) {
      return continueAsNew<typeof connection>({ ...input, state: { ...run.state, runs: run.state.runs + 1 } });
    }
  }
}

/** Proves the newest credential and, when it holds, runs the four lanes until something interrupts them. */
async function authenticate(run: Run): Promise<'duplicate' | 'again'> {
  if (run.state.phase !== 'scanning' && run.state.phase !== 'watching') await run.enter('connecting');
  run.woken.credentials = false;
  const proof = await run.persist('sweep', () => managing.authenticate({ connectionId: run.connectionId }));
  switch (proof.outcome) {
    case 'verified':
      run.credentialVersion = proof.credentialVersion;
      run.state.settings = proof.timing;
      await run.enter(run.state.scan.startedAt && run.state.scan.finishedAt ? 'watching' : 'scanning');
      await run.lanes(
        () => sweepLane(run),
        () => watchLane(run),
        () => actionLane(run),
        () => contentLane(run),
      );
      return 'again';
    case 'parked':
      run.state.refusedCredentialVersion = proof.credentialVersion;
      await run.enter('needsCredentials', proof.problem);
      await parked(run);
      return 'again';
    case 'duplicate':
      await run.enter('duplicate', proof.problem);
      return 'duplicate';
    case 'wait':
      if (proof.problem) run.state.problem = proof.problem;
      else delete run.state.problem;
      await run.wait('sweep', proof.delay, () => run.woken.credentials || run.woken.wish);
      return 'again';
  }
}

/** Until somebody wishes something; `changed` also wakes it, since a signal reaches a connection that had no worker. */
async function parked(run: Run): Promise<void> {
  run.woken.changed = false;
  await condition(() => run.woken.credentials || run.woken.wish || run.woken.changed || run.worn);
}

/** Handlers only note what happened; the lanes do the work. All are there before the first await. */
function handle(run: Run): void {
  setHandler(messages.getState, () => run.state);
  setHandler(messages.requestAction, () => void (run.woken.actions = true));
  setHandler(messages.changed, () => void (run.woken.changed = true));
  setHandler(messages.credentialsChanged, () => {
    run.woken.credentials = true;
    run.interrupt('credentials');
  });

  const wish = (): ConnectionState => {
    run.woken.wish = true;
    run.interrupt('wish');
    return run.state;
  };
  setHandler(messages.pause, wish, { validator: () => refuseIn(run, 'pause', 'paused') });
  setHandler(messages.resume, wish, { validator: () => refuseIn(run, 'resume') });
  setHandler(messages.disconnect, wish, {
    // Until the workflow has ended an erase may still be wished.
    validator: () => !['disconnecting', 'disconnected'].includes(run.state.phase) && refuseIn(run, 'disconnect'),
  });
  setHandler(
    messages.rescan,
    () => {
      run.woken.rescan = true;
      return run.state;
    },
    {
      validator: () => {
        refuseIn(run, 'rescan', 'paused', 'needsCredentials');
        if (run.state.scan.startedAt && !run.state.scan.finishedAt) {
          throw ApplicationFailure.nonRetryable(`scan ${run.state.scan.number} is still running`, 'scan-running');
        }
      },
    },
  );
}

function refuseIn(run: Run, what: string, ...phases: messages.Phase[]): void {
  const over: messages.Phase[] = ['duplicate', 'disconnecting', 'disconnected', 'erasing', 'erased'];
  if ([...over, ...phases].includes(run.state.phase)) {
    throw ApplicationFailure.nonRetryable(
      `${workflowInfo().workflowId} is ${run.state.phase}: it cannot ${what}`,
      `already-${run.state.phase}`,
    );
  }
}
