import type { ConnectionDocument } from '../store/documents.ts';
import { titleOf } from './starter.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';
import type { CheckResult } from './temporal.ts';
import { asProblem } from './wish.ts';

type CheckDeps = Pick<Deps, 'store' | 'temporal' | 'connectors'>;
/** The app takes the credential, whoever else may have the tenant. */
type Accepted = Extract<CheckResult, { outcome: 'verified' | 'duplicate' }>;

/** `?check=true`: proves the credential against the app and keeps nothing. */
export async function checkConnection(
  deps: CheckDeps,
  check: ConnectionDocument,
  mayKnow: (id: string) => boolean,
): Promise<Record<string, unknown>> {
  const { result, found } = await ranCheck(deps, check);
  if (result.outcome === 'duplicate') throw duplicateProblem(found.duplicateOf, mayKnow);
  return {
    verified: true,
    app: found.app,
    tenant: { name: found.tenantName ?? found.label },
    principal: found.principal,
    identity: found.identity,
    granted: found.granted ?? [],
    probes: found.probes ?? {},
    credentialExpiresAt: found.credentialExpiresAt,
  };
}

/** Lets a worker try a document that is only there to be checked, and removes it. Throws where the app refuses. */
export async function ranCheck(
  { store, temporal, connectors }: CheckDeps,
  check: ConnectionDocument,
): Promise<{ result: Accepted; found: ConnectionDocument }> {
  try {
    const title = `check · ${titleOf(connectors, check)}`;
    const result = await temporal.check({ connectionId: check._id }, title).catch((error: unknown) => {
      throw asProblem(error, 'nothing was kept; try again');
    });
    const found = await store.connections.get(check._id);
    if (result.outcome === 'wait' || result.outcome === 'parked') throw refusal(result);
    if (!found) throw new HttpProblem('check-failed', 'the check took too long; nothing was kept');
    return { result, found };
  } finally {
    await store.connections.deleteCheck(check._id);
  }
}

export const duplicateProblem = (duplicateOf: string | undefined, mayKnow: (id: string) => boolean): HttpProblem => {
  const shown = duplicateOf && mayKnow(duplicateOf) ? duplicateOf : undefined;
  const what = shown ? `the tenant is connected already, as ${shown}` : 'the tenant is connected already';
  return new HttpProblem('duplicate-tenant', what, { more: shown ? { duplicateOf: shown } : {} });
};

function refusal(result: Extract<CheckResult, { outcome: 'wait' | 'parked' }>): HttpProblem {
  const { problem } = result;
  if (result.outcome === 'wait') {
    const later = `try again in ${Math.max(1, Math.ceil(result.delay.ms / 1_000))} s`;
    const theirs = problem?.who === 'operator' ? problem : undefined;
    return new HttpProblem('check-failed', result.delay.why, {
      who: theirs?.who ?? 'vendor',
      remedy: theirs ? `see that the address in the settings is right; ${later}` : later,
      more: { refused: false, ...(problem ? { kind: problem.kind } : {}) },
    });
  }
  const { what, who, remedy, kind } = result.problem;
  return new HttpProblem('check-failed', what, {
    who,
    // There is no connection yet whose credential could be put.
    ...(remedy === undefined ? {} : { remedy: remedy.replace(/: PUT \/v1\S+$/, '') }),
    more: { refused: true, kind },
  });
}
