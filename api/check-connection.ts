import type { ConnectionDocument } from '../store/documents.ts';
import { titleOf } from './starter.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';
import type { CheckResult } from './temporal.ts';
import { asProblem } from './wish.ts';

/** `?check=true`: proves the credential against the app and keeps nothing. */
export async function checkConnection(
  deps: Pick<Deps, 'store' | 'temporal' | 'connectors'>,
  connection: ConnectionDocument,
  mayKnow: (id: string) => boolean,
): Promise<Record<string, unknown>> {
  const { store, temporal, connectors } = deps;
  try {
    const title = `check · ${titleOf(connectors, connection)}`;
    const result = await temporal.check({ connectionId: connection._id }, title).catch((error: unknown) => {
      throw asProblem(error, 'nothing was kept; try again');
    });
    const found = await store.connections.get(connection._id);
    if (result.outcome !== 'verified') throw checkProblem(result, found?.duplicateOf, mayKnow);
    if (!found) throw new HttpProblem('check-failed', 'the check took too long; nothing was kept');
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
  } finally {
    await store.connections.deleteCheck(connection._id);
  }
}

function checkProblem(
  result: Exclude<CheckResult, { outcome: 'verified' }>,
  duplicateOf: string | undefined,
  mayKnow: (id: string) => boolean,
): HttpProblem {
  if (result.outcome === 'wait') {
    const later = `try again in ${Math.max(1, Math.ceil(result.delay.ms / 1_000))} s`;
    const theirs = result.problem?.who === 'operator' ? result.problem : undefined;
    return new HttpProblem('check-failed', result.delay.why, {
      who: theirs?.who ?? 'vendor',
      remedy: theirs ? `see that the address in the settings is right; ${later}` : later,
      ...(result.problem ? { more: { kind: result.problem.kind } } : {}),
    });
  }
  const { problem } = result;
  if (result.outcome === 'duplicate')
    return new HttpProblem('duplicate-tenant', problem.what, {
      more: duplicateOf && mayKnow(duplicateOf) ? { duplicateOf } : {},
    });
  return new HttpProblem('check-failed', problem.what, {
    who: problem.who,
    // There is no connection yet whose credential could be put.
    ...(problem.remedy === undefined ? {} : { remedy: problem.remedy.replace(/: PUT \/v1\S+$/, '') }),
    more: { kind: problem.kind },
  });
}
