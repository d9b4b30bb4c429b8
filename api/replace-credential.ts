import type { ConnectionDocument } from '../store/documents.ts';
import { duplicateProblem, ranCheck } from './check-connection.ts';
import type { Deps } from './deps.ts';
import { HttpProblem } from './problems.ts';

/**
 * A new credential takes the place of the one in use only when the app has accepted it for the same tenant. Until then
 * nothing is changed, so that whatever dies in between leaves the one in use. A refusal is kept to be seen.
 */
export async function replaceCredential(
  deps: Pick<Deps, 'store' | 'temporal' | 'connectors' | 'signals'>,
  connection: ConnectionDocument,
  given: { credential: unknown; identity: Record<string, string>; by: string },
  mayKnow: (id: string) => boolean,
): Promise<ConnectionDocument> {
  const { connections } = deps.store;
  const { credential, identity, by } = given;
  const { _id, app, name, label, settings, scanEveryMs, parallel } = connection;
  const check = await connections.create({
    ...{ app, name, label, settings, credential, identity, scanEveryMs, parallel },
    ...{ wanted: 'check', governance: 'off', protected: [], createdBy: by },
  });
  try {
    const { result, found } = await ranCheck(deps, check);
    demandSameTenant(connection, result.outcome === 'duplicate' ? found.duplicateOf : undefined, found, mayKnow);
  } catch (error) {
    if (!(error instanceof HttpProblem) || error.status >= 500) throw error;
    const { remedy, who = 'operator', more = {} } = error.extras;
    const { refused = true, ...rest } = more as { refused?: boolean; kind?: string };
    if (refused)
      await connections.noteRefusedCredential(_id, { by, identity, what: error.message, who, remedy, ...rest });
    const stays = `nothing was changed, version ${connection.credentialVersion} stays in use`;
    throw new HttpProblem(error.code, `${error.message}; ${stays}`, {
      ...error.extras,
      errors: [{ pointer: '/credential', detail: error.message, remedy }],
    });
  }
  const changed = await connections.recredential(_id, credential, identity);
  if (!changed) throw new HttpProblem('connection-ended', 'the connection was given up meanwhile');
  deps.signals.credentialsChanged(_id);
  return changed;
}

/** The check learns who has the tenant: it has to be this very connection, or nobody while this one has none yet. */
function demandSameTenant(
  { _id, tenantId, tenantName }: ConnectionDocument,
  owner: string | undefined,
  found: ConnectionDocument,
  mayKnow: (id: string) => boolean,
): void {
  if (owner === _id || (owner === undefined && tenantId === undefined)) return;
  if (tenantId === undefined) throw duplicateProblem(owner, mayKnow);
  const theirs = found.tenantName ?? found.label;
  throw new HttpProblem(
    'check-failed',
    `the credential is of another tenant (${theirs}) than ${tenantName ?? tenantId}`,
    {
      who: 'operator',
      remedy: 'give a credential of the same tenant, or make a new connection for the other one',
      more: { kind: 'otherTenant' },
    },
  );
}
