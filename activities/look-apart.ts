import type { Gone, Looked, Ref } from '../connectors/pages.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { PendingDocument } from '../store/documents.ts';
import { isOurs } from './is-ours.ts';
import { asFailure } from './problems.ts';

/** So many failures before the first answer say that the app is away: the rest is not asked for. */
const inVain = 4;

export interface LookedApart {
  found: { records: AnyRecord[]; absent: Ref[]; unknown: Ref[]; removed: Gone[] };
  /** What was answered, be it that it could not be told. */
  answered: PendingDocument[];
  failed: { docs: PendingDocument[]; why?: Failure };
  /** Concerns all, and ended it. */
  stopped?: unknown;
}

/** Looks at all; where that fails, at ever smaller lots, so that what the app fails on holds up nothing else. */
export async function lookApart(
  lookup: (refs: readonly Ref[]) => Promise<Looked<AnyRecord>>,
  docs: readonly PendingDocument[],
  signal: AbortSignal,
  goOn: () => boolean,
): Promise<LookedApart> {
  const looked: LookedApart = {
    found: { records: [], absent: [], unknown: [], removed: [] },
    answered: [],
    failed: { docs: [] },
  };
  const { found, answered, failed } = looked;
  const waiting = [docs];
  for (let failures = 0; waiting.length > 0 && goOn();) {
    const lot = waiting.pop()!;
    try {
      const { records, absent, unknown, removed = [] } = await lookup(lot.map(refOf));
      found.records.push(...records);
      found.absent.push(...absent);
      found.unknown.push(...unknown);
      found.removed.push(...removed);
      answered.push(...lot);
    } catch (error) {
      if (signal.aborted || isOurs(error) || Failure.is(error, 'throttled', 'unauthorized'))
        return { ...looked, stopped: error };
      failures += 1;
      failed.why = asFailure(error);
      const half = Math.ceil(lot.length / 2);
      if (answered.length === 0 && failures >= inVain) failed.docs.push(...lot, ...waiting.splice(0).flat());
      else if (lot.length === 1) failed.docs.push(...lot);
      // The later half first: what failed before is among the oldest.
      else waiting.push(lot.slice(0, half), lot.slice(half));
    }
  }
  return looked;
}

const refOf = ({ kind, vendorId, part }: PendingDocument): Ref => ({
  kind,
  vendorId,
  ...(part !== undefined && { part }),
});
