import { stageOf, type AnyRecord, type StageName } from '../connectors/records.ts';
import type { Gone, Looked, Ref } from '../connectors/connector.ts';
import type { PendingDocument } from '../store/documents.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Dependencies } from './dependencies.ts';
import { listChildren } from './list-children.ts';
import { lookedPages } from './looked-pages.ts';
import type { Opened } from './open-session.ts';

const atOnce = 100;
const maxTries = 8;

/**
 * Looks again at what webhooks, audit rows and actions named: asks the app for the present state of each and writes it
 * with the time it was asked; then lists folders that came into sight by it. Returns how many were settled.
 */
export async function drainPending(
  deps: Dependencies,
  opened: Opened,
  lease: Lease,
  goOn: () => boolean,
  moved: (lease: Lease) => void,
): Promise<{ lease: Lease; settled: number }> {
  const { store, times, log } = deps;
  let current = lease;
  let settled = 0;
  while (goOn()) {
    const docs = await store.pending.take(opened.connection._id, atOnce);
    if (docs.length === 0) break;
    for (const [stage, of] of byStage(docs.filter(({ children }) => !children))) {
      const spec = opened.connector.stages[stage];
      const observedAt = store.now();
      const found = (await spec?.lookup?.(opened.session, of.map(refOf))) ?? nothingFound;
      // Before they are settled: what dies in between costs one look too many.
      await store.holds.touch(opened.connection._id, [...of, ...found.records, ...(found.removed ?? []).filter(isRef)]);
      const unknown = new Set(found.unknown.map(keyOf));
      const told = of.filter((doc) => !unknown.has(keyOf(doc)));
      const done = await store.positions.commit(current, {
        pages: lookedPages(spec, found, found.removed ?? [], observedAt),
        touched: [],
        skipped: 0,
        settled: told,
        absent: { refs: found.absent, observedAt },
      });
      current = done.lease;
      moved(current);
      settled += told.length;
      await later(of.filter((doc) => unknown.has(keyOf(doc))));
    }
    const folders = docs.filter(({ children }) => children);
    if (folders.length > 0) {
      const listed = await listChildren(deps, opened, current, folders);
      current = listed.lease;
      moved(current);
      settled += folders.length - listed.refused.length;
      await later(listed.refused);
    }
  }
  return { lease: current, settled };

  async function later(refused: readonly PendingDocument[]): Promise<void> {
    const { givenUp } = await store.pending.defer(refused, times.lookAgainMs, maxTries);
    if (givenUp.length === 0) return;
    const refs = givenUp.map(keyOf);
    log.warn({ connectionId: opened.connection._id, refs }, 'could not be looked up, left to the next scan');
  }
}

/** The app has no way to look: what was named comes with the next sweep. */
const nothingFound: Looked<AnyRecord> = { records: [], absent: [], unknown: [] };

/** An event may name a holder, and what is found with it, or gone, is what somebody watches over. */
const isRef = (gone: Gone): gone is Ref => 'vendorId' in gone;

const keyOf = ({ kind, vendorId }: Pick<Ref, 'kind' | 'vendorId'>): string => `${kind}/${vendorId}`;
const refOf = ({ kind, vendorId, part }: PendingDocument): Ref => ({
  kind,
  vendorId,
  ...(part !== undefined && { part }),
});

function byStage(docs: readonly PendingDocument[]): Map<StageName, PendingDocument[]> {
  const stages = new Map<StageName, PendingDocument[]>();
  for (const doc of docs) {
    const stage = stageOf[doc.kind];
    stages.set(stage, [...(stages.get(stage) ?? []), doc]);
  }
  return stages;
}
