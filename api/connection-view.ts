import { defaultContentBytes } from '../store/content-due.ts';
import type { ConnectionDocument } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import type { Problem, StageName, Trust } from '../workflows/messages.ts';
import { phaseOf } from './connection-of.ts';

/** What an operator sees of a connection. Members are named one by one: nothing sealed can slip in. */
export function connectionView(connection: ConnectionDocument, mayKnow: (id: string) => boolean) {
  const { state } = connection;
  const { duplicateOf } = connection;
  return {
    id: connection._id,
    app: connection.app,
    name: connection.name,
    label: connection.label,
    phase: phaseOf(connection),
    wanted: connection.wanted,
    problem: problemOf(connection, mayKnow),
    ...(duplicateOf && mayKnow(duplicateOf) ? { duplicateOf } : {}),
    trust: worstTrust(connection),
    tenant: connection.tenantId ? { id: connection.tenantId, name: connection.tenantName } : undefined,
    principal: connection.principal,
    identity: connection.identity,
    settings: connection.settings,
    credentialVersion: connection.credentialVersion,
    refusedCredential: connection.refusedCredential,
    credentialExpiresAt: connection.credentialExpiresAt,
    verifiedAt: connection.verifiedAt,
    granted: connection.granted,
    probes: connection.probes,
    webhookSecret: { rotations: connection.webhookRotations ?? 0, previousUntil: connection.webhookOverlapUntil },
    governance: connection.governance,
    protected: connection.protected,
    scanEveryMinutes: connection.scanEveryMs / 60_000,
    parallel: connection.parallel,
    content: {
      wanted: connection.content ?? 'off',
      maxMegabytes: (connection.contentMaxBytes ?? defaultContentBytes) / 1024 / 1024,
      ...state?.content,
    },
    batchPerHour: connection.batchPerHour,
    scan: state?.scan,
    nextScanAt: state?.nextScanAt,
    stages: state?.stages ?? {},
    waits: state?.waits ?? {},
    watch: state?.watch,
    actions: state?.actions,
    runs: state?.runs,
    createdAt: connection.createdAt,
    createdBy: connection.createdBy,
    updatedAt: connection.updatedAt,
    receipt: connection.receipt,
  };
}

/**
 * The state is written between chunks, each of which may read for a minute, and not at all while nothing changes; the
 * positions tell how far the stage that runs has come by now, and when changes were last looked for.
 */
export async function withProgress(store: Store, stored: ConnectionDocument): Promise<ConnectionDocument> {
  const lookedAt = stored.state && (await store.positions.lookedAt(stored._id));
  const connection = lookedAt
    ? { ...stored, state: { ...stored.state!, watch: { ...stored.state!.watch, lastAt: lookedAt.toISOString() } } }
    : stored;
  const { state } = connection;
  const stage = state?.scan.stage;
  if (!state || !stage || stage === 'auth' || state.stages[stage]?.phase !== 'running') return connection;
  const now = await store.positions.summary(connection._id, 'sweep', stage, state.scan.number);
  if (now.total === 0) return connection;
  const { counts, total, done, skipped, failed, estimate } = now;
  const running = { ...state.stages[stage], counts, parts: { total, done: done + skipped, failed } };
  if (estimate > 0) running.estimate = estimate;
  return { ...connection, state: { ...state, stages: { ...state.stages, [stage]: running } } };
}

/** The short form of lists. */
export function connectionLine(connection: ConnectionDocument, mayKnow: (id: string) => boolean) {
  const { id, app, name, label, phase, wanted, problem, trust, tenant, governance, scan, nextScanAt, createdAt } =
    connectionView(connection, mayKnow);
  return { id, app, name, label, phase, wanted, problem, trust, tenant, governance, scan, nextScanAt, createdAt };
}

function problemOf(connection: ConnectionDocument, mayKnow: (id: string) => boolean): Problem | undefined {
  const { state, duplicateOf } = connection;
  if (state?.phase !== 'duplicate') return state?.problem;
  const winner = duplicateOf && mayKnow(duplicateOf) ? duplicateOf : undefined;
  return {
    kind: 'duplicate-tenant',
    what: winner ? `the tenant is connected already, by ${winner}` : 'the tenant is connected already',
    who: 'operator',
    remedy: 'use the connection that has it and erase this one',
    since: state.problem?.since ?? connection.updatedAt.toISOString(),
  };
}

const worse: readonly (Trust | undefined)[] = [undefined, 'trusted', 'suspect', 'blind'];

/** The worst of the stages; absent before anything was read. */
function worstTrust({ state }: ConnectionDocument): Trust | undefined {
  return (Object.keys(state?.stages ?? {}) as StageName[])
    .map((stage) => state?.stages[stage]?.trust)
    .reduce((worst, trust) => (worse.indexOf(trust) > worse.indexOf(worst) ? trust : worst), undefined);
}
