import { stageOf, type AnyRecord, type StageName } from '../connectors/records.ts';
import type { Gone, Looked, Ref } from '../connectors/pages.ts';
import type { Failure } from '../connectors/kit/failures.ts';
import type { PendingDocument } from '../store/documents.ts';
import type { Lease } from '../store/positions-interface.ts';
import type { Dependencies } from './dependencies.ts';
import { listChildren } from './list-children.ts';
import { lookApart } from './look-apart.ts';
import { lookedPages } from './looked-pages.ts';
import type { Opened } from './open-session.ts';

const atOnce = 100;
const maxTries = 8;
/** Of the shortest wait: longer, and what failed while the app was away would be long behind when that is back. */
const longestWait = 4;

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
    let away: Failure | undefined;
    for (const [stage, of] of byStage(docs.filter(({ children }) => !children))) {
      const spec = opened.connector.stages[stage];
      const { session } = opened;
      const observedAt = store.now();
      const look = async (refs: readonly Ref[]) => (await spec?.lookup?.(session, refs)) ?? nothingFound;
      const { found, answered, failed, stopped } = await lookApart(look, of, session.signal, goOn);
      if (answered.length > 0) {
        // Before they are settled: what dies in between costs one look too many.
        await store.holds.touch(opened.connection._id, [...answered, ...found.records, ...found.removed.filter(isRef)]);
        const unknown = new Set(found.unknown.map(keyOf));
        const told = answered.filter((doc) => !unknown.has(keyOf(doc)));
        const done = await store.positions.commit(current, {
          pages: lookedPages(spec, found, found.removed, observedAt),
          touched: [],
          skipped: 0,
          settled: told,
          absent: { refs: found.absent, observedAt },
        });
        current = done.lease;
        moved(current);
        settled += told.length;
        await later(answered.filter((doc) => unknown.has(keyOf(doc))));
      }
      away = (await failedOn(failed, answered.length > 0)) ?? away;
      if (stopped !== undefined) throw stopped;
    }
    const folders = docs.filter(({ children }) => children);
    if (folders.length > 0) {
      const { lease: after, refused, failed } = await listChildren(deps, opened, current, folders);
      current = after;
      moved(current);
      const left = refused.length + failed.docs.length;
      settled += folders.length - left;
      await later(refused);
      away = (await failedOn(failed, left < folders.length)) ?? away;
    }
    if (away) throw away;
  }
  return { lease: current, settled };

  /** Those that the app failed on; answers with why when it is away: then nothing is given up, it will be back. */
  async function failedOn(
    { docs, why }: { docs: readonly PendingDocument[]; why?: Failure },
    othersAnswered: boolean,
  ): Promise<Failure | undefined> {
    const away = !othersAnswered && why?.kind === 'unavailable' ? why : undefined;
    await later(docs, away ? Number.POSITIVE_INFINITY : maxTries);
    return docs.length > 0 ? away : undefined;
  }

  async function later(docs: readonly PendingDocument[], tries = maxTries): Promise<void> {
    const inMs = (doc: PendingDocument) => times.lookAgainMs * Math.min(2 ** doc.tries, longestWait);
    const { givenUp } = await store.pending.defer(docs, inMs, tries);
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

function byStage(docs: readonly PendingDocument[]): Map<StageName, PendingDocument[]> {
  const stages = new Map<StageName, PendingDocument[]>();
  for (const doc of docs) {
    const stage = stageOf[doc.kind];
    stages.set(stage, [...(stages.get(stage) ?? []), doc]);
  }
  return stages;
}
