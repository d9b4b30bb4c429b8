import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { Failure } from '../connectors/kit/failures.ts';
import type { Activities } from './contract.ts';
import type { Dependencies } from './dependencies.ts';
import { heartbeating } from './heartbeats.ts';
import { isOurs } from './is-ours.ts';
import { openSession } from './open-session.ts';
import { problemForState, throttleDelay } from './problems.ts';
import type { Authentication } from './results.ts';

/** Proves the newest credential, names its tenant, records what it may do and claims the tenant for this connection. */
export function authenticate(deps: Dependencies): Activities['authenticate'] {
  return ({ connectionId }) => heartbeating(() => prove(deps, connectionId));
}

async function prove(deps: Dependencies, connectionId: string): Promise<Authentication> {
  const { store, times } = deps;
  const { connection, connector, session } = await openSession(deps, connectionId, 'actions');
  const { credentialVersion } = connection;
  const since = store.now().toISOString();
  try {
    const verified = await connector.verify(session);
    const claim = await store.connections.claimTenant(connectionId, verified, credentialVersion);
    if (claim.outcome === 'duplicate') {
      return {
        outcome: 'duplicate',
        problem: {
          kind: 'duplicate',
          what: `${verified.tenant.name} is connected already, as ${claim.of}`,
          who: 'operator',
          remedy: `use ${claim.of}, or disconnect it first`,
          since,
        },
      };
    }
    if (claim.outcome === 'otherTenant') {
      return {
        outcome: 'parked',
        credentialVersion,
        problem: {
          kind: 'otherTenant',
          what: `the credential is of another tenant (${verified.tenant.name}) than this connection's`,
          who: 'operator',
          remedy: 'give a credential of the same tenant, or make a new connection for the other one',
          since,
        },
      };
    }
    const { watchMinMs, watchMaxMs, troubleMs } = times;
    const { scanEveryMs, parallel } = connection;
    return {
      outcome: 'verified',
      credentialVersion,
      timing: { scanEveryMs, parallel, watchMinMs, watchMaxMs, troubleMs },
    };
  } catch (error) {
    if (session.signal.aborted) throw new CancelledFailure('asked to let go');
    if (isOurs(error)) throw error;
    if (Failure.is(error, 'throttled')) {
      return { outcome: 'wait', delay: throttleDelay(error, 'checking the credential', times.bareThrottleMs) };
    }
    if (Failure.is(error, 'unavailable', 'restart')) {
      return {
        outcome: 'wait',
        delay: { ms: times.troubleMs, reason: 'unavailable', why: `checking the credential: ${error.message}` },
        problem: problemForState(error, store.now()),
      };
    }
    return { outcome: 'parked', credentialVersion, problem: problemForState(error, store.now()) };
  }
}

/** `?check=true`: the document it was given is removed by the API, which shows what was found first. */
export function checkCredential(deps: Dependencies): Activities['checkCredential'] {
  return async ({ connectionId }) => {
    const connection = await deps.store.connections.get(connectionId);
    if (connection?.wanted !== 'check') {
      throw ApplicationFailure.nonRetryable(`${connectionId} is not there to be checked`, 'unknown-connection');
    }
    return heartbeating(() => prove(deps, connectionId));
  };
}
